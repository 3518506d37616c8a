/*
 * Idempotency keys of all tenants: an index in memory, loaded at start, answers in the store.
 *
 * A key is pinned by the call that begins with it and settled by the same call: with an answer that
 * is replayed for 24 h, as unknown, or free again. Calls that begin with a pinned key wait.
 */
#ifndef SY_ENGINE_IDEMPOTENCY_H
#define SY_ENGINE_IDEMPOTENCY_H

#include "contract/store.h"
#include "engine/blob.h"
#include "net/loop.h"

#define IDEMPOTENCY_KEEP_MS ((int64_t)24 * 3600 * 1000)
#define IDEMPOTENCY_ANSWER_MAX ((size_t)1 << 20)
#define IDEMPOTENCY_KEYS_MAX 1000000u
#define IDEMPOTENCY_MEMORY ((size_t)64 << 20)

struct sy_idempotency;

struct sy_idempotency_key {
    unsigned char key[32];         /* of tenant and key */
    unsigned char body[32];        /* of the request body without the key */
    struct sy_str tenant, call_id; /* of the call that has it, while it does */
};

/* A call that waits for its twin; embedded. task.fn and ctx are the caller's. */
struct sy_idempotency_wait {
    struct sy_task task;
    struct sy_loop *loop;
    struct sy_idempotency_wait *next;
    bool waiting;
};

enum sy_idempotency_verdict {
    SY_IDEMPOTENCY_FIRST,    /* the caller pinned the key and must settle it */
    SY_IDEMPOTENCY_WAIT,     /* task is posted when the first settles; then begin again */
    SY_IDEMPOTENCY_REPLAY,   /* *ret has status, call_id, answer */
    SY_IDEMPOTENCY_FETCH,    /* answered before; the answer is in the store only */
    SY_IDEMPOTENCY_CONFLICT, /* same key, other body */
    SY_IDEMPOTENCY_UNKNOWN,  /* the first outcome was lost or not kept */
    SY_IDEMPOTENCY_FULL,
};

struct sy_idempotency_answer {
    int status; /* of the first answer, whether it was kept or not; 0: it was lost */
    char call_id[40];
    struct sy_blob *body; /* a reference of the receiver */
    bool claim; /* FIRST: another process uses the store, too: the key must be claimed there */
};

int sy_idempotency_create(struct sy_idempotency **ret, struct sy_err *err);
void sy_idempotency_free(struct sy_idempotency *index);
/* Reads the unexpired rows of the store; keys of calls under way stay as they are. */
int sy_idempotency_load(struct sy_idempotency *index, struct sy_store *store, int64_t now_unix_ms,
                        struct sy_err *err);

struct sy_idempotency_key sy_idempotency_key_make(struct sy_str tenant, struct sy_str key,
                                                  struct sy_str body);

/*
 * Two processes on one store, while one hands over to the other: from now on SY_IDEMPOTENCY_FIRST
 * says `claim`. `flying` is called, under the index's lock, for every key that a call has and that
 * the store does not know of.
 */
void sy_idempotency_share(struct sy_idempotency *index,
                          void (*flying)(const struct sy_idempotency_key *key, void *ctx),
                          void *ctx);
/* The other process is gone. */
void sy_idempotency_own(struct sy_idempotency *index);
bool sy_idempotency_is_shared(struct sy_idempotency *index);

/* With FIRST `key` is kept by reference until it is settled. */
enum sy_idempotency_verdict sy_idempotency_begin(struct sy_idempotency *index,
                                                 const struct sy_idempotency_key *key,
                                                 int64_t now_unix_ms,
                                                 struct sy_idempotency_wait *wait,
                                                 struct sy_idempotency_answer *ret);
/* The first call's end. answer NULL: the key is free again; unknown: pinned without an answer.
 * True: it is free here, but the store has a claim on it that must be dropped. */
bool sy_idempotency_settle(struct sy_idempotency *index, const struct sy_idempotency_key *key,
                           int status, struct sy_str call_id, const struct sy_str *answer,
                           bool unknown, int64_t expires_at_ms);
/* True: off the list. False: the task is on its way. */
bool sy_idempotency_cancel(struct sy_idempotency *index, const struct sy_idempotency_key *key,
                           struct sy_idempotency_wait *wait);

#endif
