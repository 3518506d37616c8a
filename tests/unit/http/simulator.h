/*
 * A connection without sockets: bytes in, verdicts out. It does what a server over the parser does:
 * head, body, the next request; a refusal or the end of a connection that may not be kept stops it.
 *
 * Answers follow a small policy: GET, HEAD, POST 200; OPTIONS 204; a body under further codings and
 * requests of other protocols 501; every other method 405.
 */
#ifndef SY_TESTS_HTTP_SIMULATOR_H
#define SY_TESTS_HTTP_SIMULATOR_H

#include <stdlib.h>
#include <string.h>

#include "http/parser.h"

#define SIM_STATUSES_MAX 16

enum sim_phase { SIM_HEAD, SIM_LENGTH, SIM_CHUNKED, SIM_CLOSED, SIM_REFUSED };

struct sim {
    struct sy_http_limits limits;
    char *in; /* bytes not yet taken */
    size_t len;
    enum sim_phase phase;
    struct sy_http_head head; /* its slices are stale; only the plain members count */
    struct sy_http_chunked chunked;
    uint64_t left;
    struct sy_http_refusal refusal;
    unsigned heads;    /* read */
    unsigned messages; /* read to their end */
    uint64_t body_bytes;
    uint64_t digest; /* over everything the parser said of heads and bodies */
    bool stray;      /* bytes came behind the last request; nobody reads them */
    bool foreign;    /* some request was read but never to be served */
    int statuses[SIM_STATUSES_MAX];
    bool was_head[SIM_STATUSES_MAX]; /* the answer has no body */
    unsigned status_count;
};

static inline void sim_init(struct sim *sim)
{
    memset(sim, 0, sizeof(*sim));
    sim->limits = (struct sy_http_limits){32u << 10, 8u << 10, 8u << 20};
    sim->digest = UINT64_C(14695981039346656037);
}

static inline void sim_release(struct sim *sim)
{
    free(sim->in);
    sim->in = NULL;
}

static inline void sim_mix(struct sim *sim, struct sy_str s)
{
    for (size_t i = 0; i < s.len; i++)
        sim->digest = (sim->digest ^ (unsigned char)s.ptr[i]) * UINT64_C(1099511628211);
}

static inline void sim_mix_text(struct sim *sim, struct sy_str s)
{
    sim_mix(sim, s);
    sim_mix(sim, SY_STR("\n"));
}

static inline void sim_mix_head(struct sim *sim, const struct sy_http_head *head)
{
    const unsigned char facts[] = {(unsigned char)head->method,     (unsigned char)head->minor,
                                   (unsigned char)head->keep_alive, (unsigned char)head->coded,
                                   (unsigned char)head->framing,    head->expect_continue};

    sim_mix(sim, sy_str_from((const char *)facts, sizeof(facts)));
    sim_mix(sim, sy_str_from((const char *)&head->content_length, sizeof(head->content_length)));
    sim_mix_text(sim, head->method_text);
    sim_mix_text(sim, head->target);
    sim_mix_text(sim, head->path);
    sim_mix_text(sim, head->query);
    sim_mix_text(sim, head->host);
    for (unsigned i = 0; i < head->header_count; i++) {
        sim_mix_text(sim, head->headers[i].name);
        sim_mix_text(sim, head->headers[i].value);
    }
}

static inline void sim_consume(struct sim *sim, size_t count)
{
    memmove(sim->in, sim->in + count, sim->len - count);
    sim->len -= count;
}

static inline void sim_answer(struct sim *sim, int status)
{
    if (sim->status_count < SIM_STATUSES_MAX)
        sim->statuses[sim->status_count++] = status;
}

static inline bool sim_refuse(struct sim *sim)
{
    sim->phase = SIM_REFUSED;
    sim_answer(sim, sim->refusal.status);
    return false;
}

static inline int sim_policy(const struct sy_http_head *head)
{
    if (head->coded)
        return 501;
    switch (head->method) {
    case SY_HTTP_GET:
    case SY_HTTP_HEAD:
    case SY_HTTP_POST:
        return 200;
    case SY_HTTP_OPTIONS:
        return 204;
    case SY_HTTP_PUT:
    case SY_HTTP_PATCH:
    case SY_HTTP_DELETE:
    case SY_HTTP_OTHER:
        break;
    }
    return 405;
}

static inline bool sim_complete(struct sim *sim)
{
    sim->messages++;
    if (sim->status_count < SIM_STATUSES_MAX)
        sim->was_head[sim->status_count] = sim->head.method == SY_HTTP_HEAD;
    sim_answer(sim, sim_policy(&sim->head));
    sim->phase = sim->head.keep_alive ? SIM_HEAD : SIM_CLOSED;
    sim->stray = sim->phase == SIM_CLOSED && sim->len > 0;
    return sim->phase == SIM_HEAD && sim->len > 0;
}

/* The bytes are handed over in a block of their own size, so that a read past them is seen. */
static inline bool sim_head(struct sim *sim)
{
    char *copy = malloc(sim->len ? sim->len : 1);
    size_t consumed = 0;
    enum sy_http_verdict verdict;

    memcpy(copy, sim->in, sim->len);
    verdict = sy_http_head_parse(sy_str_from(copy, sim->len), &sim->limits, &sim->head, &consumed,
                                 &sim->refusal);
    if (verdict == SY_HTTP_DONE) {
        sim->heads++;
        sim->foreign = sim->foreign || sim->head.coded || sim->head.method == SY_HTTP_OTHER;
        sim_mix_head(sim, &sim->head);
    }
    free(copy);
    if (verdict == SY_HTTP_MORE)
        return false;
    if (verdict == SY_HTTP_REFUSE)
        return sim_refuse(sim);
    sim_consume(sim, consumed);
    sim->left = sim->head.content_length;
    memset(&sim->chunked, 0, sizeof(sim->chunked));
    if (sim->head.framing == SY_HTTP_NO_BODY)
        return sim_complete(sim);
    sim->phase = sim->head.framing == SY_HTTP_LENGTH ? SIM_LENGTH : SIM_CHUNKED;
    return true;
}

static inline bool sim_length(struct sim *sim)
{
    size_t take = sim->left < sim->len ? (size_t)sim->left : sim->len;

    sim_mix(sim, sy_str_from(sim->in, take));
    sim->body_bytes += take;
    sim->left -= take;
    sim_consume(sim, take);
    return sim->left == 0 ? sim_complete(sim) : false;
}

static inline bool sim_chunked(struct sim *sim)
{
    size_t consumed = 0;
    struct sy_str data;
    enum sy_http_verdict verdict =
        sy_http_chunked_feed(&sim->chunked, sy_str_from(sim->in, sim->len), sim->limits.body_bytes,
                             &consumed, &data, &sim->refusal);

    if (verdict == SY_HTTP_REFUSE)
        return sim_refuse(sim);
    sim_mix(sim, data);
    sim->body_bytes += data.len;
    sim_consume(sim, consumed);
    if (verdict == SY_HTTP_DONE)
        return sim_complete(sim);
    return consumed > 0;
}

static inline bool sim_step(struct sim *sim)
{
    switch (sim->phase) {
    case SIM_HEAD:
        return sim_head(sim);
    case SIM_LENGTH:
        return sim_length(sim);
    case SIM_CHUNKED:
        return sim_chunked(sim);
    case SIM_CLOSED:
    case SIM_REFUSED:
        break;
    }
    return false;
}

static inline void sim_feed(struct sim *sim, struct sy_str bytes)
{
    if (sim->phase == SIM_REFUSED || bytes.len == 0)
        return;
    if (sim->phase == SIM_CLOSED) {
        sim->stray = true;
        return;
    }
    sim->in = realloc(sim->in, sim->len + bytes.len);
    memcpy(sim->in + sim->len, bytes.ptr, bytes.len);
    sim->len += bytes.len;
    while (sim_step(sim))
        continue;
}

/* The whole of it at once. Release the result. */
static inline void sim_run(struct sim *sim, struct sy_str bytes)
{
    sim_init(sim);
    sim_feed(sim, bytes);
}

/* Nothing of it was refused or left unread; it may wait for more. */
static inline bool sim_accepted(const struct sim *sim)
{
    return sim->phase != SIM_REFUSED && !sim->stray;
}

/* The same bytes said the same, but for bytes behind a refusal or the end. */
static inline bool sim_same(const struct sim *a, const struct sim *b)
{
    bool refused = a->phase == SIM_REFUSED;

    return a->phase == b->phase && a->heads == b->heads && a->messages == b->messages &&
           a->body_bytes == b->body_bytes && a->digest == b->digest && a->stray == b->stray &&
           a->foreign == b->foreign && a->status_count == b->status_count &&
           memcmp(a->statuses, b->statuses, sizeof(a->statuses)) == 0 &&
           (!refused || (a->refusal.status == b->refusal.status &&
                         strcmp(a->refusal.cause, b->refusal.cause) == 0));
}

#endif
