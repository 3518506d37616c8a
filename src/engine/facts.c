#include "engine/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include <pthread.h>

#include "base/buf.h"

/* A token this close to its end is refreshed in the background, at most a fifth of its life. */
#define REFRESH_EARLY_MS 300000
/* A failed look-up is remembered this long, so that a storm of calls is not a storm of look-ups. */
#define FAILURE_TTL_MS 1000
/* A mint that reached the vendor and failed, or gave a token that nobody takes, is not tried again
 * sooner: one refresh a minute, whatever the vendor does. */
#define MINT_PAUSE_MS 60000
#define FAILURE_TEXT_MAX ((size_t)1 << 20)
/* A larger value serves those who wait for it and is not kept. */
#define FACT_VALUE_MAX ((size_t)4 << 20)

struct fact_entry {
    UT_hash_handle hh;
    struct sy_blob *blob; /* NULL: only a remembered failure */
    uint64_t generation;
    int64_t expires_ms;
    int64_t refresh_ms; /* 0: never early */
    bool refreshes;     /* asking early changes nothing at the vendor */
    bool is_token;
    bool refused;      /* the last value was refused: the next stands in for it */
    bool stands_in;    /* this one does */
    int64_t landed_ms; /* when the value came */
    struct sy_failure failure;
    struct sy_blob *failure_blob;
    struct sy_fact_flight *flight; /* running, or NULL */
    size_t key_len;
    char key[];
};

struct sy_fact_flight {
    struct sy_fact_wait *waiters;
    struct fact_entry *entry;
};

struct sy_fact_cache {
    pthread_mutex_t lock;
    struct fact_entry *entries;
    size_t bytes;
    uint64_t generations;
};

int sy_facts_create(struct sy_fact_cache **ret, struct sy_err *err)
{
    struct sy_fact_cache *cache = calloc(1, sizeof(*cache));

    if (!cache)
        return sy_err_set(err, SY_NOMEM, "no memory for the fact cache");
    pthread_mutex_init(&cache->lock, NULL);
    *ret = cache;
    return SY_OK;
}

static size_t blob_size(const struct sy_blob *blob)
{
    return blob ? blob->len : 0;
}

static size_t entry_size(const struct fact_entry *entry)
{
    return sizeof(*entry) + entry->key_len + blob_size(entry->blob) +
           blob_size(entry->failure_blob);
}

static void entry_clear(struct sy_fact_cache *cache, struct fact_entry *entry)
{
    cache->bytes -= blob_size(entry->blob) + blob_size(entry->failure_blob);
    sy_blob_unref(entry->blob);
    sy_blob_unref(entry->failure_blob);
    entry->blob = NULL;
    entry->failure_blob = NULL;
    entry->failure = (struct sy_failure){0};
    entry->expires_ms = 0;
}

static void entry_free(struct sy_fact_cache *cache, struct fact_entry *entry)
{
    HASH_DEL(cache->entries, entry);
    cache->bytes -= entry_size(entry);
    sy_blob_unref(entry->blob);
    sy_blob_unref(entry->failure_blob);
    free(entry->flight);
    free(entry);
}

void sy_facts_free(struct sy_fact_cache *cache)
{
    struct fact_entry *entry, *next;

    if (!cache)
        return;
    HASH_ITER (hh, cache->entries, entry, next)
        entry_free(cache, entry);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static bool is_per_user(enum sy_fact_kind kind)
{
    return kind == SY_FACT_ACCOUNTS || kind == SY_FACT_LINK;
}

/* Every part is preceded by its length: no two scopes share a key. */
static void key_part(struct sy_buf *out, struct sy_str part)
{
    sy_buf_append_u64(out, part.len);
    sy_buf_append_char(out, ':');
    sy_buf_append(out, part);
}

static bool key_write(struct sy_buf *out, const struct sy_fact_scope *scope, enum sy_fact_kind kind,
                      struct sy_str key)
{
    sy_buf_append_u64(out, scope->vendor_index);
    sy_buf_append_char(out, '.');
    sy_buf_append_u64(out, scope->credentials);
    sy_buf_append_char(out, '.');
    sy_buf_append_u64(out, (uint64_t)kind);
    key_part(out, key);
    if (is_per_user(kind)) {
        key_part(out, scope->tenant);
        key_part(out, scope->subject);
        key_part(out, scope->target->toolkit);
    }
    if (kind != SY_FACT_TOKEN && kind != SY_FACT_TOOL) {
        key_part(out, scope->target->vendor_slug);
        key_part(out, scope->target->connection);
        key_part(out, scope->target->auth_config_id);
        key_part(out, scope->target->oauth_app_id);
    }
    return sy_buf_ok(out);
}

/* Room for new entries: drops what has ended, then (rarely) whatever comes first. */
static void make_room(struct sy_fact_cache *cache, int64_t now_ms)
{
    struct fact_entry *entry, *next;

    if (cache->bytes < FACT_CACHE_BYTES)
        return;
    HASH_ITER (hh, cache->entries, entry, next)
        if (!entry->flight && entry->expires_ms <= now_ms)
            entry_free(cache, entry);
    HASH_ITER (hh, cache->entries, entry, next) {
        if (cache->bytes < FACT_CACHE_BYTES / 2)
            break;
        if (!entry->flight)
            entry_free(cache, entry);
    }
}

static struct fact_entry *entry_get(struct sy_fact_cache *cache, struct sy_str key, bool make,
                                    int64_t now_ms)
{
    struct fact_entry *entry = NULL;

    HASH_FIND(hh, cache->entries, key.ptr, key.len, entry);
    if (entry || !make)
        return entry;
    make_room(cache, now_ms);
    entry = calloc(1, sizeof(*entry) + key.len);
    if (!entry)
        return NULL;
    entry->key_len = key.len;
    memcpy(entry->key, key.ptr, key.len);
    HASH_ADD_KEYPTR(hh, cache->entries, entry->key, entry->key_len, entry);
    if (!SY_HASH_ADDED(entry)) {
        free(entry);
        return NULL;
    }
    cache->bytes += entry_size(entry);
    return entry;
}

static struct sy_fact_flight *flight_start(struct fact_entry *entry)
{
    entry->flight = calloc(1, sizeof(*entry->flight));
    if (entry->flight)
        entry->flight->entry = entry;
    return entry->flight;
}

/* Minted because another was refused, and never taken since: minting more does not help. */
static bool stands_in_vain(const struct fact_entry *entry)
{
    return entry->is_token && entry->blob && entry->stands_in && !atomic_load(&entry->blob->proven);
}

static enum sy_fact_answer answer_from(struct fact_entry *entry, uint64_t reject, int64_t now_ms,
                                       struct sy_fact_wait *wait, bool *ret_refresh,
                                       struct sy_fact_flight **ret_flight)
{
    bool alive = entry->expires_ms > now_ms;

    if (alive && entry->failure.code != SY_CODE_NONE) {
        wait->failure = entry->failure;
        if (entry->is_token && !wait->failure.retry_after_ms &&
            sy_failure_retryable(&entry->failure))
            wait->failure.retry_after_ms = entry->expires_ms - now_ms;
        wait->failure_blob = sy_blob_ref(entry->failure_blob);
        return SY_FACT_HIT;
    }
    if (alive && entry->blob && entry->generation > reject) {
        wait->blob = sy_blob_ref(entry->blob);
        wait->generation = entry->generation;
        if (entry->refresh_ms && now_ms >= entry->refresh_ms && !entry->flight)
            *ret_refresh = (*ret_flight = flight_start(entry)) != NULL;
        return SY_FACT_HIT;
    }
    if (reject && stands_in_vain(entry) && now_ms < entry->landed_ms + MINT_PAUSE_MS) {
        wait->failure =
            (struct sy_failure){.code = SY_CODE_VENDOR_AUTH, .cause = SY_CAUSE_CREDENTIALS_REFUSED};
        return SY_FACT_HIT;
    }
    if (!entry->flight) {
        *ret_flight = flight_start(entry);
        if (!*ret_flight)
            return SY_FACT_NOMEM;
    }
    wait->flight = entry->flight;
    wait->next = entry->flight->waiters;
    entry->flight->waiters = wait;
    return *ret_flight ? SY_FACT_FLY : SY_FACT_WAIT;
}

enum sy_fact_answer sy_facts_ask(struct sy_fact_cache *cache, const struct sy_fact_scope *scope,
                                 enum sy_fact_kind kind, struct sy_str key, uint64_t reject,
                                 int64_t now_ms, struct sy_fact_wait *wait, bool *ret_refresh,
                                 struct sy_fact_flight **ret_flight)
{
    enum sy_fact_answer answer = SY_FACT_NOMEM;
    struct fact_entry *entry;
    struct sy_buf text;

    *ret_refresh = false;
    *ret_flight = NULL;
    wait->blob = NULL;
    wait->failure_blob = NULL;
    wait->failure = (struct sy_failure){0};
    wait->generation = 0;
    wait->flight = NULL;
    sy_buf_init(&text, FACT_KEY_MAX);
    if (key_write(&text, scope, kind, key)) {
        pthread_mutex_lock(&cache->lock);
        entry = entry_get(cache, sy_buf_str(&text), true, now_ms);
        if (entry) {
            entry->refreshes = kind != SY_FACT_LINK;
            entry->is_token = kind == SY_FACT_TOKEN;
            answer = answer_from(entry, reject, now_ms, wait, ret_refresh, ret_flight);
        }
        pthread_mutex_unlock(&cache->lock);
    }
    sy_buf_release(&text);
    return answer;
}

/* A failure outlives the arena it was made in: its detail and links are copied into one blob. */
static struct sy_failure failure_keep(const struct sy_failure *failure, struct sy_blob **ret_blob)
{
    struct sy_failure kept = *failure;
    struct sy_str *slices[] = {&kept.detail,        &kept.connect_url,    &kept.connection_id,
                               &kept.connected_at,  &kept.missing_scopes, &kept.todo,
                               &kept.provider_body, &kept.errors,         &kept.suggestions,
                               &kept.renamed_to,    &kept.case_id,        &kept.issue_url,
                               &kept.rules};
    struct sy_buf text;
    size_t at = 0;

    sy_buf_init(&text, FAILURE_TEXT_MAX);
    for (size_t i = 0; i < SY_ARRAY_LEN(slices); i++)
        sy_buf_append(&text, *slices[i]);
    *ret_blob = sy_buf_ok(&text) ? sy_blob_new(sy_buf_str(&text), false) : NULL;
    for (size_t i = 0; i < SY_ARRAY_LEN(slices); i++) {
        if (!*ret_blob || !slices[i]->ptr) {
            *slices[i] = (struct sy_str){NULL, 0};
            continue;
        }
        slices[i]->ptr = (*ret_blob)->bytes + at;
        at += slices[i]->len;
    }
    sy_buf_release(&text);
    return kept;
}

static void wake(struct sy_fact_wait *waiters, struct sy_blob *blob, uint64_t generation,
                 const struct sy_failure *failure, struct sy_blob *failure_blob)
{
    while (waiters) {
        struct sy_fact_wait *next = waiters->next;

        waiters->next = NULL;
        waiters->flight = NULL;
        waiters->blob = sy_blob_ref(blob);
        waiters->generation = generation;
        waiters->failure = *failure;
        waiters->failure_blob = sy_blob_ref(failure_blob);
        sy_loop_post(waiters->loop, &waiters->task);
        waiters = next;
    }
}

/* Ends of a mint that never reached the vendor's token endpoint: they cost it nothing. */
static const enum sy_cause unsent[] = {
    SY_CAUSE_DNS,        SY_CAUSE_DNS_TIMEOUT,     SY_CAUSE_CONNECT_REFUSED, SY_CAUSE_TLS_UNTRUSTED,
    SY_CAUSE_TLS_FAILED, SY_CAUSE_CONNECT_TIMEOUT, SY_CAUSE_MEMORY,          SY_CAUSE_DESCRIPTORS,
    SY_CAUSE_IN_FLIGHT,  SY_CAUSE_BREAKER_OPEN,    SY_CAUSE_EGRESS_REFUSED,  SY_CAUSE_QUARANTINED,
};

/* How long the failure stands. */
static int64_t failure_ttl_ms(const struct fact_entry *entry, const struct sy_failure *failure)
{
    if (!entry->is_token)
        return FAILURE_TTL_MS;
    for (size_t i = 0; i < SY_ARRAY_LEN(unsent); i++)
        if (failure->cause == unsent[i])
            return FAILURE_TTL_MS;
    return MINT_PAUSE_MS;
}

void sy_facts_landed(struct sy_fact_cache *cache, struct sy_fact_flight *flight,
                     struct sy_str value, int64_t ttl_ms, const struct sy_failure *failure,
                     int64_t now_ms)
{
    struct fact_entry *entry = flight->entry;
    struct sy_blob *blob = NULL, *failure_blob = NULL;
    struct sy_failure kept = {0};
    struct sy_fact_wait *waiters;
    uint64_t generation;

    if (failure)
        kept = failure_keep(failure, &failure_blob);
    else if (!(blob = sy_blob_new(value, true)))
        kept = (struct sy_failure){.code = SY_CODE_OVERLOADED, .cause = SY_CAUSE_MEMORY};

    pthread_mutex_lock(&cache->lock);
    generation = ++cache->generations;
    waiters = flight->waiters;
    entry->flight = NULL;
    /* A failed refresh leaves a value that still holds. */
    if (blob || !entry->blob || entry->expires_ms <= now_ms || waiters) {
        entry_clear(cache, entry);
        if (blob && ttl_ms > 0 && blob->len <= FACT_VALUE_MAX) {
            int64_t early = ttl_ms / 5 < REFRESH_EARLY_MS ? ttl_ms / 5 : REFRESH_EARLY_MS;

            entry->blob = sy_blob_ref(blob);
            cache->bytes += blob->len;
            entry->generation = generation;
            entry->stands_in = entry->refused;
            entry->refused = false;
            entry->landed_ms = now_ms;
            entry->expires_ms = now_ms + ttl_ms;
            entry->refresh_ms = entry->refreshes ? entry->expires_ms - early : 0;
        } else if (!blob) {
            entry->failure = kept;
            entry->failure_blob = sy_blob_ref(failure_blob);
            cache->bytes += blob_size(failure_blob);
            entry->expires_ms = now_ms + failure_ttl_ms(entry, &kept);
        }
    } else {
        entry->refresh_ms = now_ms + failure_ttl_ms(entry, &kept);
    }
    wake(waiters, blob, generation, &kept, failure_blob);
    pthread_mutex_unlock(&cache->lock);
    sy_blob_unref(blob);
    sy_blob_unref(failure_blob);
    free(flight);
}

bool sy_facts_cancel(struct sy_fact_cache *cache, struct sy_fact_wait *wait)
{
    bool found = false;

    pthread_mutex_lock(&cache->lock);
    if (wait->flight) {
        struct sy_fact_wait **at = &wait->flight->waiters;

        while (*at && *at != wait)
            at = &(*at)->next;
        if (*at) {
            *at = wait->next;
            found = true;
        }
        wait->flight = NULL;
    }
    pthread_mutex_unlock(&cache->lock);
    return found;
}

/* A value that was refused. The token that stood in for a refused one stays until it is replaced:
 * that one call was refused with it does not make it bad for the others. */
static void entry_forget(struct sy_fact_cache *cache, struct fact_entry *entry)
{
    if (!stands_in_vain(entry))
        entry_clear(cache, entry);
    entry->refused = true;
}

void sy_facts_forget(struct sy_fact_cache *cache, const struct sy_fact_scope *scope,
                     enum sy_fact_kind kind, struct sy_str key, uint64_t generation)
{
    struct fact_entry *entry;
    struct sy_buf text;

    sy_buf_init(&text, FACT_KEY_MAX);
    if (key_write(&text, scope, kind, key)) {
        pthread_mutex_lock(&cache->lock);
        entry = entry_get(cache, sy_buf_str(&text), false, 0);
        if (entry && entry->blob && entry->generation <= generation)
            entry_forget(cache, entry);
        pthread_mutex_unlock(&cache->lock);
    }
    sy_buf_release(&text);
}
