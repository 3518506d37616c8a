#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "corpus.h"
#include "simulator.h"

static bool is_plain_chunked(struct sy_str line)
{
    size_t colon = sy_str_find_char(line, ':');
    struct sy_str name = sy_str_head(line, colon);
    struct sy_str value = sy_str_trim(sy_str_skip(line, colon + 1));

    return sy_str_eq_nocase(name, SY_STR("transfer-encoding")) &&
           sy_str_eq_nocase(value, SY_STR("chunked"));
}

/* Whether RFC 9112 finds Transfer-Encoding with exactly `chunked` in a spelling, some of which are
 * two lines. */
static bool has_plain_chunked(struct sy_str text)
{
    size_t end = sy_str_find(text, SY_STR("\r\n"));

    while (end != (size_t)-1) {
        if (is_plain_chunked(sy_str_head(text, end)))
            return true;
        text = sy_str_skip(text, end + 2);
        end = sy_str_find(text, SY_STR("\r\n"));
    }
    return is_plain_chunked(text);
}

/* Accepted beside a length: the request was read by its length, and once. */
static unsigned count_accepted(enum corpus_smuggler_form form, unsigned *ret_count)
{
    struct corpus corpus;
    unsigned accepted = 0;

    corpus_init(&corpus);
    corpus_smuggler(&corpus, form);
    for (size_t i = 0; i < corpus.count; i++) {
        struct sim sim;

        sim_run(&sim, corpus.items[i].bytes);
        if (sim_accepted(&sim)) {
            print_message("answered: %.*s\n", SY_FMT(corpus.items[i].name));
            assert_int_equal(sim.messages, 1);
            assert_int_equal(sim.body_bytes, 48);
            accepted++;
        }
        sim_release(&sim);
    }
    *ret_count = (unsigned)corpus.count;
    corpus_release(&corpus);
    return accepted;
}

static void check_beside_length(enum corpus_smuggler_form form, const char *name)
{
    unsigned count = 0;
    unsigned accepted = count_accepted(form, &count);

    print_message("smuggler %s: %u of %u refused, %u are another field\n", name, count - accepted,
                  count, accepted);
    assert_int_equal(count, 1703);
    assert_int_equal(accepted, 6);
}

static void a_coding_beside_a_length_is_refused_however_spelled(void **state)
{
    (void)state;
    CORPUS_REQUIRE();
    check_beside_length(SMUGGLER_TE_FIRST, "TE.CL");
    check_beside_length(SMUGGLER_CL_FIRST, "CL.TE");
}

static void without_a_length_only_plain_chunked_makes_chunks(void **state)
{
    struct corpus corpus;
    unsigned chunked = 0;

    (void)state;
    CORPUS_REQUIRE();
    corpus_init(&corpus);
    corpus_smuggler(&corpus, SMUGGLER_NO_LENGTH);
    for (size_t i = 0; i < corpus.count; i++) {
        struct sim sim;

        sim_run(&sim, corpus.items[i].bytes);
        if (sim_accepted(&sim) ? !has_plain_chunked(corpus.items[i].name)
                               : is_plain_chunked(corpus.items[i].name)) {
            print_error("%.*s: %s\n", SY_FMT(corpus.items[i].name),
                        sim.refusal.cause ? sim.refusal.cause : "accepted");
            fail();
        }
        chunked += sim_accepted(&sim);
        sim_release(&sim);
    }
    print_message("smuggler alone: %u spellings are plain chunked\n", chunked);
    corpus_release(&corpus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_coding_beside_a_length_is_refused_however_spelled),
        cmocka_unit_test(without_a_length_only_plain_chunked_makes_chunks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
