#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/dns.h"

static struct sy_loop *loop;
static struct sy_dns *dns;
static atomic_uint lookups;
static atomic_uint last_byte; /* of the address, or 0 for a failure, for "moving…" */

/* "slow…" and "moving…" take 100 ms, "hang…" 600 ms, "bad…" does not exist; the rest is 192.0.2.1. */
static void fake_lookup(void *ctx, const char *host, struct sy_dns_answer *answer)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};

    (void)ctx;
    atomic_fetch_add(&lookups, 1);
    if (strncmp(host, "slow", 4) == 0)
        usleep(100000);
    if (strncmp(host, "hang", 4) == 0)
        usleep(600000);
    if (strncmp(host, "bad", 3) == 0) {
        answer->error = EAI_NONAME;
        return;
    }
    inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
    if (strncmp(host, "moving", 6) == 0) {
        usleep(100000);
        if (atomic_load(&last_byte) == 0) {
            answer->error = EAI_AGAIN;
            return;
        }
        v4.sin_addr.s_addr = htonl(0xc0000200u + atomic_load(&last_byte));
    }
    memcpy(&answer->addresses[0], &v4, sizeof(v4));
    answer->count = 1;
}

static int set_up(void **state)
{
    (void)state;
    atomic_store(&lookups, 0);
    return sy_loop_create(0, &loop, NULL) == SY_OK &&
                   sy_dns_create_with(2, fake_lookup, NULL, &dns, NULL) == SY_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    sy_dns_destroy(dns);
    sy_loop_destroy(loop);
    return 0;
}

struct asked {
    struct sy_dns_query query;
    struct sy_dns_answer answer;
    unsigned done;
};

static unsigned waiting;

static void on_answer(struct sy_dns_query *query, const struct sy_dns_answer *answer)
{
    struct asked *asked = query->ctx;

    asked->answer = *answer;
    asked->done++;
    if (--waiting == 0)
        sy_loop_stop(query->loop);
}

static bool ask(struct asked *asked, const char *host)
{
    memset(asked, 0, sizeof(*asked));
    asked->query = (struct sy_dns_query){.loop = loop, .done = on_answer, .ctx = asked};
    if (sy_dns_resolve(dns, sy_str_of(host), &asked->query, &asked->answer))
        return true;
    waiting++;
    return false;
}

static void stop_on_timer(struct sy_loop *l, struct sy_timer *timer)
{
    (void)timer;
    sy_loop_stop(l);
}

static void run_for(int64_t ms)
{
    struct sy_timer end = {.fn = stop_on_timer};

    assert_int_equal(sy_timer_set(loop, &end, sy_clock_ms() + ms), SY_OK);
    sy_loop_run(loop);
    sy_timer_cancel(loop, &end);
}

static void literals_are_answered_at_once(void **state)
{
    static const struct {
        const char *host;
        int family;
    } table[] = {{"127.0.0.1", AF_INET}, {"::1", AF_INET6}, {"2606:4700::1111", AF_INET6}};

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(table); i++) {
        struct asked asked;

        assert_true(ask(&asked, table[i].host));
        assert_int_equal(asked.answer.error, 0);
        assert_int_equal(asked.answer.count, 1);
        assert_int_equal(asked.answer.addresses[0].ss_family, table[i].family);
    }
    assert_int_equal(atomic_load(&lookups), 0);
}

static void names_no_host_has_are_refused_at_once(void **state)
{
    char long_name[300];
    struct asked asked;

    (void)state;
    memset(long_name, 'a', sizeof(long_name));
    long_name[254] = '\0';
    assert_true(ask(&asked, ""));
    assert_int_equal(asked.answer.error, EAI_NONAME);
    assert_true(ask(&asked, long_name));
    assert_int_equal(asked.answer.error, EAI_NONAME);
    assert_int_equal(atomic_load(&lookups), 0);
}

static void one_look_up_serves_all_who_ask(void **state)
{
    struct asked asked[50];

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(asked); i++)
        assert_false(ask(&asked[i], i % 2 ? "slow.test" : "SLOW.Test"));
    sy_loop_run(loop);
    for (size_t i = 0; i < SY_ARRAY_LEN(asked); i++) {
        assert_int_equal(asked[i].done, 1);
        assert_int_equal(asked[i].answer.count, 1);
    }
    assert_int_equal(atomic_load(&lookups), 1);
    assert_true(ask(&asked[0], "slow.test"));
    assert_int_equal(asked[0].answer.count, 1);
    assert_int_equal(atomic_load(&lookups), 1);
}

static void a_failure_is_kept_for_a_moment_only(void **state)
{
    struct asked asked;

    (void)state;
    assert_false(ask(&asked, "bad.test"));
    sy_loop_run(loop);
    assert_int_equal(asked.answer.error, EAI_NONAME);
    assert_true(ask(&asked, "bad.test"));
    assert_int_equal(asked.answer.error, EAI_NONAME);
    assert_int_equal(atomic_load(&lookups), 1);
    usleep(2050000);
    assert_false(ask(&asked, "bad.test"));
    sy_loop_run(loop);
    assert_int_equal(atomic_load(&lookups), 2);
}

static unsigned byte_of(const struct asked *asked)
{
    struct sockaddr_in v4;

    memcpy(&v4, &asked->answer.addresses[0], sizeof(v4));
    return ntohl(v4.sin_addr.s_addr) & 0xff;
}

static void an_old_answer_serves_while_a_new_one_is_fetched(void **state)
{
    static const struct sy_dns_ages ages = {
        .fresh = 300, .stale = 1500, .refusal = 2000, .refresh_again = 5000};
    struct asked asked;
    unsigned before;

    (void)state;
    sy_dns_set_ages(dns, &ages);
    atomic_store(&last_byte, 1);
    assert_false(ask(&asked, "moving.test"));
    sy_loop_run(loop);
    assert_int_equal(byte_of(&asked), 1);

    atomic_store(&last_byte, 2);
    usleep(350000);
    for (int i = 0; i < 20; i++) {
        assert_true(ask(&asked, "moving.test")); /* nobody waits for the refresh */
        assert_int_equal(byte_of(&asked), 1);
    }
    run_for(250);
    assert_int_equal(atomic_load(&lookups), 2);
    assert_true(ask(&asked, "moving.test"));
    assert_int_equal(byte_of(&asked), 2);

    /* A refresh that fails takes nothing away, until the old answer is too old. */
    atomic_store(&last_byte, 0);
    usleep(350000);
    assert_true(ask(&asked, "moving.test"));
    run_for(250);
    before = atomic_load(&lookups);
    assert_true(ask(&asked, "moving.test"));
    assert_int_equal(asked.answer.error, 0);
    assert_int_equal(byte_of(&asked), 2);
    assert_int_equal(atomic_load(&lookups), before);
    usleep(1300000);
    assert_false(ask(&asked, "moving.test"));
    sy_loop_run(loop);
    assert_int_equal(asked.answer.error, EAI_AGAIN);
}

static void a_cancelled_question_is_not_answered(void **state)
{
    struct asked *first = malloc(sizeof(*first));
    struct asked second, third;

    (void)state;
    assert_false(ask(first, "slow.test"));
    assert_false(ask(&second, "slow.test"));
    sy_dns_cancel(dns, &first->query);
    /* Its memory may go at once. */
    free(first);
    waiting--;
    sy_loop_run(loop);
    assert_int_equal(second.done, 1);
    /* Answered, but not yet delivered. */
    assert_false(ask(&third, "quick.test"));
    usleep(50000);
    sy_dns_cancel(dns, &third.query);
    waiting--;
    run_for(30);
    assert_int_equal(third.done, 0);
    sy_dns_cancel(dns, &third.query);
}

static void hanging_names_do_not_stop_the_loop_or_the_end(void **state)
{
    struct asked asked[2];
    int64_t begun = sy_clock_ms();

    (void)state;
    assert_false(ask(&asked[0], "hang1.test"));
    assert_false(ask(&asked[1], "hang2.test"));
    run_for(50);
    assert_true(sy_clock_ms() - begun < 300);
    sy_dns_cancel(dns, &asked[0].query);
    sy_dns_cancel(dns, &asked[1].query);
    waiting = 0;
    sy_dns_destroy(dns);
    assert_true(sy_clock_ms() - begun < 400);
    /* The last thread cleans up; give it the time under the leak checker. */
    usleep(700000);
    assert_int_equal(sy_dns_create_with(1, fake_lookup, NULL, &dns, NULL), SY_OK);
}

static void the_table_has_an_end(void **state)
{
    struct asked *asked = calloc(1500, sizeof(*asked));
    unsigned answered = 0;

    (void)state;
    for (size_t i = 0; i < 1500; i++) {
        char host[32];

        snprintf(host, sizeof(host), "h%zu.test", i);
        assert_false(ask(&asked[i], host));
        sy_loop_run(loop);
        answered += asked[i].done;
    }
    assert_int_equal(answered, 1500);
    assert_int_equal(atomic_load(&lookups), 1500);
    assert_true(ask(&asked[0], "h1499.test"));
    free(asked);
}

static void the_system_knows_localhost(void **state)
{
    struct asked asked;
    struct sy_dns *fake = dns;

    (void)state;
    assert_int_equal(sy_dns_create(2, &dns, NULL), SY_OK);
    assert_false(ask(&asked, "localhost"));
    sy_loop_run(loop);
    assert_int_equal(asked.answer.error, 0);
    assert_true(asked.answer.count >= 1);
    assert_false(ask(&asked, "no-such-name.invalid"));
    sy_loop_run(loop);
    assert_int_not_equal(asked.answer.error, 0);
    sy_dns_destroy(dns);
    dns = fake;
}

/* Two loops in two threads, each its own questions. */
struct worker {
    pthread_t thread;
    unsigned index;
    unsigned answers;
};

struct round {
    struct sy_dns_query query;
    struct worker *worker;
    unsigned left;
    char host[32];
};

static void ask_next(struct round *round, struct sy_loop *l);

static void on_round(struct sy_dns_query *query, const struct sy_dns_answer *answer)
{
    struct round *round = query->ctx;

    round->worker->answers += answer->error == 0;
    ask_next(round, query->loop);
}

static void ask_next(struct round *round, struct sy_loop *l)
{
    struct sy_dns_answer answer;

    while (round->left) {
        round->left--;
        snprintf(round->host, sizeof(round->host), "n%u.test", round->left % 100);
        memset(&round->query, 0, sizeof(round->query));
        round->query = (struct sy_dns_query){.loop = l, .done = on_round, .ctx = round};
        if (!sy_dns_resolve(dns, sy_str_of(round->host), &round->query, &answer))
            return;
        round->worker->answers += answer.error == 0;
    }
    sy_loop_stop(l);
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct round round = {.worker = worker, .left = 300};
    struct sy_loop *own;

    if (sy_loop_create(worker->index, &own, NULL) < 0)
        return NULL;
    ask_next(&round, own);
    sy_loop_run(own);
    sy_loop_destroy(own);
    return NULL;
}

static void loops_share_one_cache(void **state)
{
    struct worker workers[4] = {{0}};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        workers[i].index = i;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].answers, 300);
    }
    assert_int_equal(atomic_load(&lookups), 100);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(literals_are_answered_at_once),
        T(names_no_host_has_are_refused_at_once),
        T(one_look_up_serves_all_who_ask),
        T(a_failure_is_kept_for_a_moment_only),
        T(an_old_answer_serves_while_a_new_one_is_fetched),
        T(a_cancelled_question_is_not_answered),
        T(hanging_names_do_not_stop_the_loop_or_the_end),
        T(the_table_has_an_end),
        T(the_system_knows_localhost),
        T(loops_share_one_cache),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
