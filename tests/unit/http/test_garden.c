#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "corpus.h"
#include "simulator.h"

/* Payloads that break no rule, by their line in the corpus; the bugs are in what servers did. */
static const struct {
    size_t line;
    const char *why;
} allowed[] = {
    {25, "as POST: a chunked body that has not begun"},
    {41, "bytes from 0x80 on may stand in a value"},
    {48, "two requests, the first with an empty body"},
    {49, "a plain request"},
    {69, "as POST: ten bytes announced and sent"},
    {75, "a plain chunked request"},
};

static bool is_allowed(size_t line)
{
    for (size_t i = 0; i < SY_ARRAY_LEN(allowed); i++) {
        if (allowed[i].line == line)
            return true;
    }
    return false;
}

static unsigned count_accepted(enum corpus_garden_form form)
{
    struct corpus corpus;
    unsigned accepted = 0;

    corpus_init(&corpus);
    corpus_garden(&corpus, form);
    assert_int_equal(corpus.count, 77);
    for (size_t i = 0; i < corpus.count; i++) {
        struct sim sim;

        sim_run(&sim, corpus.items[i].bytes);
        if (sim_accepted(&sim) && !is_allowed(i + 1)) {
            print_error("accepted: line %zu, %.*s\n", i + 1, SY_FMT(corpus.items[i].name));
            fail();
        }
        accepted += sim_accepted(&sim);
        sim_release(&sim);
    }
    corpus_release(&corpus);
    return accepted;
}

static void nothing_that_the_rfc_forbids_is_accepted(void **state)
{
    unsigned as_is;
    unsigned with_host;
    unsigned as_post;

    (void)state;
    CORPUS_REQUIRE();
    as_is = count_accepted(GARDEN_AS_IS);
    with_host = count_accepted(GARDEN_WITH_HOST);
    as_post = count_accepted(GARDEN_AS_POST);
    print_message("garden: of 77 payloads 0 forbidden accepted; allowed ones: %u as they are, %u "
                  "with Host, %u as POST\n",
                  as_is, with_host, as_post);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_the_rfc_forbids_is_accepted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
