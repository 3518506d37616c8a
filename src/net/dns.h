/*
 * Name resolution off the loops: two threads, one look-up in flight per host, answers kept 60 s and
 * served stale while they are refreshed. Literal addresses are answered at once.
 *
 * One struct sy_dns serves all loops. It is created before them and destroyed after the last of
 * them has stopped running.
 */
#ifndef SY_NET_DNS_H
#define SY_NET_DNS_H

#include <sys/socket.h>

#include "base/err.h"
#include "net/loop.h"

#define SY_DNS_ADDRESSES_MAX 8

struct sy_dns;
struct sy_dns_entry;

struct sy_dns_answer {
    int error; /* 0, or an EAI_ code */
    unsigned count;
    struct sockaddr_storage addresses[SY_DNS_ADDRESSES_MAX];
};

/* A question; embedded in the asker, zeroed, alive until answered or cancelled. */
struct sy_dns_query {
    struct sy_loop *loop;
    void (*done)(struct sy_dns_query *query, const struct sy_dns_answer *answer);
    void *ctx;
    struct sy_dns_answer answer; /* internal from here on */
    struct sy_dns_query *next;
    struct sy_dns_entry *entry;
    bool answered;
};

/* Blocks until it knows; called on a thread of the resolver. */
typedef void sy_dns_lookup_fn(void *ctx, const char *host, struct sy_dns_answer *ret_answer);

int sy_dns_create(unsigned threads, struct sy_dns **ret, struct sy_err *err);
/* The same with another look-up than getaddrinfo. */
int sy_dns_create_with(unsigned threads, sy_dns_lookup_fn *lookup, void *ctx, struct sy_dns **ret,
                       struct sy_err *err);
/* How long answers serve, ms. */
struct sy_dns_ages {
    int64_t fresh;         /* without asking again */
    int64_t stale;         /* and while it is asked again, as long as nothing better is known */
    int64_t refusal;       /* a failure is not asked about again */
    int64_t refresh_again; /* nor a name whose refresh failed */
};

/* Before the first question. Otherwise: 60 s, 1 h, 2 s, 5 s. */
void sy_dns_set_ages(struct sy_dns *dns, const struct sy_dns_ages *ages);
/* Does not wait for look-ups that hang: what they need goes with the last of them. */
void sy_dns_destroy(struct sy_dns *dns);
/* True: *ret_answer is filled from the cache or the literal. False: `done` is called later on
 * `query->loop`. host is without brackets. */
bool sy_dns_resolve(struct sy_dns *dns, struct sy_str host, struct sy_dns_query *query,
                    struct sy_dns_answer *ret_answer);
/* `done` will not be called; the query's memory may go at once. Nothing happens if it was answered
 * already or never asked. Belongs to the query's loop. */
void sy_dns_cancel(struct sy_dns *dns, struct sy_dns_query *query);

#endif
