#include "secrets/secrets_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_MAX ((size_t)16 << 20)

void secret_unavailable(struct secret_reading *ret, const char *format, ...)
{
    va_list args;

    ret->state = SY_SECRET_UNAVAILABLE;
    va_start(args, format);
    (void)vsnprintf(ret->why, sizeof(ret->why), format, args);
    va_end(args);
}

void secret_ready(struct secret_reading *ret, struct sy_str value)
{
    if (sy_secret_init_copy(&ret->value, value) == SY_OK && ret->value.len)
        ret->state = SY_SECRET_READY;
    else
        secret_unavailable(ret, "the value is empty, or there is no memory for it");
}

/* ---- life ---- */

static struct sy_ref ref_copy(struct sy_arena *arena, const struct sy_ref *from)
{
    struct sy_ref ref = *from;

    ref.text = sy_arena_copy(arena, from->text);
    ref.file = sy_arena_copy(arena, from->file);
    return ref;
}

static void copy_settings(struct sy_secrets *secrets, const struct sy_settings *settings)
{
    struct infisical *to = &secrets->infisical;
    struct sy_arena *arena = &secrets->arena;

    to->present = settings->infisical.present;
    to->url = sy_arena_copy(arena, settings->infisical.url);
    to->project = sy_arena_copy(arena, settings->infisical.project);
    to->environment = sy_arena_copy(arena, settings->infisical.environment);
    to->client_id = ref_copy(arena, &settings->infisical.client_id);
    to->client_secret = ref_copy(arena, &settings->infisical.client_secret);
    for (size_t i = 0; i < settings->named_count; i++) {
        secrets->named[i].name = sy_arena_copy(arena, settings->named[i].name);
        secrets->named[i].ref = ref_copy(arena, &settings->named[i].ref);
    }
    secrets->named_count = settings->named_count;
}

int sy_secrets_create(const struct sy_settings *settings, const struct sy_secret_fetch *fetch,
                      struct sy_secrets **ret, struct sy_err *err)
{
    struct sy_secrets *secrets = calloc(1, sizeof(*secrets));

    if (!secrets)
        return sy_err_set(err, SY_NOMEM, "no memory for secrets");
    pthread_mutex_init(&secrets->reading, NULL);
    pthread_mutex_init(&secrets->lock, NULL);
    sy_arena_init(&secrets->arena, ARENA_MAX);
    if (fetch)
        secrets->fetch = *fetch;
    copy_settings(secrets, settings);
    /* Loops ask for named ones later and may not wait for a file or a server then. */
    for (size_t i = 0; i < secrets->named_count; i++)
        (void)sy_secrets_get(secrets, &secrets->named[i].ref);
    if (secrets->arena.failed) {
        sy_secrets_free(secrets);
        return sy_err_set(err, SY_NOMEM, "no memory for secrets");
    }
    *ret = secrets;
    return SY_OK;
}

void sy_secrets_free(struct sy_secrets *secrets)
{
    if (!secrets)
        return;
    for (struct secret_entry *entry = secrets->entries; entry; entry = entry->next)
        sy_secret_release(&entry->value);
    for (struct secret_retired *old = secrets->retired; old; old = old->next)
        sy_secret_release(&old->value);
    sy_secret_release(&secrets->infisical.token);
    sy_arena_release(&secrets->arena);
    pthread_mutex_destroy(&secrets->lock);
    pthread_mutex_destroy(&secrets->reading);
    free(secrets);
}

/* ---- reading ---- */

static void read_ref(struct sy_secrets *secrets, const struct sy_ref *ref,
                     struct secret_reading *ret)
{
    switch (ref->kind) {
    case SY_REF_LITERAL:
        secret_ready(ret, ref->text);
        return;
    case SY_REF_ENV:
        secret_read_env(ref->text, ret);
        return;
    case SY_REF_FILE:
        secret_read_file(ref->text, ret);
        return;
    case SY_REF_INFISICAL:
        secret_read_infisical(secrets, ref->text, ret);
        return;
    }
}

static struct secret_entry *find(const struct sy_secrets *secrets, const struct sy_ref *ref)
{
    for (struct secret_entry *entry = secrets->entries; entry; entry = entry->next)
        if (entry->ref.kind == ref->kind && sy_str_eq(entry->ref.text, ref->text))
            return entry;
    return NULL;
}

static struct sy_secret_value value_of(const struct secret_entry *entry)
{
    return (struct sy_secret_value){
        .state = entry->state, .value = sy_secret_str(&entry->value), .why = entry->why};
}

static struct sy_secret_value no_memory(void)
{
    return (struct sy_secret_value){.state = SY_SECRET_UNAVAILABLE,
                                    .why = SY_STR("no memory for another secret")};
}

/* Under `lock`. Takes the value over. */
static void keep(struct sy_secrets *secrets, struct secret_entry *entry,
                 struct secret_reading *reading)
{
    entry->value = reading->value;
    entry->state = reading->state;
    entry->why = reading->state == SY_SECRET_READY
                     ? (struct sy_str){NULL, 0}
                     : sy_arena_copy(&secrets->arena, sy_str_of(reading->why));
}

struct sy_secret_value sy_secrets_get(struct sy_secrets *secrets, const struct sy_ref *ref)
{
    struct secret_reading reading = {0};
    struct sy_secret_value value;
    struct secret_entry *entry;

    if (!ref->set)
        return (struct sy_secret_value){.state = SY_SECRET_ABSENT, .why = SY_STR("not set")};
    pthread_mutex_lock(&secrets->reading);
    pthread_mutex_lock(&secrets->lock);
    entry = find(secrets, ref);
    pthread_mutex_unlock(&secrets->lock);
    if (!entry)
        read_ref(secrets, ref, &reading);
    pthread_mutex_lock(&secrets->lock);
    if (!entry) {
        entry = sy_arena_zalloc(&secrets->arena, sizeof(*entry));
        if (entry) {
            entry->ref = ref_copy(&secrets->arena, ref);
            keep(secrets, entry, &reading);
            entry->next = secrets->entries;
            secrets->entries = entry;
        } else {
            sy_secret_release(&reading.value);
        }
    }
    value = entry ? value_of(entry) : no_memory();
    pthread_mutex_unlock(&secrets->lock);
    pthread_mutex_unlock(&secrets->reading);
    return value;
}

struct sy_secret_value sy_secrets_named(struct sy_secrets *secrets, struct sy_str name)
{
    struct sy_secret_value value = {
        .state = SY_SECRET_ABSENT,
        .why = SY_STR("no secret of that name is declared under secrets.named"),
    };

    for (size_t i = 0; i < secrets->named_count; i++) {
        const struct secret_entry *entry;

        if (!sy_str_eq(secrets->named[i].name, name))
            continue;
        pthread_mutex_lock(&secrets->lock);
        entry = find(secrets, &secrets->named[i].ref);
        if (entry)
            value = value_of(entry);
        pthread_mutex_unlock(&secrets->lock);
        break;
    }
    return value;
}

/* A server that does not answer is waited for once, not once a secret. */
static bool read_again(struct sy_secrets *secrets, const struct secret_entry *entry,
                       bool *server_is_down, struct secret_reading *ret)
{
    *ret = (struct secret_reading){0};
    if (entry->ref.kind == SY_REF_INFISICAL && *server_is_down)
        return false;
    read_ref(secrets, &entry->ref, ret);
    if (ret->state == SY_SECRET_READY)
        return true;
    sy_secret_release(&ret->value);
    *server_is_down = *server_is_down || ret->no_answer;
    return false;
}

bool sy_secrets_retry(struct sy_secrets *secrets)
{
    bool any = false, server_is_down = false;

    pthread_mutex_lock(&secrets->reading);
    for (struct secret_entry *entry = secrets->entries; entry; entry = entry->next) {
        struct secret_reading reading;

        /* Only this thread changes entries while it holds `reading`. */
        if (entry->state != SY_SECRET_UNAVAILABLE ||
            !read_again(secrets, entry, &server_is_down, &reading))
            continue;
        pthread_mutex_lock(&secrets->lock);
        keep(secrets, entry, &reading);
        pthread_mutex_unlock(&secrets->lock);
        any = true;
    }
    pthread_mutex_unlock(&secrets->reading);
    return any;
}

/* Takes the value over, or releases it where it is none or there is no memory to retire the old. */
static void replace(struct sy_secrets *secrets, struct secret_entry *entry,
                    struct secret_reading *reading)
{
    struct secret_retired *old = NULL;

    if (entry->state == SY_SECRET_READY) {
        if (!sy_str_eq(sy_secret_str(&entry->value), sy_secret_str(&reading->value)))
            old = sy_arena_zalloc(&secrets->arena, sizeof(*old));
        if (!old) {
            sy_secret_release(&reading->value);
            return;
        }
        old->value = entry->value;
        old->next = secrets->retired;
        secrets->retired = old;
    }
    keep(secrets, entry, reading);
}

void sy_secrets_renew(struct sy_secrets *secrets)
{
    bool server_is_down = false;

    pthread_mutex_lock(&secrets->reading);
    for (struct secret_entry *entry = secrets->entries; entry; entry = entry->next) {
        struct secret_reading reading;

        if (!read_again(secrets, entry, &server_is_down, &reading))
            continue;
        pthread_mutex_lock(&secrets->lock);
        replace(secrets, entry, &reading);
        pthread_mutex_unlock(&secrets->lock);
    }
    pthread_mutex_unlock(&secrets->reading);
}
