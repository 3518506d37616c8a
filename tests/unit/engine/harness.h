/*
 * An engine on one loop with a memory store, a real ledger in a temporary folder, two vendors made
 * for the purpose and transfers that answer from a script.
 */
#ifndef TESTS_UNIT_ENGINE_HARNESS_H
#define TESTS_UNIT_ENGINE_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "engine/engine.h"

#define SCRIPT_MAX 64

/* What one request is answered with; status 206: the body is the reply's other members. */
struct scripted {
    enum sy_net_failure failure;
    enum sy_cause cause;
    bool started;
    int status;
    const char *body;
    int64_t delay_ms; /* < 0: never */
    unsigned sends;   /* 0: once if started */
};

struct sent {
    char url[256];
    char body[512];
    enum sy_http_verb verb;
    enum sy_request_effect effect;
    unsigned sends_max;
};

struct harness {
    char folder[64];
    struct sy_loop *loop;
    struct sy_writer *writer;
    struct sy_ledger *ledger;
    struct sy_metrics *metrics;
    struct sy_engine *engine;
    struct sy_engine_loop *el;
    struct scripted script[SCRIPT_MAX];
    unsigned script_count, script_at;
    struct sent sent[SCRIPT_MAX];
    unsigned sent_count;
    /* of the last finished calls, in order */
    struct {
        int status;
        char body[4096]; /* the front of it */
        size_t bytes;    /* all of it */
        bool valid;      /* JSON */
        char call_id[40];
        bool replayed;
        int64_t retry_after_ms;
    } answers[SCRIPT_MAX];
    unsigned answer_count, waiting;
};

/* `policy` is YAML, `rows` the registry as YAML. */
void harness_start(struct harness *h, const char *policy, const char *rows);
void harness_stop(struct harness *h);
void harness_answer_with(struct harness *h, struct scripted what);
/* Starts a call of tenant acme; the answer comes with harness_run. */
struct sy_call *harness_call(struct harness *h, const char *tool, const char *key,
                             int64_t timeout_ms);
/* Runs the loop until every started call is answered. */
void harness_run(struct harness *h);
/* Runs it for a while, whatever happens. */
void harness_run_ms(struct harness *h, int64_t ms);
/* A member of the n-th answer as raw text. */
struct sy_str harness_member(struct harness *h, unsigned n, const char *path);
/* The ledger rows as the store has them, newest first, joined by newlines. */
struct sy_str harness_ledger(struct harness *h, struct sy_arena *arena);

#endif
