#include "engine/idempotency.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include <pthread.h>

#include "base/crypto.h"

enum entry_state { ENTRY_FLYING, ENTRY_KEPT, ENTRY_UNKNOWN };

struct entry {
    UT_hash_handle hh;
    unsigned char key[32];
    unsigned char body[32];
    enum entry_state state;
    int64_t expires_at_ms;
    int status;
    char call_id[40];
    struct sy_blob *answer; /* NULL: in the store only */
    struct sy_idempotency_wait *waiters;
    const struct sy_idempotency_key *flying; /* the call's */
    bool claimed;                            /* the store knows that a call has it */
};

struct sy_idempotency {
    bool shared;
    pthread_mutex_t lock;
    struct entry *entries; /* in order of insertion: the oldest come first */
    unsigned count;
    size_t bytes;
};

int sy_idempotency_create(struct sy_idempotency **ret, struct sy_err *err)
{
    struct sy_idempotency *index = calloc(1, sizeof(*index));

    if (!index)
        return sy_err_set(err, SY_NOMEM, "no memory for the idempotency index");
    pthread_mutex_init(&index->lock, NULL);
    *ret = index;
    return SY_OK;
}

static void entry_drop_answer(struct sy_idempotency *index, struct entry *entry)
{
    if (entry->answer)
        index->bytes -= entry->answer->len;
    sy_blob_unref(entry->answer);
    entry->answer = NULL;
}

static void entry_free(struct sy_idempotency *index, struct entry *entry)
{
    HASH_DEL(index->entries, entry);
    entry_drop_answer(index, entry);
    index->count--;
    free(entry);
}

void sy_idempotency_free(struct sy_idempotency *index)
{
    struct entry *entry, *next;

    if (!index)
        return;
    HASH_ITER (hh, index->entries, entry, next)
        entry_free(index, entry);
    pthread_mutex_destroy(&index->lock);
    free(index);
}

static struct entry *entry_find(struct sy_idempotency *index, const unsigned char key[32])
{
    struct entry *entry = NULL;

    HASH_FIND(hh, index->entries, key, 32, entry);
    return entry;
}

static struct entry *entry_new(struct sy_idempotency *index, const unsigned char key[32],
                               const unsigned char body[32])
{
    struct entry *entry = calloc(1, sizeof(*entry));

    if (!entry)
        return NULL;
    memcpy(entry->key, key, 32);
    memcpy(entry->body, body, 32);
    HASH_ADD(hh, index->entries, key, 32, entry);
    if (!SY_HASH_ADDED(entry)) {
        free(entry);
        return NULL;
    }
    index->count++;
    return entry;
}

/* Entries expire in the order they came (all live 24 h), so the head is where to look. */
static void expire(struct sy_idempotency *index, int64_t now_unix_ms)
{
    struct entry *entry, *next;
    unsigned looked = 0;

    HASH_ITER (hh, index->entries, entry, next) {
        if (++looked > 16)
            return;
        if (entry->state != ENTRY_FLYING && entry->expires_at_ms <= now_unix_ms)
            entry_free(index, entry);
    }
}

static void keep_within_memory(struct sy_idempotency *index)
{
    struct entry *entry, *next;

    if (index->bytes <= IDEMPOTENCY_MEMORY)
        return;
    HASH_ITER (hh, index->entries, entry, next) {
        if (index->bytes <= IDEMPOTENCY_MEMORY / 2)
            return;
        entry_drop_answer(index, entry);
    }
}

static bool load_row(const struct sy_idempotency_row *row, void *ctx)
{
    struct sy_idempotency *index = ctx;
    struct entry *entry;
    size_t id_len;
    bool more;

    pthread_mutex_lock(&index->lock);
    entry = entry_find(index, row->key_hash);
    if (!entry)
        entry = entry_new(index, row->key_hash, row->body_hash);
    else if (entry->state != ENTRY_UNKNOWN)
        entry = NULL;
    if (!entry) {
        more = index->count < IDEMPOTENCY_KEYS_MAX;
        pthread_mutex_unlock(&index->lock);
        return more;
    }
    id_len =
        row->call_id.len < sizeof(entry->call_id) ? row->call_id.len : sizeof(entry->call_id) - 1;
    entry->state = row->unknown ? ENTRY_UNKNOWN : ENTRY_KEPT;
    entry->expires_at_ms = row->expires_at_ms;
    entry->status = row->status;
    if (id_len)
        memcpy(entry->call_id, row->call_id.ptr, id_len);
    more = index->count < IDEMPOTENCY_KEYS_MAX;
    pthread_mutex_unlock(&index->lock);
    return more;
}

int sy_idempotency_load(struct sy_idempotency *index, struct sy_store *store, int64_t now_unix_ms,
                        struct sy_err *err)
{
    return store->ops->each_idempotency(store, now_unix_ms, load_row, index, err);
}

void sy_idempotency_share(struct sy_idempotency *index,
                          void (*flying)(const struct sy_idempotency_key *key, void *ctx),
                          void *ctx)
{
    struct entry *entry, *next;

    pthread_mutex_lock(&index->lock);
    index->shared = true;
    HASH_ITER (hh, index->entries, entry, next) {
        if (entry->state != ENTRY_FLYING || entry->claimed)
            continue;
        entry->claimed = true;
        flying(entry->flying, ctx);
    }
    pthread_mutex_unlock(&index->lock);
}

void sy_idempotency_own(struct sy_idempotency *index)
{
    pthread_mutex_lock(&index->lock);
    index->shared = false;
    pthread_mutex_unlock(&index->lock);
}

bool sy_idempotency_is_shared(struct sy_idempotency *index)
{
    bool shared;

    pthread_mutex_lock(&index->lock);
    shared = index->shared;
    pthread_mutex_unlock(&index->lock);
    return shared;
}

struct sy_idempotency_key sy_idempotency_key_make(struct sy_str tenant, struct sy_str key,
                                                  struct sy_str body)
{
    struct sy_idempotency_key made = {.tenant = tenant};
    static const struct sy_str label = SY_STR_INIT("switchyard idempotency key");
    static const char zero = '\0';
    const struct sy_str joined[3] = {tenant, {&zero, 1}, key};

    sy_hmac_sha256(label, joined, SY_ARRAY_LEN(joined), made.key);
    sy_sha256(body, made.body);
    return made;
}

static enum sy_idempotency_verdict verdict_of(struct entry *entry,
                                              const struct sy_idempotency_key *key,
                                              struct sy_idempotency_wait *wait,
                                              struct sy_idempotency_answer *ret)
{
    if (memcmp(entry->body, key->body, 32) != 0)
        return SY_IDEMPOTENCY_CONFLICT;
    memcpy(ret->call_id, entry->call_id, sizeof(ret->call_id));
    ret->status = entry->status;
    switch (entry->state) {
    case ENTRY_UNKNOWN:
        return SY_IDEMPOTENCY_UNKNOWN;
    case ENTRY_KEPT:
        ret->body = sy_blob_ref(entry->answer);
        return ret->body ? SY_IDEMPOTENCY_REPLAY : SY_IDEMPOTENCY_FETCH;
    case ENTRY_FLYING:
        wait->waiting = true;
        wait->next = entry->waiters;
        entry->waiters = wait;
        return SY_IDEMPOTENCY_WAIT;
    }
    return SY_IDEMPOTENCY_UNKNOWN;
}

enum sy_idempotency_verdict sy_idempotency_begin(struct sy_idempotency *index,
                                                 const struct sy_idempotency_key *key,
                                                 int64_t now_unix_ms,
                                                 struct sy_idempotency_wait *wait,
                                                 struct sy_idempotency_answer *ret)
{
    enum sy_idempotency_verdict verdict = SY_IDEMPOTENCY_FULL;
    struct entry *entry;

    memset(ret, 0, sizeof(*ret));
    pthread_mutex_lock(&index->lock);
    expire(index, now_unix_ms);
    entry = entry_find(index, key->key);
    if (entry && entry->state != ENTRY_FLYING && entry->expires_at_ms <= now_unix_ms) {
        entry_free(index, entry);
        entry = NULL;
    }
    if (entry)
        verdict = verdict_of(entry, key, wait, ret);
    else if (index->count < IDEMPOTENCY_KEYS_MAX &&
             (entry = entry_new(index, key->key, key->body)) != NULL) {
        verdict = SY_IDEMPOTENCY_FIRST;
        entry->flying = key;
        entry->claimed = ret->claim = index->shared;
    }
    pthread_mutex_unlock(&index->lock);
    return verdict;
}

bool sy_idempotency_settle(struct sy_idempotency *index, const struct sy_idempotency_key *key,
                           int status, struct sy_str call_id, const struct sy_str *answer,
                           bool unknown, int64_t expires_at_ms)
{
    struct sy_idempotency_wait *waiters;
    struct entry *entry;
    bool drop = false;

    pthread_mutex_lock(&index->lock);
    entry = entry_find(index, key->key);
    if (!entry) {
        pthread_mutex_unlock(&index->lock);
        return false;
    }
    waiters = entry->waiters;
    entry->waiters = NULL;
    if (!answer && !unknown) {
        drop = entry->claimed;
        entry_free(index, entry);
    } else {
        entry->state = unknown ? ENTRY_UNKNOWN : ENTRY_KEPT;
        entry->status = status;
        entry->flying = NULL;
        entry->expires_at_ms = expires_at_ms;
        if (call_id.len < sizeof(entry->call_id))
            memcpy(entry->call_id, call_id.ptr, call_id.len);
        if (answer && !unknown && (entry->answer = sy_blob_new(*answer, false)) != NULL)
            index->bytes += answer->len;
        keep_within_memory(index);
    }
    while (waiters) {
        struct sy_idempotency_wait *next = waiters->next;

        waiters->waiting = false;
        sy_loop_post(waiters->loop, &waiters->task);
        waiters = next;
    }
    pthread_mutex_unlock(&index->lock);
    return drop;
}

bool sy_idempotency_cancel(struct sy_idempotency *index, const struct sy_idempotency_key *key,
                           struct sy_idempotency_wait *wait)
{
    bool found = false;
    struct entry *entry;

    pthread_mutex_lock(&index->lock);
    entry = entry_find(index, key->key);
    if (entry && wait->waiting) {
        struct sy_idempotency_wait **at = &entry->waiters;

        while (*at && *at != wait)
            at = &(*at)->next;
        if (*at) {
            *at = wait->next;
            wait->waiting = false;
            found = true;
        }
    }
    pthread_mutex_unlock(&index->lock);
    return found;
}
