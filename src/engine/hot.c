#include "engine/hot.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define BREAKER_FAILURES 5
#define BREAKER_OPEN_MS 5000
#define BREAKER_OPEN_MAX_MS 60000
#define BREAKER_LEASE_MS 10000

/* Slots stand on cache lines of their own: loops on other cores write to their neighbours. */
struct sy_tenant_slot {
    _Alignas(64) _Atomic int64_t tat_us; /* GCRA: theoretical arrival time */
    _Atomic int64_t in_flight;
    UT_hash_handle hh;
    size_t name_len;
    char name[];
};

/*
 * Nearly always a breaker is closed and its vendor answers: asking and reporting then touch the
 * first line only, without the lock. `quiet` is written under the lock.
 */
struct sy_breaker_slot {
    _Alignas(64) _Atomic bool quiet; /* closed, and no failure since the last success */
    _Atomic int64_t open_until_ms;   /* 0: closed */
    _Atomic uint64_t calls;
    pthread_mutex_t lock; /* of what follows, and for writing the above but `calls` */
    unsigned failures;    /* in a row */
    int64_t open_for_ms;  /* 0: closed */
    int64_t lease_until_ms;
    uint64_t failed;
    UT_hash_handle hh;
    size_t name_len;
    char name[];
};

struct sy_hot {
    pthread_rwlock_t lock; /* of the two tables, not of the slots */
    struct sy_tenant_slot *tenants;
    struct sy_breaker_slot *breakers;
};

int sy_hot_create(struct sy_hot **ret, struct sy_err *err)
{
    struct sy_hot *hot = calloc(1, sizeof(*hot));

    if (!hot)
        return sy_err_set(err, SY_NOMEM, "no memory for the limits");
    if (pthread_rwlock_init(&hot->lock, NULL) != 0) {
        free(hot);
        return sy_err_set(err, SY_ERR, "no lock for the limits");
    }
    *ret = hot;
    return SY_OK;
}

void sy_hot_free(struct sy_hot *hot)
{
    struct sy_tenant_slot *tenant, *next_tenant;
    struct sy_breaker_slot *breaker, *next_breaker;

    if (!hot)
        return;
    HASH_ITER (hh, hot->tenants, tenant, next_tenant) {
        HASH_DEL(hot->tenants, tenant);
        free(tenant);
    }
    HASH_ITER (hh, hot->breakers, breaker, next_breaker) {
        HASH_DEL(hot->breakers, breaker);
        pthread_mutex_destroy(&breaker->lock);
        free(breaker);
    }
    pthread_rwlock_destroy(&hot->lock);
    free(hot);
}

static void *slot_alloc(size_t size, size_t name_len)
{
    size_t total = (size + name_len + 63) / 64 * 64;
    void *slot = aligned_alloc(64, total);

    if (slot)
        memset(slot, 0, total);
    return slot;
}

struct sy_tenant_slot *sy_hot_tenant(struct sy_hot *hot, struct sy_str tenant)
{
    struct sy_tenant_slot *slot = NULL;

    pthread_rwlock_rdlock(&hot->lock);
    HASH_FIND(hh, hot->tenants, tenant.ptr, tenant.len, slot);
    pthread_rwlock_unlock(&hot->lock);
    if (slot)
        return slot;
    pthread_rwlock_wrlock(&hot->lock);
    HASH_FIND(hh, hot->tenants, tenant.ptr, tenant.len, slot);
    if (!slot && (slot = slot_alloc(sizeof(*slot), tenant.len)) != NULL) {
        slot->name_len = tenant.len;
        memcpy(slot->name, tenant.ptr, tenant.len);
        HASH_ADD_KEYPTR(hh, hot->tenants, slot->name, slot->name_len, slot);
        if (!SY_HASH_ADDED(slot)) {
            free(slot);
            slot = NULL;
        }
    }
    pthread_rwlock_unlock(&hot->lock);
    return slot;
}

struct sy_str sy_hot_tenant_name(const struct sy_tenant_slot *slot)
{
    return sy_str_from(slot->name, slot->name_len);
}

enum sy_admission sy_hot_admit(struct sy_tenant_slot *slot, const struct sy_rate *rate,
                               int64_t now_us, int64_t *ret_wait_us)
{
    int64_t interval, tolerance, tat, next;

    *ret_wait_us = 0;
    if (atomic_fetch_add(&slot->in_flight, 1) >= (int64_t)rate->in_flight && rate->in_flight) {
        atomic_fetch_sub(&slot->in_flight, 1);
        return SY_LIMITED_IN_FLIGHT;
    }
    if (!rate->per_second_milli)
        return SY_ADMITTED;
    interval = (int64_t)(UINT64_C(1000000000) / rate->per_second_milli);
    tolerance = interval * (int64_t)(rate->burst ? rate->burst - 1 : 0);
    tat = atomic_load(&slot->tat_us);
    do {
        int64_t base = tat > now_us ? tat : now_us;

        if (base - now_us > tolerance) {
            *ret_wait_us = base - now_us - tolerance;
            atomic_fetch_sub(&slot->in_flight, 1);
            return SY_LIMITED_RATE;
        }
        next = base + interval;
    } while (!atomic_compare_exchange_weak(&slot->tat_us, &tat, next));
    return SY_ADMITTED;
}

void sy_hot_leave(struct sy_tenant_slot *slot)
{
    atomic_fetch_sub(&slot->in_flight, 1);
}

struct sy_breaker_slot *sy_hot_breaker(struct sy_hot *hot, struct sy_str key)
{
    struct sy_breaker_slot *slot = NULL;

    pthread_rwlock_rdlock(&hot->lock);
    HASH_FIND(hh, hot->breakers, key.ptr, key.len, slot);
    pthread_rwlock_unlock(&hot->lock);
    if (slot)
        return slot;
    pthread_rwlock_wrlock(&hot->lock);
    HASH_FIND(hh, hot->breakers, key.ptr, key.len, slot);
    if (!slot && (slot = slot_alloc(sizeof(*slot), key.len)) != NULL) {
        slot->name_len = key.len;
        memcpy(slot->name, key.ptr, key.len);
        pthread_mutex_init(&slot->lock, NULL);
        atomic_store(&slot->quiet, true);
        HASH_ADD_KEYPTR(hh, hot->breakers, slot->name, slot->name_len, slot);
        if (!SY_HASH_ADDED(slot)) {
            pthread_mutex_destroy(&slot->lock);
            free(slot);
            slot = NULL;
        }
    }
    pthread_rwlock_unlock(&hot->lock);
    return slot;
}

enum sy_breaker_verdict sy_breaker_ask(struct sy_breaker_slot *slot, int64_t now_ms,
                                       int64_t *ret_wait_ms)
{
    enum sy_breaker_verdict verdict = SY_BREAKER_CLOSED;

    *ret_wait_ms = 0;
    if (!atomic_load_explicit(&slot->open_until_ms, memory_order_relaxed))
        return SY_BREAKER_CLOSED;
    pthread_mutex_lock(&slot->lock);
    if (slot->open_for_ms) {
        if (now_ms < slot->open_until_ms) {
            verdict = SY_BREAKER_OPEN;
            *ret_wait_ms = slot->open_until_ms - now_ms;
        } else if (now_ms < slot->lease_until_ms) {
            verdict = SY_BREAKER_OPEN;
            *ret_wait_ms = 1000;
        } else {
            verdict = SY_BREAKER_PROBE;
            slot->lease_until_ms = now_ms + BREAKER_LEASE_MS;
        }
    }
    pthread_mutex_unlock(&slot->lock);
    return verdict;
}

void sy_breaker_report(struct sy_breaker_slot *slot, bool failed, bool probe, int64_t now_ms)
{
    atomic_fetch_add_explicit(&slot->calls, 1, memory_order_relaxed);
    if (!failed && !probe && atomic_load_explicit(&slot->quiet, memory_order_relaxed))
        return;
    pthread_mutex_lock(&slot->lock);
    if (probe)
        slot->lease_until_ms = 0;
    if (!failed) {
        /* A late success of a call sent before the breaker opened does not close it: the probe
         * does. */
        if (probe || !slot->open_for_ms) {
            slot->failures = 0;
            slot->open_for_ms = 0;
            slot->open_until_ms = 0;
        }
    } else {
        slot->failed++;
        slot->failures++;
        if (probe && slot->open_for_ms) {
            slot->open_for_ms *= 2;
            if (slot->open_for_ms > BREAKER_OPEN_MAX_MS)
                slot->open_for_ms = BREAKER_OPEN_MAX_MS;
            slot->open_until_ms = now_ms + slot->open_for_ms;
        } else if (!slot->open_for_ms && slot->failures >= BREAKER_FAILURES) {
            slot->open_for_ms = BREAKER_OPEN_MS;
            slot->open_until_ms = now_ms + BREAKER_OPEN_MS;
        }
    }
    slot->quiet = !slot->open_for_ms && !slot->failures;
    pthread_mutex_unlock(&slot->lock);
}

void sy_breaker_yield(struct sy_breaker_slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    slot->lease_until_ms = 0;
    pthread_mutex_unlock(&slot->lock);
}

bool sy_breaker_is_open(struct sy_breaker_slot *slot, int64_t now_ms)
{
    return now_ms < atomic_load_explicit(&slot->open_until_ms, memory_order_relaxed);
}

void sy_breaker_counts(struct sy_breaker_slot *slot, uint64_t *ret_calls, uint64_t *ret_failures)
{
    pthread_mutex_lock(&slot->lock);
    *ret_calls = slot->calls;
    *ret_failures = slot->failed;
    pthread_mutex_unlock(&slot->lock);
}
