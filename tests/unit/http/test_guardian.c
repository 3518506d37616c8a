#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "corpus.h"
#include "simulator.h"

struct note {
    const char *name;
    const char *why;
};

/* Requests of the Compliant tier that we refuse. The guardian judges requests that are parsed
 * already; as bytes these break RFC 9112 or a MUST of Http11Probe. */
static const struct note refused_compliant[] = {
    {"International in URI", "raw UTF-8 in the target; MAL-NON-ASCII-URL must be 400"},
    {"Empty URI", "no target at all between the spaces"},
    {"TE with custom parameters OK", "chunked has no parameters, and `;` has none behind it"},
    {"Transfer-Encoding with a param: chunked;custom_param", "the same"},
};

/* Of the accepted ones: framed but coded, so never served. */
#define COMPLIANT_UNSERVED 5

static bool noted(struct sy_str name)
{
    for (size_t i = 0; i < SY_ARRAY_LEN(refused_compliant); i++) {
        if (sy_str_eq(name, sy_str_of(refused_compliant[i].name)))
            return true;
    }
    return false;
}

/* Requests of a tier; how many of them were accepted, and accepted only to be answered 501. */
struct tally {
    unsigned count;
    unsigned accepted;
    unsigned unserved;
    unsigned unexplained; /* refused without a note */
};

static struct tally run_tier(const struct corpus *corpus, const char *tier)
{
    struct tally tally = {0, 0, 0, 0};

    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_item *item = &corpus->items[i];
        struct sim sim;

        if (!sy_str_eq(item->expected, sy_str_of(tier)))
            continue;
        sim_run(&sim, item->bytes);
        tally.count++;
        tally.accepted += sim_accepted(&sim);
        tally.unserved += sim_accepted(&sim) && sim.head.coded;
        tally.unexplained += !sim_accepted(&sim) && !noted(item->name);
        sim_release(&sim);
    }
    return tally;
}

static void check(bool utf8)
{
    struct corpus corpus;
    struct tally severe;
    struct tally ambiguous;
    struct tally compliant;

    corpus_init(&corpus);
    corpus_guardian(&corpus, utf8);
    assert_int_equal(corpus.count, 159);
    severe = run_tier(&corpus, "Severe");
    ambiguous = run_tier(&corpus, "Ambiguous");
    compliant = run_tier(&corpus, "Compliant");
    print_message("guardian: Severe %u of %u refused, Ambiguous %u of %u refused, Compliant %u of "
                  "%u accepted (%u of them coded, not served; %zu break RFC 9112)\n",
                  severe.count - severe.accepted, severe.count,
                  ambiguous.count - ambiguous.accepted, ambiguous.count, compliant.accepted,
                  compliant.count, compliant.unserved, SY_ARRAY_LEN(refused_compliant));
    assert_int_equal(severe.count, 58);
    assert_int_equal(severe.accepted, 0);
    assert_int_equal(ambiguous.count, 58);
    assert_int_equal(ambiguous.accepted, 0);
    assert_int_equal(compliant.count, 28);
    assert_int_equal(compliant.unexplained, 0);
    assert_int_equal(compliant.count - compliant.accepted, SY_ARRAY_LEN(refused_compliant));
    assert_int_equal(compliant.unserved, COMPLIANT_UNSERVED);
    corpus_release(&corpus);
}

static void severe_and_ambiguous_requests_are_refused(void **state)
{
    (void)state;
    CORPUS_REQUIRE();
    check(false);
}

static void the_same_with_escapes_as_utf8(void **state)
{
    (void)state;
    CORPUS_REQUIRE();
    check(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(severe_and_ambiguous_requests_are_refused),
        cmocka_unit_test(the_same_with_escapes_as_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
