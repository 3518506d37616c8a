#include "registry/press.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PLAIN_MAX ((size_t)1 << 20)

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* The text in memory of exactly its size, so that a byte read beyond it is found. */
static void there_and_back(struct sy_str text, size_t *ret_packed)
{
    char *exact = malloc(text.len ? text.len : 1);
    struct sy_buf packed, plain;

    assert_non_null(exact);
    memcpy(exact, text.ptr, text.len);
    sy_buf_init(&packed, 2 * PLAIN_MAX);
    sy_buf_init(&plain, PLAIN_MAX);
    sy_press(&packed, sy_str_from(exact, text.len));
    assert_true(sy_buf_ok(&packed));
    assert_true(packed.len <= text.len + text.len / 64 + 16);
    assert_true(sy_unpress(&plain, sy_buf_str(&packed), text.len));
    assert_true(sy_str_eq(sy_buf_str(&plain), text));
    if (text.len)
        assert_false(sy_unpress(&plain, sy_buf_str(&packed), text.len - 1));
    if (ret_packed)
        *ret_packed = packed.len;
    sy_buf_release(&packed);
    sy_buf_release(&plain);
    free(exact);
}

/* Rows that differ in a number, a name and a random id. */
static void rows_make(struct sy_buf *out, unsigned count)
{
    uint32_t seed = 7;

    sy_buf_init(out, PLAIN_MAX);
    for (unsigned i = 0; i < count; i++)
        sy_buf_printf(out,
                      "id call_%08x%08x tenant acme toolkit gmail tool gmail_fetch_emails vendor "
                      "composio because order: the policy's order puts composio first took %u;",
                      next_random(&seed), next_random(&seed), next_random(&seed) % 1000);
    assert_true(sy_buf_ok(out));
}

static void every_text_comes_back(void **state)
{
    static const size_t sizes[] = {0, 1, 7, 8, 9, 15, 16, 17, 127, 128, 129, 4096, 70000};
    uint32_t seed = 1;
    char *text = malloc(70000);

    (void)state;
    assert_non_null(text);
    for (unsigned kinds = 1; kinds <= 256; kinds *= 4) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
            for (size_t at = 0; at < sizes[i]; at++)
                text[at] = (char)(next_random(&seed) % kinds);
            there_and_back(sy_str_from(text, sizes[i]), NULL);
        }
    }
    free(text);
}

static void rows_that_repeat_each_other_shrink_to_a_fifth(void **state)
{
    struct sy_buf rows;
    size_t packed;

    (void)state;
    rows_make(&rows, 1000);
    there_and_back(sy_buf_str(&rows), &packed);
    assert_true(packed < rows.len / 5);
    sy_buf_release(&rows);
}

/* Whatever a byte became, the reader stays within what it was given and gives no more than asked. */
static void what_is_damaged_gives_what_stands_before_it(void **state)
{
    struct sy_buf rows, packed, plain;
    uint32_t seed = 3;
    char *copy;

    (void)state;
    rows_make(&rows, 20);
    sy_buf_init(&packed, PLAIN_MAX);
    sy_buf_init(&plain, PLAIN_MAX);
    sy_press(&packed, sy_buf_str(&rows));
    for (size_t len = 0; len < packed.len; len++) {
        copy = malloc(len + 1);
        assert_non_null(copy);
        memcpy(copy, packed.ptr, len);
        sy_buf_clear(&plain);
        assert_false(sy_unpress(&plain, sy_str_from(copy, len), PLAIN_MAX));
        assert_true(sy_str_eq(sy_buf_str(&plain), sy_str_head(sy_buf_str(&rows), plain.len)));
        free(copy);
    }
    copy = malloc(packed.len);
    assert_non_null(copy);
    for (size_t at = 0; at < 8 * packed.len; at++) {
        memcpy(copy, packed.ptr, packed.len);
        copy[at % packed.len] ^= (char)(1 + next_random(&seed) % 255);
        sy_buf_clear(&plain);
        (void)sy_unpress(&plain, sy_str_from(copy, packed.len), rows.len);
        assert_true(sy_buf_ok(&plain) && plain.len <= rows.len);
    }
    free(copy);
    sy_buf_release(&rows);
    sy_buf_release(&packed);
    sy_buf_release(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_comes_back),
        cmocka_unit_test(rows_that_repeat_each_other_shrink_to_a_fifth),
        cmocka_unit_test(what_is_damaged_gives_what_stands_before_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
