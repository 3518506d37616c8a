/*
 * Payloads pass the adapters octet for octet: arguments into the request, results out of the reply.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/crypto.h"
#include "base/json.h"
#include "vendors/vendors.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOC_MAX ((size_t)4 << 20)

static const struct sy_str composio_settings[] = {SY_STR_INIT("https://backend.composio.dev"),
                                                  SY_STR_INIT("ak_test_key"), SY_STR_INIT("false")};
static const struct sy_str scalekit_settings[] = {
    SY_STR_INIT("https://acme.scalekit.dev"), SY_STR_INIT("skc_test"), SY_STR_INIT("secret_test")};
static const struct sy_str pipedream_settings[] = {
    SY_STR_INIT("https://api.pipedream.com"),
    SY_STR_INIT("https://remote.mcp.pipedream.net/v3"),
    SY_STR_INIT("client-1"),
    SY_STR_INIT("client_secret_1"),
    SY_STR_INIT("proj_abc"),
    SY_STR_INIT("production")};

static const struct sy_fact facts_in_hand[] = {
    {SY_FACT_TOKEN, SY_STR_INIT(""), SY_STR_INIT("tok-1"), 1},
    {SY_FACT_TOOL, SY_STR_INIT("slack-send"),
     SY_STR_INIT("{\"key\":\"slack-send\",\"configurable_props\":[{\"name\":\"slack\",\"type\":"
                 "\"app\",\"app\":\"slack\"}]}"),
     1},
    {SY_FACT_ACCOUNTS, SY_STR_INIT("slack"),
     SY_STR_INIT("[{\"id\":\"apn_1\",\"user\":\"acme:u\",\"status\":\"ACTIVE\"}]"), 1},
};

static const struct {
    const struct sy_vendor *vendor;
    const struct sy_str *settings;
    const char *reply_head, *reply_tail;
} tracks[] = {
    {&sy_vendor_composio, composio_settings,
     "{\"data\": ", " ,\"error\":null,\"successful\":true}"},
    {&sy_vendor_scalekit, scalekit_settings, "{\"execution_id\":\"1\",\"data\":\n", "\n}"},
    {&sy_vendor_pipedream, pipedream_settings, "{\"exports\":{},\"os\":[],\"ret\":", "}"},
    {&sy_vendor_worker, NULL, "{ \"data\" :", "}"},
};

static struct sy_str join(struct sy_arena *mem, const char *head, struct sy_str doc,
                          const char *tail)
{
    const struct sy_str parts[] = {sy_str_of(head), doc, sy_str_of(tail)};

    return sy_arena_join(mem, parts, SY_ARRAY_LEN(parts));
}

/* The one body slice that is the payload itself, by address: nothing was copied, so nothing was
 * changed. Pipedream takes the members between the braces. */
static bool carries(const struct sy_request *request, struct sy_str arguments)
{
    for (unsigned i = 0; i < request->body_count; i++) {
        struct sy_str slice = request->body[i];
        if (slice.ptr == arguments.ptr && slice.len == arguments.len)
            return true;
        if (slice.ptr == arguments.ptr + 1 && slice.len == arguments.len - 2)
            return true;
    }
    return false;
}

static void pass_through(size_t track, struct sy_str doc, const char *name)
{
    const struct sy_vendor *vendor = tracks[track].vendor;
    struct sy_arena mem;
    struct sy_wish wish = {0};
    struct sy_event event = {.kind = SY_EVENT_REPLY, .status = 200};
    struct sy_facts facts = {.now_unix_ms = 1,
                             .subject = SY_STR("acme:u"),
                             .settings = tracks[track].settings,
                             .row_secret = SY_STR("secret"),
                             .facts = facts_in_hand,
                             .fact_count = SY_ARRAY_LEN(facts_in_hand),
                             .mem = &mem};
    struct sy_operation what = {
        .op = SY_OP_EXECUTE,
        .tool = SY_STR("slack-send"),
        .target = {.vendor_slug = SY_STR("slack"), .endpoint = SY_STR("https://worker.example/")}};
    struct sy_json value;
    void *op;

    sy_arena_init(&mem, 64u << 20);
    op = sy_arena_zalloc(&mem, vendor->op_size + 1);
    what.arguments = join(&mem, "{\"v\":", doc, "}");
    if (vendor->start(op, &what, &facts, &wish) != SY_STEP_SEND)
        fail_msg("%s: %s: no request", vendor->name, name);
    if (!carries(&wish.request, what.arguments))
        fail_msg("%s: %s: the arguments were copied or changed", vendor->name, name);
    event.body = join(&mem, tracks[track].reply_head, doc, tracks[track].reply_tail);
    wish = (struct sy_wish){0};
    if (vendor->resume(op, &what, &event, &facts, &wish) != SY_STEP_DONE)
        fail_msg("%s: %s: no result", vendor->name, name);
    assert_int_equal(sy_json_read(doc, SY_JSON_DEPTH_MAX, &value, NULL), 0);
    if (!sy_str_eq(wish.result.data, value.raw))
        fail_msg("%s: %s: the result was changed", vendor->name, name);
    sy_arena_release(&mem);
}

static void pass_all(struct sy_str doc, const char *name)
{
    struct sy_json value;

    if (sy_json_read(doc, SY_JSON_DEPTH_MAX - 2, &value, NULL) != 0)
        fail_msg("%s: not accepted", name);
    for (size_t track = 0; track < SY_ARRAY_LEN(tracks); track++)
        pass_through(track, doc, name);
}

static void hard_documents_pass_unchanged(void **state)
{
    static const char *const docs[] = {
        "9007199254740993",
        "-0.0",
        "1e400",
        "1E-400",
        "123456789012345678901234567890.0987654321",
        "{\"a\":1,\"a\":2,\"\":3}",
        "\"\\u0000\\ud800\\/\\u0041\\u00e9\"",
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"",
        "[ 1 ,\t2\r\n, [ ] , { } ]",
        "{\"error\":null,\"data\":{\"error\":null},\"isError\":false}",
        "null",
        "false",
        "\"\"",
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(docs); i++)
        pass_all(sy_str_of(docs[i]), docs[i]);
}

static struct sy_str read_file(const char *path, char *into)
{
    FILE *file = fopen(path, "rb");
    size_t len;

    assert_non_null(file);
    len = fread(into, 1, DOC_MAX, file);
    fclose(file);
    return sy_str_from(into, len);
}

static int is_accepted(const struct dirent *entry)
{
    return strncmp(entry->d_name, "y_", 2) == 0;
}

static void every_accepted_document_of_the_suite_passes_unchanged(void **state)
{
    const char *shared = getenv("SY_SHARED_DIR");
    struct dirent **entries = NULL;
    char folder[1024], path[2048];
    char *text = malloc(DOC_MAX);
    int count;

    (void)state;
    snprintf(folder, sizeof(folder), "%s/data/corpora/json-nst/test_parsing", shared ? shared : "");
    count = shared ? scandir(folder, &entries, is_accepted, alphasort) : -1;
    if (count < 0) {
        free(text);
        print_message("skipped: no json-nst corpus\n");
        skip();
    }
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        pass_all(read_file(path, text), entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    free(text);
    assert_true(count >= 95);
}

/* Deterministic documents: the same 10,000 in every run. */
static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void generate(struct sy_buf *out, uint64_t *seed, unsigned depth)
{
    static const char *const scalars[] = {"0",
                                          "-1",
                                          "1e5",
                                          "1E+400",
                                          "0.1",
                                          "-12.5e-3",
                                          "18446744073709551616",
                                          "true",
                                          "null",
                                          "\"\"",
                                          "\"a\"",
                                          "\" \"",
                                          "\"\\n\"",
                                          "\"\\ud83d\"",
                                          "\"\xc3\xbc\"",
                                          "false"};
    uint64_t kind = next_random(seed) % (depth > 5 ? 1 : 3);
    uint64_t items = next_random(seed) % 4;

    if (kind == 0) {
        sy_buf_append_z(out, scalars[next_random(seed) % SY_ARRAY_LEN(scalars)]);
        return;
    }
    sy_buf_append_char(out, kind == 1 ? '[' : '{');
    for (uint64_t i = 0; i < items; i++) {
        if (i)
            sy_buf_append_z(out, next_random(seed) % 2 ? "," : " ,\n");
        if (kind == 2)
            sy_buf_append_z(out, next_random(seed) % 2 ? "\"k\":" : "\"\\u006b\" : ");
        generate(out, seed, depth + 1);
    }
    sy_buf_append_char(out, kind == 1 ? ']' : '}');
}

static void ten_thousand_generated_documents_pass_unchanged(void **state)
{
    uint64_t seed = 20261121;
    struct sy_buf doc;

    (void)state;
    sy_buf_init(&doc, 1u << 20);
    for (int i = 0; i < 10000; i++) {
        sy_buf_clear(&doc);
        generate(&doc, &seed, 0);
        assert_true(sy_buf_ok(&doc));
        pass_through((size_t)i % SY_ARRAY_LEN(tracks), sy_buf_str(&doc), "generated");
    }
    sy_buf_release(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hard_documents_pass_unchanged),
        cmocka_unit_test(every_accepted_document_of_the_suite_passes_unchanged),
        cmocka_unit_test(ten_thousand_generated_documents_pass_unchanged),
    };

    return sy_crypto_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
