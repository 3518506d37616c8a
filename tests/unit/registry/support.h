/*
 * A fresh store for every test, of the backend that the test's first state names.
 */
#ifndef TESTS_UNIT_REGISTRY_SUPPORT_H
#define TESTS_UNIT_REGISTRY_SUPPORT_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/crypto.h"
#include "registry/registry.h"

#define NOW INT64_C(1793600000000)

struct fixture {
    struct sy_store *store;
    struct sy_arena arena;
    struct sy_err err;
    char folder[32];
    char url[64];
};

static inline struct sy_str z(const char *text)
{
    return sy_str_of(text);
}

static inline void assert_text(struct sy_str got, const char *wanted)
{
    if (!sy_str_eq(got, z(wanted)))
        fail_msg("got \"%.*s\", wanted \"%s\"", SY_FMT(got), wanted);
}

/* Files only: stores make no folders inside theirs. */
static inline void remove_folder(const char *folder)
{
    char path[512];
    struct dirent *entry;
    DIR *dir = opendir(folder);

    while (dir && (entry = readdir(dir))) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.')
            (void)unlink(path);
    }
    if (dir)
        (void)closedir(dir);
    (void)rmdir(folder);
}

static inline int open_store(struct fixture *f, bool seed)
{
    const struct sy_store_options options = {
        .url = z(f->url), .exclusive = true, .seed = seed, .holder_note = SY_STR("the test")};

    f->err = (struct sy_err)SY_ERR_INIT;
    return sy_store_open(&options, &f->store, &f->err);
}

static inline void close_store(struct fixture *f)
{
    if (f->store)
        f->store->ops->close(f->store);
    f->store = NULL;
}

static inline int set_up(void **state)
{
    const char *backend = *state;
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(sy_crypto_init(), 0);
    sy_arena_init(&f->arena, 256u << 20);
    if (!strcmp(backend, "memory")) {
        (void)snprintf(f->url, sizeof(f->url), "memory:");
    } else {
        (void)snprintf(f->folder, sizeof(f->folder), "store-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void)snprintf(f->url, sizeof(f->url), "sqlite:%s/switchyard.db", f->folder);
    }
    if (open_store(f, false))
        fail_msg("%s", f->err.text);
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;

    close_store(f);
    sy_arena_release(&f->arena);
    if (f->folder[0])
        remove_folder(f->folder);
    free(f);
    return 0;
}

static inline int apply(struct fixture *f, const struct sy_change *changes, size_t count)
{
    static const struct sy_change_note note = {
        .actor = {"key_test", 8}, .reason = {"because", 7}, .at_ms = NOW};

    f->err = (struct sy_err)SY_ERR_INIT;
    return f->store->ops->apply(f->store, changes, count, &note, false, NULL, &f->err);
}

static inline struct sy_registry load(struct fixture *f)
{
    struct sy_registry registry;

    f->err = (struct sy_err)SY_ERR_INIT;
    if (f->store->ops->load(f->store, &f->arena, &registry, &f->err))
        fail_msg("%s", f->err.text);
    return registry;
}

static inline struct sy_row row_of(const char *toolkit, const char *vendor)
{
    return (struct sy_row){.toolkit = z(toolkit), .vendor = z(vendor), .state = SY_ROW_LIVE};
}

static inline int put_rows(struct fixture *f, const char *toolkit, const struct sy_row *rows,
                           size_t count, int64_t expected)
{
    const struct sy_toolkit_facts facts = {.toolkit = z(toolkit)};
    const struct sy_change change = {.kind = SY_CHANGE_PUT_TOOLKIT,
                                     .toolkit = z(toolkit),
                                     .expected_version = expected,
                                     .rows = rows,
                                     .row_count = count,
                                     .facts = &facts};

    return apply(f, &change, 1);
}

static inline int put_row(struct fixture *f, const struct sy_row *row)
{
    const struct sy_change change = {.kind = SY_CHANGE_PUT_ROW,
                                     .toolkit = row->toolkit,
                                     .expected_version = -1,
                                     .rows = row,
                                     .row_count = 1};

    return apply(f, &change, 1);
}

static inline int put_map(struct fixture *f, const struct sy_tool_map *map)
{
    const struct sy_change change = {
        .kind = SY_CHANGE_PUT_MAP, .toolkit = map->toolkit, .expected_version = -1, .map = map};

    return apply(f, &change, 1);
}

/* The first state of a test: which backend. */
#define FOR(backend, test)                                                                         \
    cmocka_unit_test_prestate_setup_teardown(test, set_up, tear_down, (char[]){backend})

#endif
