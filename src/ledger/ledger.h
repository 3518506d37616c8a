/*
 * The ledger: what every call did, safe against kill -9 before the caller is told.
 *
 * Each loop appends records to a journal of its own (two files in turn): one pwrite at the end of a
 * turn for all of the turn's records, then their tickets run (and the calls answer). The writer
 * thread drains them into the store and remembers how far in the same transaction. Recovery at
 * start turns an INTENT without OUTCOME into a row with outcome `unknown` and pins its
 * idempotency key.
 *
 * A record on disk: u32 length, u32 CRC-32C of the rest, u64 generation, u64 sequence, u8 kind,
 * then the payload. Recovery steps over bytes that are no whole record, and says how many (scan.h).
 */
#ifndef SY_LEDGER_LEDGER_H
#define SY_LEDGER_LEDGER_H

#include "contract/store.h"
#include "ledger/writer.h"
#include "net/loop.h"

struct sy_journal_damage; /* ledger/scan.h */
struct sy_ledger;
struct sy_ledger_loop;

enum sy_record_kind { SY_RECORD_INTENT = 1, SY_RECORD_OUTCOME = 2 };

struct sy_ledger_options {
    struct sy_str directory; /* journals live here, 0700 */
    bool power;              /* the ticket waits for fsync */
    size_t journal_bytes;    /* of one journal before it must have been drained: 64 MiB */
    int64_t keep_ms;         /* rows older than this are trimmed */
};

/* Recovers what journals hold into the store, then opens. `*ret_lost` counts unknown outcomes. */
int sy_ledger_create(const struct sy_ledger_options *options, struct sy_writer *writer,
                     unsigned loops, struct sy_ledger **ret_ledger, unsigned *ret_lost,
                     struct sy_err *err);
/* Drains everything and closes; journals are emptied. */
void sy_ledger_destroy(struct sy_ledger *ledger);

/* One per loop; registers a turn-end hook. */
int sy_ledger_attach(struct sy_ledger *ledger, struct sy_loop *loop,
                     struct sy_ledger_loop **ret_loop, struct sy_err *err);

/* Room for an intent and an outcome of `bytes` each; false: answer overloaded (cause journal). */
bool sy_ledger_reserve(struct sy_ledger_loop *ledger, size_t bytes);
/* Gives back what reserve took (the call ended). */
void sy_ledger_unreserve(struct sy_ledger_loop *ledger, size_t bytes);

struct sy_ledger_ticket;
typedef void sy_ledger_ticket_fn(struct sy_ledger_ticket *ticket, bool written);
struct sy_ledger_ticket {
    sy_ledger_ticket_fn *fn; /* runs at the end of the turn in which the record was written */
    void *ctx;
    struct sy_ledger_ticket *next;
};

/* A call's intent: before the first request that may change something. */
struct sy_intent {
    struct sy_str call_id;
    struct sy_str tenant;
    struct sy_str json; /* public row as it would read with outcome "unknown" */
    bool has_key;       /* idempotency */
    unsigned char key_hash[32], body_hash[32];
    int64_t expires_at_ms;
};
void sy_ledger_intent(struct sy_ledger_loop *ledger, const struct sy_intent *intent,
                      struct sy_ledger_ticket *ticket);

struct sy_outcome_record {
    struct sy_ledger_row row;
    bool keep_answer;                 /* idempotency: keep this answer */
    bool frees_key;                   /* the key was pinned by an intent and is free again */
    struct sy_idempotency_row answer; /* keys and hashes set when keep_answer or frees_key */
};
/* Copies what it needs before it returns. */
void sy_ledger_outcome(struct sy_ledger_loop *ledger, const struct sy_outcome_record *outcome,
                       struct sy_ledger_ticket *ticket);
/* True while the journal cannot be written (disk full …): durability is degraded. */
bool sy_ledger_degraded(const struct sy_ledger *ledger);
/* What the start found in the journals that was not whole. */
const struct sy_journal_damage *sy_ledger_damage(const struct sy_ledger *ledger);
/* Rows drained into the store since the start. */
uint64_t sy_ledger_rows(const struct sy_ledger *ledger);
/* Rows in journals that the store does not have yet (queries look there, too): waits on the writer
 * thread until all rows appended before the call are in the store. For queries and tests. */
void sy_ledger_catch_up(struct sy_ledger *ledger, struct sy_store *store);

#endif
