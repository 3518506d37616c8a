/* Arenas, buffers, error texts, owned secrets: who owns what, and what happens at a maximum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

#include <string.h>

static void pieces_are_aligned_apart_and_keep_their_content(void **state)
{
    static unsigned char *pieces[600];
    struct sy_arena arena;

    (void)state;
    sy_arena_init(&arena, 1u << 26);
    for (size_t i = 0; i < SY_ARRAY_LEN(pieces); i++) {
        size_t size = i * i % 3001;
        pieces[i] = sy_arena_alloc(&arena, size);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i & 255), size);
    }
    unsigned char *large = sy_arena_zalloc(&arena, 1u << 20);
    assert_non_null(large);
    assert_int_equal(large[0] | large[(1u << 20) - 1], 0);
    for (size_t i = 0; i < SY_ARRAY_LEN(pieces); i++) {
        size_t size = i * i % 3001;
        for (size_t j = 0; j < size; j++)
            assert_int_equal(pieces[i][j], i & 255);
    }
    assert_false(arena.failed);
    sy_arena_release(&arena);
    assert_int_equal(arena.used, 0);
    assert_non_null(sy_arena_alloc(&arena, 1));
    sy_arena_release(&arena);
}

static void an_arena_ends_at_its_maximum_and_remembers(void **state)
{
    struct sy_arena arena;

    (void)state;
    sy_arena_init(&arena, 64);
    assert_non_null(sy_arena_alloc(&arena, 17)); /* 32 with alignment */
    assert_non_null(sy_arena_alloc(&arena, 32));
    assert_int_equal(arena.used, 64);
    assert_false(arena.failed);
    assert_null(sy_arena_alloc(&arena, 1));
    assert_true(arena.failed);
    sy_arena_clear(&arena);
    assert_false(arena.failed);
    assert_non_null(sy_arena_alloc(&arena, 64));
    sy_arena_release(&arena);
}

static void sizes_that_overflow_are_refused(void **state)
{
    struct sy_arena arena;

    (void)state;
    sy_arena_init(&arena, SIZE_MAX);
    assert_null(sy_arena_alloc(&arena, SIZE_MAX));
    assert_null(sy_arena_alloc(&arena, SIZE_MAX - 15));
    assert_null(sy_arena_array(&arena, SIZE_MAX / 2, 3));
    assert_null(sy_arena_copy(&arena, sy_str_from("x", SIZE_MAX)).ptr);
    struct sy_str parts[] = {{"x", SIZE_MAX - 1}, {"y", 2}};
    assert_null(sy_arena_join(&arena, parts, 2).ptr);
    assert_true(arena.failed);
    sy_arena_release(&arena);
}

static void clearing_gives_memory_for_the_next_user(void **state)
{
    struct sy_arena arena;

    (void)state;
    sy_arena_init(&arena, 1u << 24);
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < 100; i++)
            assert_non_null(sy_arena_zalloc(&arena, 1000 + 1000 * (i % 50)));
        sy_arena_clear(&arena);
        assert_int_equal(arena.used, 0);
    }
    /* A first piece too large to keep is not kept. */
    sy_arena_release(&arena);
    assert_non_null(sy_arena_alloc(&arena, 1u << 20));
    sy_arena_clear(&arena);
    assert_non_null(sy_arena_alloc(&arena, 10));
    sy_arena_release(&arena);
}

static void copies_end_in_a_nul_that_is_not_counted(void **state)
{
    struct sy_str parts[] = {SY_STR_INIT("a"), {NULL, 0}, SY_STR_INIT("\0b"), SY_STR_INIT("c")};
    struct sy_arena arena;
    struct sy_str text;

    (void)state;
    sy_arena_init(&arena, 4096);
    text = sy_arena_copy(&arena, SY_STR("text"));
    assert_int_equal(text.len, 4);
    assert_memory_equal(text.ptr, "text", 5);
    text = sy_arena_copy(&arena, SY_STR(""));
    assert_non_null(text.ptr);
    assert_int_equal(text.len, 0);
    assert_null(sy_arena_copy(&arena, (struct sy_str){NULL, 0}).ptr);
    assert_false(arena.failed);
    assert_string_equal(sy_arena_z(&arena, (struct sy_str){NULL, 0}), "");
    text = sy_arena_printf(&arena, "%s-%d", "n", 42);
    assert_int_equal(text.len, 4);
    assert_string_equal(text.ptr, "n-42");
    text = sy_arena_join(&arena, parts, SY_ARRAY_LEN(parts));
    assert_int_equal(text.len, 4);
    assert_memory_equal(text.ptr, "a\0bc", 5);
    assert_int_equal(sy_arena_join(&arena, NULL, 0).len, 0);
    sy_arena_release(&arena);
}

static void fill(struct sy_buf *buf)
{
    sy_buf_append(buf, SY_STR("ab"));
    sy_buf_append(buf, (struct sy_str){NULL, 0});
    sy_buf_append_z(buf, NULL);
    sy_buf_append_char(buf, ',');
    sy_buf_append_u64(buf, UINT64_MAX);
    sy_buf_append_char(buf, ',');
    sy_buf_append_i64(buf, INT64_MIN);
    sy_buf_printf(buf, ",%05d,%s", 42, "");
    sy_buf_append_i64(buf, 0);
}

static const char filled[] = "ab,18446744073709551615,-9223372036854775808,00042,0";

static void buffers_grow_on_the_heap_and_in_arenas(void **state)
{
    struct sy_arena arena;
    struct sy_buf buf;

    (void)state;
    sy_arena_init(&arena, 1u << 20);
    for (int in_arena = 0; in_arena < 2; in_arena++) {
        if (in_arena)
            sy_buf_init_arena(&buf, &arena, 100000);
        else
            sy_buf_init(&buf, 100000);
        assert_int_equal(sy_buf_str(&buf).len, 0);
        assert_non_null(sy_buf_str(&buf).ptr);
        fill(&buf);
        assert_true(sy_str_eq(sy_buf_str(&buf), SY_STR(filled)));
        while (buf.len < 90000)
            fill(&buf);
        assert_true(sy_buf_ok(&buf));
        assert_memory_equal(buf.ptr + sizeof(filled) - 1, filled, sizeof(filled) - 1);
        sy_buf_release(&buf);
        sy_buf_append_char(&buf, 'x');
        assert_true(sy_str_eq(sy_buf_str(&buf), SY_STR("x")));
        sy_buf_release(&buf);
    }
    sy_arena_release(&arena);
}

static void a_buffer_fails_at_its_maximum_and_stays_failed(void **state)
{
    struct sy_buf buf;

    (void)state;
    for (size_t max = 0; max < sizeof(filled) - 1; max++) {
        sy_buf_init(&buf, max);
        fill(&buf);
        assert_false(sy_buf_ok(&buf));
        assert_true(buf.len <= max);
        size_t len = buf.len;
        sy_buf_append_char(&buf, 'x'); /* would fit at some maxima: nothing follows a failure */
        assert_int_equal(buf.len, len);
        assert_null(sy_buf_reserve(&buf, 0));
        sy_buf_release(&buf);
    }
    sy_buf_init(&buf, sizeof(filled) - 1);
    fill(&buf);
    assert_true(sy_buf_ok(&buf));
    sy_buf_append_char(&buf, 'x');
    assert_false(sy_buf_ok(&buf));
    sy_buf_clear(&buf);
    assert_true(sy_buf_ok(&buf));
    sy_buf_release(&buf);
    sy_buf_init(&buf, SIZE_MAX);
    assert_null(sy_buf_reserve(&buf, SIZE_MAX));
    assert_false(sy_buf_ok(&buf));
    sy_buf_release(&buf);
}

static void an_arena_that_is_full_fails_the_buffer(void **state)
{
    struct sy_arena arena;
    struct sy_buf buf;

    (void)state;
    sy_arena_init(&arena, 100);
    sy_buf_init_arena(&buf, &arena, 1000);
    fill(&buf);
    fill(&buf);
    assert_false(sy_buf_ok(&buf));
    assert_true(arena.failed);
    sy_arena_release(&arena);
}

static void bytes_are_reserved_committed_and_consumed(void **state)
{
    struct sy_buf buf;
    char *to;

    (void)state;
    sy_buf_init(&buf, 1000);
    to = sy_buf_reserve(&buf, 500);
    assert_non_null(to);
    memcpy(to, "hello world", 11);
    sy_buf_grown(&buf, 11);
    sy_buf_consume(&buf, 6);
    assert_true(sy_str_eq(sy_buf_str(&buf), SY_STR("world")));
    sy_buf_consume(&buf, 0);
    sy_buf_consume(&buf, 99);
    assert_int_equal(buf.len, 0);
    sy_buf_grown(&buf, 100000); /* more than there is room for is a mistake of the caller */
    assert_false(sy_buf_ok(&buf));
    sy_buf_release(&buf);
}

static void the_first_error_wins_and_frames_go_in_front(void **state)
{
    struct sy_err err = SY_ERR_INIT;
    char frame[600];

    (void)state;
    sy_err_push(&err, "nothing happened");
    assert_string_equal(err.text, "");
    assert_int_equal(sy_err_set(&err, SY_INVALID, "line %d", 7), SY_INVALID);
    assert_int_equal(sy_err_set(&err, SY_NOMEM, "later"), SY_NOMEM);
    assert_int_equal(err.status, SY_INVALID);
    sy_err_push(&err, "loading %s", "a.yaml");
    assert_string_equal(err.text, "loading a.yaml: line 7");
    assert_int_equal(sy_err_set(NULL, SY_ERR, "nobody listens"), SY_ERR);
    sy_err_push(NULL, "nobody listens");

    /* Long texts are cut at the end; the frames, which say where, stay. */
    memset(frame, 'f', sizeof(frame) - 1);
    frame[sizeof(frame) - 1] = 0;
    sy_err_push(&err, "%s", frame);
    assert_true(strlen(err.text) < sizeof(err.text));
    assert_true(sy_str_ends(sy_str_of(err.text), SY_STR("f: ")));
    err = (struct sy_err)SY_ERR_INIT;
    sy_err_set(&err, SY_ERR, "%s", frame);
    sy_err_push(&err, "where");
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_true(sy_str_starts(sy_str_of(err.text), SY_STR("where: fff")));
}

static void a_secret_is_owned_until_released(void **state)
{
    char text[] = "sk-canary";
    struct sy_secret secret;

    (void)state;
    assert_int_equal(sy_secret_init_copy(&secret, sy_str_of(text)), SY_OK);
    memset(text, 'x', sizeof(text) - 1);
    assert_true(sy_str_eq(sy_secret_str(&secret), SY_STR("sk-canary")));
    sy_secret_release(&secret);
    assert_null(sy_secret_str(&secret).ptr);
    sy_secret_release(&secret);
    sy_secret_release(NULL);
    assert_int_equal(sy_secret_init_copy(&secret, SY_STR("")), SY_OK);
    assert_null(sy_secret_str(&secret).ptr);
    assert_int_equal(sy_secret_init_copy(&secret, (struct sy_str){NULL, 0}), SY_OK);
    assert_int_equal(sy_secret_str(&secret).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_apart_and_keep_their_content),
        cmocka_unit_test(an_arena_ends_at_its_maximum_and_remembers),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(clearing_gives_memory_for_the_next_user),
        cmocka_unit_test(copies_end_in_a_nul_that_is_not_counted),
        cmocka_unit_test(buffers_grow_on_the_heap_and_in_arenas),
        cmocka_unit_test(a_buffer_fails_at_its_maximum_and_stays_failed),
        cmocka_unit_test(an_arena_that_is_full_fails_the_buffer),
        cmocka_unit_test(bytes_are_reserved_committed_and_consumed),
        cmocka_unit_test(the_first_error_wins_and_frames_go_in_front),
        cmocka_unit_test(a_secret_is_owned_until_released),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
