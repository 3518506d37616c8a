#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "corpus.h"
#include "simulator.h"

#define STEPS_MAX 4

enum outcome { PASS, WARN, FAIL };

/* What a client sees of one case. */
struct seen {
    struct step {
        bool sent;
        int statuses[SIM_STATUSES_MAX];
        unsigned count;
    } steps[STEPS_MAX];
    unsigned step_count;
    bool closed;
};

/* The number stands in `text` as a word of its own. */
static bool names_code(struct sy_str text, int code)
{
    char digits[12];
    int len = snprintf(digits, sizeof(digits), "%d", code);

    for (size_t i = 0; i + (size_t)len <= text.len; i++) {
        bool before = i > 0 && isalnum((unsigned char)text.ptr[i - 1]);
        bool after =
            i + (size_t)len < text.len && isalnum((unsigned char)text.ptr[i + (size_t)len]);

        if (!before && !after && memcmp(text.ptr + i, digits, (size_t)len) == 0)
            return true;
    }
    return false;
}

static bool has(struct sy_str text, const char *part)
{
    return sy_str_find(text, sy_str_of(part)) != (size_t)-1;
}

static bool starts(struct sy_str text, const char *part)
{
    return sy_str_starts(text, sy_str_of(part));
}

static bool is_2xx(int code)
{
    return code >= 200 && code < 300;
}

static bool later_answer(const struct seen *seen)
{
    for (unsigned i = 1; i < seen->step_count; i++) {
        if (seen->steps[i].sent && seen->steps[i].count)
            return true;
    }
    return false;
}

static bool all_answered(const struct seen *seen)
{
    for (unsigned i = 0; i < seen->step_count; i++) {
        const struct step *step = &seen->steps[i];

        if (!step->sent || step->count == 0 || !is_2xx(step->statuses[step->count - 1]))
            return false;
    }
    return true;
}

/* A case of several steps on one connection; 0 is no answer. */
static enum outcome judge_sequence(struct sy_str expected, const struct seen *seen, int code)
{
    bool extra = false;

    if (has(expected, "2xx + close") || has(expected, "2xx+close")) {
        if (code == 400 || code == 501)
            return PASS;
        return later_answer(seen) || !seen->closed ? FAIL : PASS;
    }
    if (sy_str_eq(expected, SY_STR("2xx + 2xx")))
        return all_answered(seen) ? PASS : WARN;
    if ((code >= 400 && code < 500) || (code == 0 && seen->closed))
        return PASS;
    for (unsigned i = 0; i < seen->step_count; i++)
        extra = extra || seen->steps[i].count > 1;
    return extra ? FAIL : WARN;
}

static enum outcome judge_special(struct sy_str expected, int code, bool *ret_special)
{
    *ret_special = true;
    if (starts(expected, "!101") || starts(expected, "non-101"))
        return code == 101 ? FAIL : PASS;
    if (starts(expected, "non-1xx"))
        return code >= 200 ? PASS : FAIL;
    if (starts(expected, "not 414"))
        return code == 414 ? FAIL : PASS;
    if (starts(expected, "Reject/drop")) /* the field is dropped: nothing here hands it on */
        return PASS;
    *ret_special = false;
    return FAIL;
}

/* The rules of the probe's own words, as its runner reads them. */
static enum outcome judge(struct sy_str expected, const struct seen *seen)
{
    int code = seen->steps[0].count ? seen->steps[0].statuses[0] : 0;
    bool special;
    enum outcome outcome = judge_special(expected, code, &special);

    if (special)
        return outcome;
    if (code && names_code(expected, code))
        return PASS;
    if (code == 0 && seen->closed)
        return has(expected, "close") || names_code(expected, 400) ? PASS : FAIL;
    if (code == 0)
        return has(expected, "timeout") ? PASS : FAIL;
    if (!is_2xx(code) || !has(expected, "2xx"))
        return FAIL;
    if (starts(expected, "2xx") || starts(expected, "Range2xx"))
        return !has(expected, "+ close") || seen->closed ? PASS : FAIL;
    return WARN;
}

static void observe(struct sim *sim, struct sy_str bytes, struct seen *seen)
{
    struct step *step = &seen->steps[seen->step_count++];
    unsigned before = sim->status_count;

    step->sent = !seen->closed;
    if (!step->sent)
        return;
    sim_feed(sim, bytes);
    while (before < sim->status_count)
        step->statuses[step->count++] = sim->statuses[before++];
    seen->closed = sim->phase == SIM_CLOSED || sim->phase == SIM_REFUSED;
}

/* Takes the items of one case; returns how many they are. */
static size_t run_case(const struct corpus *corpus, size_t first, enum outcome *ret_outcome)
{
    const struct corpus_item *item = &corpus->items[first];
    struct seen seen;
    struct sim sim;
    size_t count = 0;

    memset(&seen, 0, sizeof(seen));
    sim_init(&sim);
    while (first + count < corpus->count && item[count].source.raw.ptr == item->source.raw.ptr)
        observe(&sim, item[count++].bytes, &seen);
    if (sy_json_is_true(sy_json_get_z(item->source, "seq")))
        *ret_outcome = judge_sequence(item->expected, &seen,
                                      seen.steps[0].count ? seen.steps[0].statuses[0] : 0);
    else
        *ret_outcome = judge(item->expected, &seen);
    if (*ret_outcome != PASS && sy_json_is_true(sy_json_get_z(item->source, "scored")))
        print_message("%s %.*s: %d, expected %.*s\n", *ret_outcome == WARN ? "warn" : "FAIL",
                      SY_FMT(item->name), seen.steps[0].count ? seen.steps[0].statuses[0] : 0,
                      SY_FMT(item->expected));
    sim_release(&sim);
    return count;
}

static void no_scored_case_fails(void **state)
{
    struct corpus corpus;
    unsigned scored[3] = {0, 0, 0};
    size_t at = 0;

    (void)state;
    CORPUS_REQUIRE();
    corpus_init(&corpus);
    corpus_probe(&corpus);
    while (at < corpus.count) {
        const struct corpus_item *item = &corpus.items[at];
        enum outcome outcome = FAIL;

        at += run_case(&corpus, at, &outcome);
        if (sy_json_is_true(sy_json_get_z(item->source, "scored")))
            scored[outcome]++;
    }
    print_message("http11probe: %u scored cases pass, %u warn, %u fail\n", scored[PASS],
                  scored[WARN], scored[FAIL]);
    assert_int_equal(scored[PASS] + scored[WARN] + scored[FAIL], 161);
    assert_int_equal(scored[FAIL], 0);
    assert_true(scored[WARN] <= 10);
    corpus_release(&corpus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_scored_case_fails)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
