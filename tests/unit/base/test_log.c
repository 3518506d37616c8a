/* The log: one line, one write, no secret, nothing that steers a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Standard error goes to a pipe while a test logs. */
struct capture {
    int saved;
    int ends[2];
    char text[65536];
    size_t len;
};

static void capture_begin(struct capture *c)
{
    assert_int_equal(pipe(c->ends), 0);
    c->saved = dup(STDERR_FILENO);
    assert_true(c->saved >= 0);
    assert_true(dup2(c->ends[1], STDERR_FILENO) >= 0);
    close(c->ends[1]);
}

static struct sy_str capture_end(struct capture *c)
{
    ssize_t got;

    assert_true(dup2(c->saved, STDERR_FILENO) >= 0);
    close(c->saved);
    c->len = 0;
    while ((got = read(c->ends[0], c->text + c->len, sizeof(c->text) - c->len)) > 0)
        c->len += (size_t)got;
    close(c->ends[0]);
    return sy_str_from(c->text, c->len);
}

static struct capture captured;

static const struct sy_log_field fields[] = {
    {.name = "vendor", .text = SY_STR_INIT("composio")},
    {.name = "status", .number = 429},
    {.name = "note", .text = SY_STR_INIT("two words\nFAKE level=error \x1b[2J\xff")},
    {.name = "empty", .text = SY_STR_INIT("")},
    {.name = "Authorization", .text = SY_STR_INIT("Bearer canary")},
    {.name = "X-Api-Key", .text = SY_STR_INIT("canary")},
    {.name = "api_key", .text = SY_STR_INIT("canary")},
    {.name = "token", .number = 31337},
    {.name = "access_token", .text = SY_STR_INIT("canary")},
    {.name = "refresh_token", .text = SY_STR_INIT("canary")},
    {.name = "client_secret", .text = SY_STR_INIT("canary")},
    {.name = "secret", .text = SY_STR_INIT("canary")},
    {.name = "password", .text = SY_STR_INIT("canary")},
    {.name = "Cookie", .text = SY_STR_INIT("canary")},
};

static void json_lines_are_json_and_hide_secrets(void **state)
{
    struct sy_json_fault fault = {0};
    struct sy_json root;
    struct sy_str line;
    int64_t status = 0;

    (void)state;
    sy_log_setup(SY_LOG_INFO, true);
    capture_begin(&captured);
    sy_log(SY_LOG_WARN, "vendor.slow", fields, SY_ARRAY_LEN(fields));
    line = capture_end(&captured);
    assert_true(sy_str_ends(line, SY_STR("}\n")));
    assert_int_equal(sy_str_find_char(line, '\n'), line.len - 1);
    assert_int_equal(sy_json_read(line, 1, &root, &fault), SY_OK);
    assert_true(sy_json_name_is(sy_json_get_z(root, "level").raw, SY_STR("warn")));
    assert_true(sy_json_name_is(sy_json_get_z(root, "event").raw, SY_STR("vendor.slow")));
    assert_true(sy_json_name_is(sy_json_get_z(root, "vendor").raw, SY_STR("composio")));
    assert_int_equal(sy_json_get_z(root, "time").type, SY_JSON_STRING);
    assert_true(sy_json_i64(sy_json_get_z(root, "status"), &status));
    assert_int_equal(status, 429);
    assert_int_equal(sy_str_find(line, SY_STR("canary")), (size_t)-1);
    assert_int_equal(sy_str_find(line, SY_STR("31337")), (size_t)-1);
    for (size_t i = 4; i < SY_ARRAY_LEN(fields); i++)
        assert_true(sy_json_name_is(sy_json_get_z(root, fields[i].name).raw, SY_STR("[redacted]")));
}

static void text_lines_stay_one_line_and_hide_secrets(void **state)
{
    struct sy_str line;

    (void)state;
    sy_log_setup(SY_LOG_INFO, false);
    capture_begin(&captured);
    sy_log(SY_LOG_INFO, "vendor.slow", fields, SY_ARRAY_LEN(fields));
    line = capture_end(&captured);
    assert_int_equal(sy_str_find_char(line, '\n'), line.len - 1);
    assert_false(sy_str_has_control(sy_str_head(line, line.len - 1)));
    assert_true(sy_str_is_utf8(line));
    assert_true(
        sy_str_find(line, SY_STR("Z info  vendor.slow vendor=composio status=429 note=\"")) ==
        SY_STR("2026-11-21T09:00:00.123").len);
    assert_true(sy_str_find(line, SY_STR(" empty=\"\" Authorization=[redacted]")) != (size_t)-1);
    assert_int_equal(sy_str_find(line, SY_STR("canary")), (size_t)-1);
    assert_int_equal(sy_str_find(line, SY_STR("31337")), (size_t)-1);
}

static void levels_below_the_least_are_silent(void **state)
{
    struct sy_str text;

    (void)state;
    sy_log_setup(SY_LOG_WARN, false);
    assert_false(sy_log_enabled(SY_LOG_INFO));
    assert_true(sy_log_enabled(SY_LOG_ERROR));
    capture_begin(&captured);
    sy_log(SY_LOG_INFO, "quiet", NULL, 0);
    sy_logf(SY_LOG_DEBUG, "quiet", "%d", 1);
    sy_logf(SY_LOG_ERROR, "loud", "exit %d", 2);
    text = capture_end(&captured);
    assert_true(sy_str_ends(text, SY_STR(" error loud message=\"exit 2\"\n")));
    assert_int_equal(sy_str_find(text, SY_STR("quiet")), (size_t)-1);
}

static void long_values_are_cut_and_the_line_still_ends(void **state)
{
    struct sy_log_field field = {.name = "long"};
    struct sy_json root;
    struct sy_str line;
    char *text = malloc(1u << 20);

    (void)state;
    assert_non_null(text);
    memset(text, 1, 1u << 20);
    field.text = sy_str_from(text, 1u << 20);
    sy_log_setup(SY_LOG_INFO, true);
    capture_begin(&captured);
    sy_log(SY_LOG_ERROR, "long", &field, 1);
    line = capture_end(&captured);
    free(text);
    assert_true(line.len < 16384);
    assert_int_equal(sy_json_read(line, 1, &root, NULL), SY_OK);
}

static void *log_a_hundred(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++)
        sy_log(SY_LOG_INFO, "thread", NULL, 0);
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    pthread_t threads[4];
    struct sy_str rest;
    struct sy_str line;
    unsigned lines = 0;

    (void)state;
    sy_log_setup(SY_LOG_INFO, true);
    capture_begin(&captured);
    for (size_t i = 0; i < SY_ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_a_hundred, NULL), 0);
    for (size_t i = 0; i < SY_ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    rest = capture_end(&captured);
    while (sy_str_split(&rest, '\n', &line) && line.len) {
        struct sy_json root;
        assert_int_equal(sy_json_read(line, 1, &root, NULL), SY_OK);
        lines++;
    }
    assert_int_equal(lines, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_lines_are_json_and_hide_secrets),
        cmocka_unit_test(text_lines_stay_one_line_and_hide_secrets),
        cmocka_unit_test(levels_below_the_least_are_silent),
        cmocka_unit_test(long_values_are_cut_and_the_line_still_ends),
        cmocka_unit_test(lines_of_threads_do_not_mix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
