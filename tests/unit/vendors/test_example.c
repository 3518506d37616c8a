/* The adapter that docs/adding-a-vendor.md builds: it stands here whole, and runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* -- example begins -- */
#include "vendors/common/found.h"
#include "vendors/common/provider.h"
#include "vendors/common/reply.h"
#include "vendors/common/send.h"

extern const struct sy_vendor sy_vendor_acme;

enum acme_setting { ACME_BASE_URL, ACME_KEY };

static const struct sy_setting settings[] = {
    [ACME_BASE_URL] = {"base_url", "https://api.acme.example", SY_SETTING_URL, "Acme's API."},
    [ACME_KEY] = {"key", NULL, SY_SETTING_REQUIRED | SY_SETTING_SECRET, "API key."},
    {0},
};

static enum sy_step start(void *op, const struct sy_operation *what, const struct sy_facts *facts,
                          struct sy_wish *wish)
{
    const struct sy_turn t = {&sy_vendor_acme, what, NULL, facts, wish};
    struct sy_send s;

    (void)op;
    sy_send_begin(&s, &t, SY_VERB_POST, SY_FOR_EXECUTE,
                  what->effect == SY_EFFECT_READ ? SY_REQUEST_NONE : SY_REQUEST_WRITE,
                  sy_turn_setting(&t, ACME_BASE_URL));
    sy_send_path(&s, "/run");
    sy_send_segment(&s, "tool", what->tool);
    sy_send_secret(&s, "x-acme-key", sy_turn_setting(&t, ACME_KEY));
    sy_send_json(&s);
    sy_send_json_bound(&s, "user", facts->subject);
    sy_jw_name(&s.json, "input");
    sy_send_splice(&s, what->arguments);
    return sy_send_done(&s);
}

static enum sy_step resume(void *op, const struct sy_operation *what, const struct sy_event *event,
                           const struct sy_facts *facts, struct sy_wish *wish)
{
    const struct sy_turn t = {&sy_vendor_acme, what, event, facts, wish};
    struct sy_json root;

    (void)op;
    if (event->kind != SY_EVENT_REPLY)
        return sy_turn_fail_event(&t);
    if (!sy_reply_ok(&t))
        return sy_reply_fail(&t, (struct sy_str){0});
    if (!sy_reply_object(&t, &root))
        return sy_reply_nonsense(&t, SY_CAUSE_BAD_VENDOR_JSON);
    wish->result = (struct sy_result){.data = sy_json_get_z(root, "output").raw,
                                      .vendor_reply = sy_reply_others(&t, root, "output")};
    return SY_STEP_DONE;
}

const struct sy_vendor sy_vendor_acme = {
    .abi = SY_VENDOR_ABI,
    .name = "acme",
    .path = SY_PATH_NATIVE,
    .can = SY_CAN(SY_OP_EXECUTE),
    .user_connection = true,
    .settings = settings,
    .start = start,
    .resume = resume,
    .tool_name = sy_snake_tool_name,
};
/* -- example ends -- */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void the_example_passes_the_gate_and_carries_a_call(void **state)
{
    static const struct sy_str values[] = {SY_STR_INIT("https://api.acme.example"),
                                           SY_STR_INIT("secret-key")};
    struct sy_arena mem;
    struct sy_facts facts = {.settings = values, .subject = SY_STR("acme:u"), .mem = &mem};
    struct sy_operation what = {
        .op = SY_OP_EXECUTE, .tool = SY_STR("do/it"), .arguments = SY_STR("{\"n\":1e400}")};
    struct sy_event event = {
        .kind = SY_EVENT_REPLY, .status = 200, .body = SY_STR("{\"output\": [1e400] ,\"cost\":2}")};
    struct sy_wish wish = {0};

    (void)state;
    assert_int_equal(sy_vendor_check(&sy_vendor_acme, NULL), 0);
    sy_arena_init(&mem, 65536);
    assert_int_equal(sy_vendor_acme.start(NULL, &what, &facts, &wish), SY_STEP_SEND);
    assert_true(sy_str_eq(wish.request.url, SY_STR("https://api.acme.example/run/do%2Fit")));
    assert_true(sy_request_is_bound(&wish.request, facts.subject, (struct sy_str){0}));
    assert_int_equal(wish.request.body_count, 3);
    assert_ptr_equal(wish.request.body[1].ptr, what.arguments.ptr);
    assert_int_equal(sy_vendor_acme.resume(NULL, &what, &event, &facts, &wish), SY_STEP_DONE);
    assert_true(sy_str_eq(wish.result.data, SY_STR("[1e400]")));
    assert_true(sy_str_eq(wish.result.vendor_reply, SY_STR("{\"cost\":2}")));
    event.status = 503;
    assert_int_equal(sy_vendor_acme.resume(NULL, &what, &event, &facts, &wish), SY_STEP_FAIL);
    assert_int_equal(wish.failure.code, SY_CODE_VENDOR_UNAVAILABLE);
    sy_arena_release(&mem);
}

static char *read_file(const char *name)
{
    char path[1024];
    FILE *file;
    char *text = calloc(1, 65536);

    snprintf(path, sizeof(path), "%s/%s", SY_SOURCE_DIR, name);
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_true(fread(text, 1, 65535, file) > 0);
    fclose(file);
    return text;
}

static void the_page_shows_the_code_that_runs(void **state)
{
    char *page = read_file("docs/adding-a-vendor.md");
    char *source = read_file("tests/unit/vendors/test_example.c");
    char *begins = strstr(source, "/* -- example begins -- */\n");
    char *ends = strstr(source, "/* -- example ends -- */\n");

    (void)state;
    assert_non_null(begins);
    assert_non_null(ends);
    *ends = '\0';
    if (!strstr(page, begins + strlen("/* -- example begins -- */\n")))
        fail_msg("docs/adding-a-vendor.md shows other code than tests/unit/vendors/test_example.c");
    free(page);
    free(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_passes_the_gate_and_carries_a_call),
        cmocka_unit_test(the_page_shows_the_code_that_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
