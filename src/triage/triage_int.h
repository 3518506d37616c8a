/*
 * Inside triage: one running triage, for its files.
 */
#ifndef SY_TRIAGE_TRIAGE_INT_H
#define SY_TRIAGE_TRIAGE_INT_H

#include "triage/memory.h"
#include "triage/tree.h"

#define TRIAGE_TERMS_MAX 8
#define TRIAGE_QUESTIONS_MAX 96
#define TRIAGE_ALIASES_MAX 16
#define TRIAGE_ROWS_MAX 8

struct triage;

struct triage_question {
    struct triage *triage;
    unsigned vendor; /* index into evidence */
    bool is_piece;   /* what it finds counts if it is the provider, and suggests nothing else */
};

struct triage {
    struct sy_engine_loop *el;
    struct sy_arena mem;
    struct sy_triage_request request; /* slices in mem */
    sy_triage_done_fn *done;
    void *ctx;
    struct sy_task task;

    struct sy_str folded; /* the provider, normalised */
    struct sy_str aliases[TRIAGE_ALIASES_MAX];
    unsigned alias_count;
    struct sy_str slugs[TRIAGE_TERMS_MAX]; /* spellings to ask for exactly */
    unsigned slug_count;
    struct sy_str words[TRIAGE_TERMS_MAX]; /* texts to search for; the first is the whole name */
    unsigned word_count;
    struct sy_str pieces[2]; /* beginning and end of the name, for catalogues that split it */
    unsigned piece_count;

    /* What the registry says already. */
    struct sy_str known; /* canonical toolkit */
    struct sy_row rows[TRIAGE_ROWS_MAX];
    unsigned row_count;
    const struct sy_row *answer_row; /* it routes (or is blocked): the registry is the answer */

    struct triage_evidence evidence[TRIAGE_VENDORS_MAX];
    size_t vendor_index[TRIAGE_VENDORS_MAX];
    unsigned evidence_count;
    struct triage_question questions[TRIAGE_QUESTIONS_MAX];
    unsigned asked, answered;
    bool remembered;

    struct triage_verdict verdict;
    struct sy_row row; /* to be written */
    struct sy_toolkit_facts facts;
    bool has_row;
    const char *missing[4]; /* what the row lacks before it can stand */
    unsigned missing_count;
    struct sy_writer_job job;
    bool applied;
    int apply_status;
    struct sy_err apply_err;
};

/* terms.c: slugs and words to ask for. */
int triage_terms(struct triage *triage);
/* True if slug or display name equals the provider or one of its aliases after normalisation. */
bool triage_is_same(const struct triage *triage, struct sy_str slug, struct sy_str name);
/* row.c: the row the verdict asks for. */
void triage_make_row(struct triage *triage);
/* answer.c: the whole answer as JSON. */
struct sy_str triage_write(struct triage *triage);

#endif
