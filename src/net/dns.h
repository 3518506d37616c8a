/*
 * Name resolution off the loops: two threads, one look-up in flight per host, answers kept 60 s and
 * served stale while they are refreshed. Literal addresses are answered at once.
 */
#ifndef SY_NET_DNS_H
#define SY_NET_DNS_H

#include <sys/socket.h>

#include "base/err.h"
#include "net/loop.h"

#define SY_DNS_ADDRESSES_MAX 8

struct sy_dns;

struct sy_dns_answer {
    int error; /* 0, or an EAI_ code */
    unsigned count;
    struct sockaddr_storage addresses[SY_DNS_ADDRESSES_MAX];
};

/* A question; embedded in the asker, alive until answered or cancelled. */
struct sy_dns_query {
    struct sy_task task; /* internal: brings the answer to the asker's loop */
    struct sy_loop *loop;
    void (*done)(struct sy_dns_query *query, const struct sy_dns_answer *answer);
    void *ctx;
    struct sy_dns_answer answer;
    struct sy_dns_query *next;
    bool cancelled;
};

int sy_dns_create(unsigned threads, struct sy_dns **ret, struct sy_err *err);
void sy_dns_destroy(struct sy_dns *dns);
/* True: *ret_answer is filled from the cache or the literal. False: `done` is called later on
 * `query->loop`. host is without brackets. */
bool sy_dns_resolve(struct sy_dns *dns, struct sy_str host, struct sy_dns_query *query,
                    struct sy_dns_answer *ret_answer);
/* `done` will not be called. The query's memory may go after the next turn of its loop. */
void sy_dns_cancel(struct sy_dns *dns, struct sy_dns_query *query);

#endif
