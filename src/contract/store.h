/*
 * The store: registry, tenants, keys, cases, ledger, idempotency answers.
 *
 * Backends: registry/sqlite (WAL, synchronous FULL, one writer) and registry/memory; one contract
 * suite runs over both. Every function may block: only the writer thread (or a command of the CLI)
 * calls them, never a loop. Results live in the caller's arena. Errors: SY_NOT_FOUND, SY_EXISTS,
 * SY_CONFLICT (version precondition), SY_INVALID (text says which row and field), SY_UNAVAILABLE
 * (disk full, locked, I/O), SY_NOMEM.
 */
#ifndef SY_CONTRACT_STORE_H
#define SY_CONTRACT_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "contract/registry.h"

struct sy_store;

/* ---- registry ---- */

enum sy_change_kind {
    SY_CHANGE_PUT_TOOLKIT, /* the toolkit's rows and facts become exactly these (none: deleted) */
    SY_CHANGE_PUT_ROW,     /* one row, others of the toolkit stay */
    SY_CHANGE_DELETE_ROW,
    SY_CHANGE_PUT_MAP,
    SY_CHANGE_DELETE_MAP,
};

struct sy_change {
    enum sy_change_kind kind;
    struct sy_str toolkit;
    int64_t expected_version;  /* the toolkit's; -1: do not check; 0: must not exist */
    const struct sy_row *rows; /* PUT_TOOLKIT: all; PUT_ROW: one; DELETE_ROW: vendor is read */
    size_t row_count;
    const struct sy_toolkit_facts *facts; /* or NULL: unchanged */
    const struct sy_tool_map *map;
};

struct sy_change_note {
    struct sy_str actor;  /* key id or "cli" */
    struct sy_str reason; /* free text, may be absent */
    int64_t at_ms;
};

/* ---- cases ---- */

struct sy_case {
    struct sy_str id;         /* case_… */
    struct sy_str name;       /* as first asked for */
    struct sy_str normalised; /* what spellings share */
    struct sy_str state;      /* "open", "closed" */
    struct sy_str resolution; /* closed: why */
    int64_t opened_at_ms, last_seen_ms, closed_at_ms;
    uint64_t calls;
    const struct sy_pair *tenants; /* name = tenant, value = calls as text */
    size_t tenant_count;
    struct sy_str last_tool;
};

struct sy_case_bump {
    struct sy_str name;
    struct sy_str normalised;
    struct sy_str tenant;
    struct sy_str tool;
    int64_t at_ms;
    unsigned daily_cap; /* new cases a tenant a day */
};

/* ---- ledger ---- */

/* One finished or lost call as kept; `json` is the public form served by /v1/calls/{id}. */
struct sy_ledger_row {
    struct sy_str id; /* call_ + ULID: sorts by time */
    struct sy_str tenant;
    int64_t at_ms;
    struct sy_str json;
};

struct sy_ledger_query {
    struct sy_str tenant;                /* absent: all (admin) */
    struct sy_str id;                    /* one call */
    struct sy_str before;                /* cursor: ids lower than this */
    struct sy_str toolkit, vendor, code; /* filters over the row's members, absent = any */
    unsigned limit;
};

/* Where a loop's journal has been drained to, kept in the same transaction as its rows. */
struct sy_drained {
    unsigned journal;
    uint64_t generation;
    uint64_t sequence;
    /* On the way in: no row handed over with it was ever handed over before, so that the store need
     * not look whether it has one of them. Not kept. */
    bool rows_are_new;
};

/* ---- idempotency ---- */

struct sy_idempotency_row {
    struct sy_str tenant;
    unsigned char key_hash[32];
    unsigned char body_hash[32];
    struct sy_str call_id;
    int64_t expires_at_ms;
    bool unknown; /* the outcome was lost, or too large to keep */
    int status;
    struct sy_str answer; /* the response body; absent in index listings */
};

typedef bool sy_idempotency_fn(const struct sy_idempotency_row *row, void *ctx);

struct sy_store_ops {
    void (*close)(struct sy_store *store);
    /* The whole registry, into `arena`. */
    int (*load)(struct sy_store *store, struct sy_arena *arena, struct sy_registry *ret,
                struct sy_err *err);
    /* What has changed since the registry was at version `since`, into `arena`; SY_CONFLICT if it
     * is more than `max` toolkits, or cannot be said: load the whole. NULL: never can. */
    int (*changes)(struct sy_store *store, int64_t since, size_t max, struct sy_arena *arena,
                   struct sy_registry_changes *ret, struct sy_err *err);
    /* All changes or none. *ret_version is the registry's new version. `dry_run` checks only. */
    int (*apply)(struct sy_store *store, const struct sy_change *changes, size_t count,
                 const struct sy_change_note *note, bool dry_run, int64_t *ret_version,
                 struct sy_err *err);
    /* Changes of a toolkit, newest first, as a JSON array of {version, at, actor, reason, before,
     * after}. */
    int (*history)(struct sy_store *store, struct sy_str toolkit, unsigned limit,
                   struct sy_arena *arena, struct sy_str *ret_json, struct sy_err *err);
    /* Grows when another process has written; cheap. */
    int (*data_version)(struct sy_store *store, int64_t *ret, struct sy_err *err);
    /* Another number when what `load` gives is other, whoever wrote it; not for ledger rows, cases
     * and answers. Reads all tenants and keys. */
    int (*content_version)(struct sy_store *store, uint64_t *ret, struct sy_err *err);

    int (*put_tenant)(struct sy_store *store, const struct sy_tenant *tenant, bool create_only,
                      struct sy_err *err);
    int (*put_key)(struct sy_store *store, const struct sy_key *key, struct sy_err *err);
    int (*revoke_key)(struct sy_store *store, struct sy_str key_id, int64_t at_ms,
                      struct sy_err *err);
    int (*set_quarantine)(struct sy_store *store, struct sy_str vendor, bool on, int64_t at_ms,
                          struct sy_str actor, struct sy_err *err);

    /* Opens a case or counts one more call. *ret_case is the case; SY_DENIED past the daily cap. */
    int (*bump_case)(struct sy_store *store, const struct sy_case_bump *bump,
                     struct sy_arena *arena, struct sy_case *ret_case, struct sy_err *err);
    /* By demand (calls, then last seen). state absent = all. */
    int (*list_cases)(struct sy_store *store, struct sy_str state, unsigned offset, unsigned limit,
                      struct sy_arena *arena, struct sy_case **ret_cases, size_t *ret_count,
                      struct sy_err *err);
    int (*get_case)(struct sy_store *store, struct sy_str id_or_name, struct sy_arena *arena,
                    struct sy_case *ret_case, struct sy_err *err);
    int (*close_case)(struct sy_store *store, struct sy_str id, struct sy_str resolution,
                      int64_t at_ms, struct sy_err *err);

    /* Appends rows (idempotent by id) and remembers the drained places, in one transaction. */
    int (*append_ledger)(struct sy_store *store, const struct sy_ledger_row *rows, size_t count,
                         const struct sy_drained *drained, size_t drained_count,
                         struct sy_err *err);
    int (*query_ledger)(struct sy_store *store, const struct sy_ledger_query *query,
                        struct sy_arena *arena, struct sy_ledger_row **ret_rows, size_t *ret_count,
                        struct sy_err *err);
    int (*drained)(struct sy_store *store, struct sy_drained *places, size_t max, size_t *ret_count,
                   struct sy_err *err);
    int (*trim)(struct sy_store *store, int64_t before_ms, struct sy_err *err);

    int (*put_idempotency)(struct sy_store *store, const struct sy_idempotency_row *rows,
                           size_t count, struct sy_err *err);
    /* Puts the row if there is none for its key that is unexpired at `now_ms`; else SY_EXISTS. One
     * of several processes gets it. */
    int (*claim_idempotency)(struct sy_store *store, const struct sy_idempotency_row *row,
                             int64_t now_ms, struct sy_err *err);
    int (*drop_idempotency)(struct sy_store *store, const struct sy_idempotency_row *row,
                            struct sy_err *err);
    /* Calls fn for every unexpired row (without answers), until it returns false. */
    int (*each_idempotency)(struct sy_store *store, int64_t now_ms, sy_idempotency_fn *fn,
                            void *ctx, struct sy_err *err);
    int (*get_idempotency)(struct sy_store *store, struct sy_str tenant,
                           const unsigned char key_hash[32], struct sy_arena *arena,
                           struct sy_idempotency_row *ret, struct sy_err *err);
    /* A consistent copy into a new file. */
    int (*backup)(struct sy_store *store, struct sy_str path, struct sy_err *err);
};

/* Base of every backend: first member of its struct. */
struct sy_store {
    const struct sy_store_ops *ops;
    int lock_fd; /* holds the store for this process and for whom it is handed to; or -1 */
};

#endif
