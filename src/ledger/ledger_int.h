/*
 * Inside the ledger: what the loop's side (ledger.c) and the writer's side (drain.c, recover.c)
 * share.
 */
#ifndef SY_LEDGER_LEDGER_INT_H
#define SY_LEDGER_LEDGER_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"

#include "ledger/journal.h"
#include "ledger/record.h"
#include "ledger/recover.h"

/* Past this size a loop goes on in its other file, once all that is in that one is drained. */
#define JOURNAL_RESET_BYTES ((uint64_t)8 << 20)

/* A group on its way into the store: the packed outcomes of one or more turns of one loop. */
struct ledger_batch {
    struct ledger_batch *next;
    struct sy_ledger_loop *from;
    struct sy_drained place;
    struct sy_ledger_ticket *tickets; /* power: they wait for the commit */
    struct sy_task committed;
    bool written;
    int sync_fd; /* power: the file has intents that must be on the disk first; -1: none */
    size_t count;
    struct sy_buf outcomes; /* u32 length + payload, one after the other */
};

/* An intent whose outcome is not written yet; carried into the file that its loop goes on with. */
struct open_intent {
    UT_hash_handle hh;
    char call_id[40];
    struct sy_str payload; /* malloc'ed */
    struct open_intent *next;
    struct sy_ledger_loop *loop;
    struct sy_ledger_ticket ticket; /* of the row that says it is lost */
    uint64_t turn;                  /* in which it came */
    bool unwritten;                 /* that turn's group failed: nothing was sent */
};

struct sy_ledger_loop {
    struct sy_ledger *ledger;
    struct sy_loop *loop;
    unsigned index;
    /* Two files in turn: the one that rests begins anew, under the next generation, when the store
     * has what was written to it; so a load that never pauses does not fill a file. */
    struct sy_journal files[2];
    struct sy_journal *journal; /* the one of them that is written */
    uint64_t rests_at;          /* last sequence in the other one */
    uint64_t sequence;
    _Atomic uint64_t drained_sequence;
    size_t reserved;
    struct sy_buf group;                    /* this turn's records */
    struct ledger_batch *batch;             /* this turn's outcomes */
    struct ledger_batch *spare;             /* for the next turn's; NULL: none at hand */
    struct sy_ledger_ticket *first, **last; /* of this turn */
    struct open_intent *open;               /* hash */
    struct open_intent *ended;              /* by an outcome of this turn */
    struct open_intent *lost;               /* by one that could not be written */
    uint64_t turn;
    bool has_intents; /* this turn */
    bool degraded;
    struct sy_timer recheck; /* armed while degraded */
    uint64_t wanted;         /* room that was not to be had; degraded until it is */
    struct sy_turn_hook hook;
    struct sy_task another_turn;
    bool broken; /* something of this turn could not be packed */
};

struct sy_ledger {
    struct sy_ledger_options options;
    char *directory;
    struct sy_writer *writer;
    pthread_mutex_t lock; /* of the queue and the drain job */
    struct ledger_batch *queue, **queue_last;
    size_t queued_rows, queued_bytes;
    struct ledger_batch *spares; /* stored ones, with their memory, for turns to come */
    unsigned spare_count;
    bool drain_queued;
    bool closing; /* the drain job is not queued again */
    struct sy_writer_job drain;
    struct sy_ledger_loop *loops[LEDGER_LOOPS_MAX];
    unsigned loop_count;
    unsigned loops_max;
    int64_t trimmed_at_ms;
    int64_t complained_at_ms; /* 0: the store takes rows. The writer's thread */
    _Atomic uint64_t rows;
    _Atomic unsigned degraded;       /* loops that cannot write */
    struct sy_journal_damage damage; /* found at the start */
};

/* recover.c: brings what the journal files hold into the store; before any loop is attached. */
int sy_ledger_recover(struct sy_ledger *ledger, struct sy_store *store, unsigned *ret_lost,
                      struct sy_err *err);
/* lost.c */
void sy_ledger_intent_free(struct open_intent *open);
void sy_ledger_intents_free(struct open_intent **list);
/* The turn's group was written or not: intents that ended in it are done with, or lost. */
void sy_ledger_turn_settle(struct sy_ledger_loop *ll, bool written);
/* Rows of the lost ones say `unknown` and their keys stay pinned, as after a start. When the
 * journal can be written; they are lost again if it cannot. */
void sy_ledger_lost_write(struct sy_ledger_loop *ll);
/* drain.c: queues the batch and sees to it that the writer comes by. Returns `spare`, or one for it
 * if it is NULL and there is any. */
struct ledger_batch *sy_ledger_enqueue(struct sy_ledger *ledger, struct ledger_batch *batch,
                                       struct ledger_batch *spare);
void sy_ledger_batch_free(struct ledger_batch *batch);
/* drain.c: at its end; for a later turn. Any thread. */
void sy_ledger_batch_keep(struct ledger_batch *batch);

#endif
