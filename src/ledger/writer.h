/*
 * The one thread that owns the store. Loops hand it jobs and get the answer by their mailbox.
 *
 * Two lanes: control (registry, keys, cases, queries) goes before ledger rows. A job is the
 * caller's memory; it stays alive until `done` has run on the caller's loop.
 */
#ifndef SY_LEDGER_WRITER_H
#define SY_LEDGER_WRITER_H

#include "contract/store.h"
#include "net/loop.h"

struct sy_writer;
struct sy_writer_job;

typedef void sy_writer_work_fn(struct sy_store *store, struct sy_writer_job *job);

struct sy_writer_job {
    sy_writer_work_fn *work; /* on the writer thread; may block; fills the owner's struct by ctx */
    struct sy_task done;  /* posted to `loop` afterwards; done.fn and done.ctx set by the caller */
    struct sy_loop *loop; /* NULL: nobody waits (work must free what it owns) */
    bool ledger;          /* the lane behind: rows; run at most every 100 ms unless `urgent` */
    bool urgent;
    void *ctx;
    struct sy_writer_job *next;
};

/* Takes the store over; starts the thread. */
int sy_writer_create(struct sy_store *store, struct sy_writer **ret_writer, struct sy_err *err);
/* Runs what is queued, stops the thread, closes the store. */
void sy_writer_destroy(struct sy_writer *writer);
/* From any thread. False when more than `limit` control jobs wait (answer overloaded). */
bool sy_writer_submit(struct sy_writer *writer, struct sy_writer_job *job);
/* What waits in the ledger lane runs now. Any thread. */
void sy_writer_hurry(struct sy_writer *writer);
/* Takes a job of the ledger lane back that has not begun; false if it is not waiting there. */
bool sy_writer_withdraw(struct sy_writer *writer, struct sy_writer_job *job);
/* Submits and blocks until done: for start-up, the CLI and tests; never on a loop. */
void sy_writer_run(struct sy_writer *writer, sy_writer_work_fn *work, void *ctx);
/* A job's work may call this to have `fn` run once every ~50 ms on the writer thread (watching
 * PRAGMA data_version) and at idle. One per writer. */
void sy_writer_on_idle(struct sy_writer *writer, void (*fn)(struct sy_store *store, void *ctx),
                       void *ctx);

#endif
