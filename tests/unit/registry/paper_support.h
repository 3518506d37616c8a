/*
 * Documents into a store and out of it.
 */
#ifndef TESTS_UNIT_REGISTRY_PAPER_SUPPORT_H
#define TESTS_UNIT_REGISTRY_PAPER_SUPPORT_H

#include "support.h"

static inline int read_as(struct fixture *f, struct sy_str text, enum sy_registry_format format,
                          struct sy_import *ret, struct sy_buf *faults)
{
    sy_buf_init_arena(faults, &f->arena, 1u << 16);
    return sy_registry_read(text, SY_STR("doc"), format, &f->arena, ret, faults);
}

static inline void read_and_apply(struct fixture *f, struct sy_str text,
                                  enum sy_registry_format format)
{
    struct sy_import import;
    struct sy_buf faults;

    if (read_as(f, text, format, &import, &faults))
        fail_msg("%.*s", SY_FMT(sy_buf_str(&faults)));
    if (apply(f, import.changes, import.change_count))
        fail_msg("%s", f->err.text);
}

static inline struct sy_str write_as(struct fixture *f, enum sy_registry_format format)
{
    struct sy_registry registry = load(f);
    struct sy_buf out;

    sy_buf_init_arena(&out, &f->arena, 64u << 20);
    sy_registry_write(&out, &registry, format);
    assert_true(sy_buf_ok(&out));
    return sy_buf_str(&out);
}

#endif
