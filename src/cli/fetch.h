/*
 * One blocking HTTP exchange, for commands and for reading secrets at start: a loop of its own with
 * the same careful transport the gateway uses.
 */
#ifndef SY_CLI_FETCH_H
#define SY_CLI_FETCH_H

#include "contract/transfer.h"
#include "secrets/secrets.h"

struct sy_fetcher;

int sy_fetcher_create(struct sy_fetcher **ret, struct sy_err *err);
void sy_fetcher_free(struct sy_fetcher *fetcher);

struct sy_fetch_reply {
    int status;
    struct sy_str body; /* in `arena` */
    struct sy_str content_type;
    struct sy_str etag;
    struct sy_str call_id;
    enum sy_cause cause; /* when no reply came: why */
};
/* SY_UNAVAILABLE with the cause in words when no reply came. */
int sy_fetch(struct sy_fetcher *fetcher, const struct sy_request *request, int64_t timeout_ms,
             struct sy_arena *arena, struct sy_fetch_reply *ret, struct sy_err *err);
/* The secrets folder's view of it. */
struct sy_secret_fetch sy_fetcher_for_secrets(struct sy_fetcher *fetcher);

#endif
