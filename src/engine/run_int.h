/*
 * Inside a run: what its two files, run.c and run_facts.c, call of each other.
 */
#ifndef SY_ENGINE_RUN_INT_H
#define SY_ENGINE_RUN_INT_H

#include "engine/engine_int.h"

/* run.c */
void sy_run_goes_on(struct sy_run *run, enum sy_run_again with);
void sy_run_waits(struct sy_run *run, enum sy_run_waiting what);
/* The adapter's next step; `event` NULL: its first. */
void sy_run_step(struct sy_run *run, const struct sy_event *event);
void sy_run_fail(struct sy_run *run, enum sy_code code, enum sy_cause cause, struct sy_str detail);
/* Ends with run->failure and lets go of an answer that came too late. */
void sy_run_end_cancelled(struct sy_run *run);

/* run_facts.c */
/* Serves wish.need. */
void sy_run_need(struct sy_run *run);
/* Hands what run->wait holds to the adapter. */
void sy_run_take_fact(struct sy_run *run);
/* The vendor took the run's token: it answered something else than 401. */
void sy_run_token_taken(struct sy_run *run);
/* Drops what wish.forget names from the cache. */
void sy_run_forget(struct sy_run *run);

#endif
