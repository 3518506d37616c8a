/*
 * Inside secrets: what one source says about one reference.
 */
#ifndef SY_SECRETS_SECRETS_INT_H
#define SY_SECRETS_SECRETS_INT_H

#include <pthread.h>

#include "base/secret.h"
#include "secrets/secrets.h"

#define SECRET_BYTES_MAX ((size_t)64 << 10)
#define SECRET_WHY_MAX 256

/* Filled by a reader: READY with the value, or another state with the reason in words. */
struct secret_reading {
    enum sy_secret_state state;
    struct sy_secret value;
    char why[SECRET_WHY_MAX];
    bool no_answer; /* the server was waited for in vain */
};

struct secret_entry {
    struct secret_entry *next;
    struct sy_ref ref; /* text is a copy */
    enum sy_secret_state state;
    struct sy_secret value;
    struct sy_str why;
};

/* A value that another one took the place of: loops may still hold slices of it. */
struct secret_retired {
    struct secret_retired *next;
    struct sy_secret value;
};

struct infisical {
    bool present;
    struct sy_str url, project, environment;
    struct sy_ref client_id, client_secret;
    struct sy_secret token; /* of the last login */
};

struct secret_name {
    struct sy_str name;
    struct sy_ref ref;
};

struct sy_secrets {
    struct sy_secret_fetch fetch;
    struct infisical infisical;
    struct secret_name named[SY_NAMED_SECRETS_MAX];
    size_t named_count;
    pthread_mutex_t reading; /* one reader at a time; held over blocking reads */
    pthread_mutex_t lock;    /* of entries and arena; never held over a read */
    struct sy_arena arena;
    struct secret_entry *entries;
    struct secret_retired *retired;
};

void secret_unavailable(struct secret_reading *ret, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void secret_ready(struct secret_reading *ret, struct sy_str value);

void secret_read_env(struct sy_str name, struct secret_reading *ret);
void secret_read_file(struct sy_str path, struct secret_reading *ret);
/* Logs in when there is no token, or when the one in hand is refused. */
void secret_read_infisical(struct sy_secrets *secrets, struct sy_str path_and_key,
                           struct secret_reading *ret);

#endif
