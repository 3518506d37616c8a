/*
 * The memory backend's insides, shared by its files: sorted tables of items.
 */
#ifndef SY_REGISTRY_MEMORY_H
#define SY_REGISTRY_MEMORY_H

#include "contract/store.h"
#include "registry/table.h"

/* What one apply may have to take back: the tables as they were, and items to free. */
struct sy_memory_undo {
    struct sy_table toolkits, maps, names;
    size_t history_count;
    int64_t version;
    struct sy_bag fresh; /* made by this apply: freed when it is taken back */
    struct sy_bag stale; /* replaced by this apply: freed when it holds */
};

struct sy_memory {
    struct sy_store base;
    int64_t version;
    struct sy_table toolkits, maps, names;
    struct sy_bag history; /* struct history_item, oldest first */
    struct sy_table tenants, keys, quarantine;
    struct sy_table cases, ledger, idempotency;
    struct sy_drained *drained;
    size_t drained_count;
    struct sy_memory_undo undo;
};

/* NULL without memory. */
struct sy_store *sy_memory_create(void);

int sy_memory_nomem(struct sy_err *err);

/* The functions of struct sy_store_ops, by file. */
int sy_memory_apply(struct sy_store *store, const struct sy_change *changes, size_t count,
                    const struct sy_change_note *note, bool dry_run, int64_t *ret_version,
                    struct sy_err *err);
int sy_memory_history(struct sy_store *store, struct sy_str toolkit, unsigned limit,
                      struct sy_arena *arena, struct sy_str *ret_json, struct sy_err *err);
int sy_memory_load_rows(struct sy_memory *memory, struct sy_arena *arena, struct sy_registry *ret);

int sy_memory_bump_case(struct sy_store *store, const struct sy_case_bump *bump,
                        struct sy_arena *arena, struct sy_case *ret_case, struct sy_err *err);
int sy_memory_list_cases(struct sy_store *store, struct sy_str state, unsigned offset,
                         unsigned limit, struct sy_arena *arena, struct sy_case **ret_cases,
                         size_t *ret_count, struct sy_err *err);
int sy_memory_get_case(struct sy_store *store, struct sy_str id_or_name, struct sy_arena *arena,
                       struct sy_case *ret_case, struct sy_err *err);
int sy_memory_close_case(struct sy_store *store, struct sy_str id, struct sy_str resolution,
                         int64_t at_ms, struct sy_err *err);

int sy_memory_append_ledger(struct sy_store *store, const struct sy_ledger_row *rows, size_t count,
                            const struct sy_drained *drained, size_t drained_count,
                            struct sy_err *err);
int sy_memory_query_ledger(struct sy_store *store, const struct sy_ledger_query *query,
                           struct sy_arena *arena, struct sy_ledger_row **ret_rows,
                           size_t *ret_count, struct sy_err *err);
int sy_memory_drained(struct sy_store *store, struct sy_drained *places, size_t max,
                      size_t *ret_count, struct sy_err *err);
int sy_memory_trim(struct sy_store *store, int64_t before_ms, struct sy_err *err);
int sy_memory_put_idempotency(struct sy_store *store, const struct sy_idempotency_row *rows,
                              size_t count, struct sy_err *err);
int sy_memory_claim_idempotency(struct sy_store *store, const struct sy_idempotency_row *row,
                                int64_t now_ms, struct sy_err *err);
int sy_memory_drop_idempotency(struct sy_store *store, const struct sy_idempotency_row *row,
                               struct sy_err *err);
int sy_memory_each_idempotency(struct sy_store *store, int64_t now_ms, sy_idempotency_fn *fn,
                               void *ctx, struct sy_err *err);
int sy_memory_get_idempotency(struct sy_store *store, struct sy_str tenant,
                              const unsigned char key_hash[32], struct sy_arena *arena,
                              struct sy_idempotency_row *ret, struct sy_err *err);

#endif
