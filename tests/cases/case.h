/*
 * A case file in memory: what goes into an adapter, and what came out of it as a transcript.
 *
 * tests/cases/README.md describes the file.
 */
#ifndef SY_TESTS_CASES_CASE_H
#define SY_TESTS_CASES_CASE_H

#include "base/json.h"
#include "contract/vendor.h"

#define CASE_FACTS_MAX 16
#define CASE_HEADERS_MAX 16

struct case_run {
    const struct sy_vendor *vendor;
    struct sy_arena arena; /* the runner's own */
    struct sy_arena mem;   /* the operation's, as the core gives it */
    struct sy_json file;
    struct sy_json defaults;
    struct sy_operation what;
    struct sy_facts facts;
    struct sy_fact in_hand[CASE_FACTS_MAX];
    uint64_t generation; /* given to the facts that sub-operations make */
    struct sy_buf out;   /* transcript */
    struct sy_json_writer json;
    const char *broken; /* why the case cannot go on */
};

/* case_input.c: reads "a.b" from the case, else from the folder's defaults. */
struct sy_json case_get(const struct case_run *run, const char *dotted);
/* A string decoded; any other value's raw text; absent stays absent. */
struct sy_str case_text(struct case_run *run, struct sy_json value);
/* Fills operation, settings and facts. False with run->broken set. */
bool case_input(struct case_run *run);
void case_operation_for_need(const struct case_run *run, const struct sy_need *need,
                             struct sy_operation *ret_what);
/* Makes the event that a step of the file stands for; `event->fact` and failure live in the arena. */
bool case_event(struct case_run *run, struct sy_json step, const struct sy_need *need,
                struct sy_event *ret_event);
void case_add_fact(struct case_run *run, const struct sy_fact *fact);

/* case_transcript.c: writes what happened, in the form of the file. */
void case_write_request(struct case_run *run, const struct sy_request *request);
void case_write_need(struct case_run *run, const struct sy_need *need);
void case_write_outcome(struct case_run *run, enum sy_step step, const struct sy_wish *wish);
/* The same JSON without white space between tokens, in the arena. */
struct sy_str case_compact(struct case_run *run, struct sy_str json);
/* The text as a JSON value if it is compact JSON, else as a string. */
void case_write_text(struct case_run *run, const char *name, struct sy_str text);

#endif
