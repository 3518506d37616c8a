#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/hot.h"

static struct sy_hot *hot_new(void)
{
    struct sy_hot *hot;

    assert_int_equal(sy_hot_create(&hot, NULL), SY_OK);
    return hot;
}

static void a_tenant_gets_its_burst_and_then_its_rate(void **state)
{
    struct sy_hot *hot = hot_new();
    struct sy_tenant_slot *slot = sy_hot_tenant(hot, SY_STR("acme"));
    struct sy_rate rate = {.per_second_milli = 10000, .burst = 5};
    int64_t wait_us, now_us = 1000000;
    unsigned admitted = 0;

    (void)state;
    while (sy_hot_admit(slot, &rate, now_us, &wait_us) == SY_ADMITTED)
        admitted++;
    assert_int_equal(admitted, 5);
    assert_int_equal(wait_us, 100000);
    assert_int_equal(sy_hot_admit(slot, &rate, now_us + 99999, &wait_us), SY_LIMITED_RATE);
    assert_int_equal(sy_hot_admit(slot, &rate, now_us + 100000, &wait_us), SY_ADMITTED);
    sy_hot_free(hot);
}

static void one_tenants_flood_takes_nothing_from_another(void **state)
{
    struct sy_hot *hot = hot_new();
    struct sy_rate rate = {.per_second_milli = 1000, .burst = 1, .in_flight = 1};
    int64_t wait_us;

    (void)state;
    assert_int_equal(sy_hot_admit(sy_hot_tenant(hot, SY_STR("loud")), &rate, 0, &wait_us),
                     SY_ADMITTED);
    assert_int_equal(sy_hot_admit(sy_hot_tenant(hot, SY_STR("loud")), &rate, 0, &wait_us),
                     SY_LIMITED_IN_FLIGHT);
    assert_int_equal(sy_hot_admit(sy_hot_tenant(hot, SY_STR("calm")), &rate, 0, &wait_us),
                     SY_ADMITTED);
    sy_hot_free(hot);
}

static void a_place_in_flight_is_given_back(void **state)
{
    struct sy_hot *hot = hot_new();
    struct sy_tenant_slot *slot = sy_hot_tenant(hot, SY_STR("acme"));
    struct sy_rate rate = {.in_flight = 2};
    int64_t wait_us;

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(sy_hot_admit(slot, &rate, 0, &wait_us), SY_ADMITTED);
        assert_int_equal(sy_hot_admit(slot, &rate, 0, &wait_us), SY_ADMITTED);
        assert_int_equal(sy_hot_admit(slot, &rate, 0, &wait_us), SY_LIMITED_IN_FLIGHT);
        sy_hot_leave(slot);
        sy_hot_leave(slot);
    }
    sy_hot_free(hot);
}

static void five_failures_in_a_row_open_the_breaker(void **state)
{
    struct sy_hot *hot = hot_new();
    struct sy_breaker_slot *breaker = sy_hot_breaker(hot, SY_STR("composio"));
    int64_t wait_ms;

    (void)state;
    for (int i = 0; i < 4; i++)
        sy_breaker_report(breaker, true, false, 1000);
    sy_breaker_report(breaker, false, false, 1000);
    for (int i = 0; i < 4; i++)
        sy_breaker_report(breaker, true, false, 1000);
    assert_int_equal(sy_breaker_ask(breaker, 1000, &wait_ms), SY_BREAKER_CLOSED);
    sy_breaker_report(breaker, true, false, 1000);
    assert_int_equal(sy_breaker_ask(breaker, 1000, &wait_ms), SY_BREAKER_OPEN);
    assert_int_equal(wait_ms, 5000);
    sy_hot_free(hot);
}

static void a_half_open_breaker_lets_one_probe_through(void **state)
{
    struct sy_hot *hot = hot_new();
    struct sy_breaker_slot *breaker = sy_hot_breaker(hot, SY_STR("composio"));
    int64_t wait_ms;

    (void)state;
    for (int i = 0; i < 5; i++)
        sy_breaker_report(breaker, true, false, 0);
    assert_int_equal(sy_breaker_ask(breaker, 5000, &wait_ms), SY_BREAKER_PROBE);
    assert_int_equal(sy_breaker_ask(breaker, 5000, &wait_ms), SY_BREAKER_OPEN);
    sy_breaker_report(breaker, true, true, 5000);
    assert_int_equal(sy_breaker_ask(breaker, 14999, &wait_ms), SY_BREAKER_OPEN);
    assert_int_equal(sy_breaker_ask(breaker, 15000, &wait_ms), SY_BREAKER_PROBE);
    sy_breaker_report(breaker, false, true, 15000);
    assert_int_equal(sy_breaker_ask(breaker, 15000, &wait_ms), SY_BREAKER_CLOSED);
    sy_hot_free(hot);
}

static void a_probe_that_says_nothing_gives_its_lease_back(void **state)
{
    struct sy_hot *hot = hot_new();
    struct sy_breaker_slot *breaker = sy_hot_breaker(hot, SY_STR("composio"));
    int64_t wait_ms;

    (void)state;
    for (int i = 0; i < 5; i++)
        sy_breaker_report(breaker, true, false, 0);
    assert_int_equal(sy_breaker_ask(breaker, 5000, &wait_ms), SY_BREAKER_PROBE);
    sy_breaker_yield(breaker);
    assert_int_equal(sy_breaker_ask(breaker, 5000, &wait_ms), SY_BREAKER_PROBE);
    sy_hot_free(hot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tenant_gets_its_burst_and_then_its_rate),
        cmocka_unit_test(one_tenants_flood_takes_nothing_from_another),
        cmocka_unit_test(a_place_in_flight_is_given_back),
        cmocka_unit_test(five_failures_in_a_row_open_the_breaker),
        cmocka_unit_test(a_half_open_breaker_lets_one_probe_through),
        cmocka_unit_test(a_probe_that_says_nothing_gives_its_lease_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
