/*
 * What a change of the registry means, once for every backend: preconditions, rules, names that
 * must not collide, versions, history. A backend brings a transaction around it and the small
 * operations below; each may fail and then the transaction is rolled back.
 */
#ifndef SY_REGISTRY_APPLY_H
#define SY_REGISTRY_APPLY_H

#include "base/json.h"
#include "contract/store.h"

/* A toolkit as it stands. Version 0 and no rows: it does not exist. */
struct sy_toolkit_state {
    int64_t version;
    const struct sy_row *rows; /* in the order of their vendors */
    size_t row_count;
    struct sy_toolkit_facts facts;
};

struct sy_history_entry {
    struct sy_str toolkit;
    int64_t version;
    const char *kind;     /* "rows": before and after are arrays of rows; "map": tool map rows */
    struct sy_str before; /* JSON, absent: was not there */
    struct sy_str after;  /* JSON, absent: is gone */
    const struct sy_change_note *note;
};

struct sy_apply_ops {
    int (*get_version)(void *self, int64_t *ret_version, struct sy_err *err);
    int (*set_version)(void *self, int64_t version, struct sy_err *err);
    int (*get_toolkit)(void *self, struct sy_str toolkit, struct sy_arena *arena,
                       struct sy_toolkit_state *ret_state, struct sy_err *err);
    /* Replaces the toolkit, its rows and all its names; no rows: removes it. */
    int (*put_toolkit)(void *self, struct sy_str toolkit, const struct sy_toolkit_state *state,
                       struct sy_err *err);
    /* Gives a normalised name to a toolkit unless another has it; *ret_owner is who has it now. */
    int (*claim_name)(void *self, struct sy_str normalised, struct sy_str toolkit,
                      struct sy_arena *arena, struct sy_str *ret_owner, struct sy_err *err);
    /* *ret_map->tool is absent if there is no such map row. */
    int (*get_map)(void *self, struct sy_str tool, struct sy_str vendor, struct sy_arena *arena,
                   struct sy_tool_map *ret_map, struct sy_err *err);
    int (*put_map)(void *self, const struct sy_tool_map *map, struct sy_err *err);
    int (*delete_map)(void *self, struct sy_str tool, struct sy_str vendor, struct sy_err *err);
    int (*add_history)(void *self, const struct sy_history_entry *entry, struct sy_err *err);
};

/* Inside the backend's transaction. *ret_version: the new version, or the old one when the changes
 * change nothing. */
int sy_registry_apply(const struct sy_apply_ops *ops, void *self, const struct sy_change *changes,
                      size_t count, const struct sy_change_note *note, int64_t *ret_version,
                      struct sy_err *err);

/* One element of the history array. */
void sy_history_write(struct sy_json_writer *w, const struct sy_history_entry *entry);

#endif
