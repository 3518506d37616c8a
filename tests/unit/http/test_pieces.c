#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "corpus.h"
#include "mutate.h"
#include "simulator.h"

/* Past this the cuts are thinned out: a long request is a long run of like bytes. */
#define DENSE 4096u
#define SPARSE 997u

static void fail_with(const char *how, const struct corpus_item *item, size_t cut,
                      const struct sim *a, const struct sim *b)
{
    print_error("%s at %zu of %.*s: whole %d/%d %s, pieces %d/%d %s\n", how, cut,
                SY_FMT(item->name), (int)a->phase, a->refusal.status,
                a->refusal.cause ? a->refusal.cause : "-", (int)b->phase, b->refusal.status,
                b->refusal.cause ? b->refusal.cause : "-");
    fail();
}

static void in_two(const struct corpus_item *item, const struct sim *whole, size_t cut)
{
    struct sim sim;

    sim_init(&sim);
    sim_feed(&sim, sy_str_head(item->bytes, cut));
    sim_feed(&sim, sy_str_skip(item->bytes, cut));
    if (!sim_same(whole, &sim))
        fail_with("two pieces", item, cut, whole, &sim);
    sim_release(&sim);
}

static void byte_by_byte(const struct corpus_item *item, const struct sim *whole)
{
    struct sim sim;
    size_t step;

    sim_init(&sim);
    for (size_t at = 0; at < item->bytes.len; at += step) {
        step = at < DENSE ? 1 : SPARSE;
        sim_feed(&sim, sy_str_head(sy_str_skip(item->bytes, at), step));
    }
    if (!sim_same(whole, &sim))
        fail_with("bytes", item, 0, whole, &sim);
    sim_release(&sim);
}

static void check_item(const struct corpus_item *item)
{
    struct sim whole;

    sim_run(&whole, item->bytes);
    for (size_t cut = 1; cut < item->bytes.len; cut += cut < DENSE ? 1 : SPARSE)
        in_two(item, &whole, cut);
    byte_by_byte(item, &whole);
    sim_release(&whole);
}

static void load(struct corpus *corpus)
{
    corpus_init(corpus);
    corpus_smuggler(corpus, SMUGGLER_TE_FIRST);
    corpus_smuggler(corpus, SMUGGLER_CL_FIRST);
    corpus_smuggler(corpus, SMUGGLER_NO_LENGTH);
    corpus_llhttp(corpus);
    corpus_probe(corpus);
    corpus_guardian(corpus, false);
    corpus_guardian(corpus, true);
    corpus_garden(corpus, GARDEN_AS_IS);
    corpus_garden(corpus, GARDEN_WITH_HOST);
    corpus_garden(corpus, GARDEN_AS_POST);
}

static void a_request_in_pieces_gets_the_verdict_it_gets_whole(void **state)
{
    struct corpus corpus;

    (void)state;
    CORPUS_REQUIRE();
    load(&corpus);
    for (size_t i = 0; i < corpus.count; i++)
        check_item(&corpus.items[i]);
    print_message("%zu requests, each in every two pieces and byte by byte\n", corpus.count);
    corpus_release(&corpus);
}

static void check_mutation(const struct corpus_item *item, uint64_t *seed)
{
    struct sim whole;

    sim_run(&whole, item->bytes);
    for (unsigned i = 0; i < 4; i++)
        in_two(item, &whole, mutate_below(seed, item->bytes.len));
    byte_by_byte(item, &whole);
    sim_release(&whole);
}

static void mutated_requests_are_read_alike_whole_and_in_pieces(void **state)
{
    struct corpus corpus;
    struct sy_buf buf;
    uint64_t seed = MUTATE_SEED;
    clock_t end = clock() + 2 * CLOCKS_PER_SEC;
    unsigned count = 0;

    (void)state;
    CORPUS_REQUIRE();
    load(&corpus);
    sy_buf_init(&buf, 1u << 20);
    while (clock() < end) {
        struct corpus_item *item = &corpus.items[mutate_below(&seed, corpus.count)];
        struct sy_str other = corpus.items[mutate_below(&seed, corpus.count)].bytes;

        if (item->bytes.len > DENSE)
            continue;
        sy_buf_clear(&buf);
        sy_buf_append(&buf, item->bytes);
        mutate(&buf, other, &seed);
        check_mutation(&(struct corpus_item){.name = item->name, .bytes = sy_buf_str(&buf)}, &seed);
        count++;
    }
    print_message("%u mutated requests\n", count);
    sy_buf_release(&buf);
    corpus_release(&corpus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_in_pieces_gets_the_verdict_it_gets_whole),
        cmocka_unit_test(mutated_requests_are_read_alike_whole_and_in_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
