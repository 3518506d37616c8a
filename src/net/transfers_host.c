/*
 * Hosts: their addresses, pinned in libcurl so that it never resolves by itself, and the queue in
 * front of each, because libcurl would open a connection per call or lose sight of the waiting.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/transfers_int.h"

#define ANSWER_MS 1000 /* the resolver's cache is asked again after this */
#define PIN_MS 30000   /* half of what libcurl keeps a pin */
#define STREAMS_PER_CONNECTION 100

static void lower_copy(char *to, struct sy_str from)
{
    for (size_t i = 0; i < from.len; i++) {
        char c = from.ptr[i];

        to[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    to[from.len] = '\0';
}

static bool is_host(const struct sy_net_host *host, const char *name, size_t len,
                    const struct sy_egress_url *url, bool http2)
{
    return host->port == url->port && host->tls == url->tls && host->http2 == http2 &&
           host->name_len == len && memcmp(host->name, name, len) == 0;
}

/* ---- addresses ---- */

static bool write_pin(struct sy_net_host *host)
{
    size_t at = 0;
    int made = snprintf(host->pin, sizeof(host->pin), "+%s:%u:", host->name, host->port);

    for (unsigned i = 0; i < host->answer.count && made > 0; i++) {
        const struct sockaddr_storage *address = &host->answer.addresses[i];
        const void *bytes = address->ss_family == AF_INET
                                ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                                : (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr;
        char text[INET6_ADDRSTRLEN];

        at += (size_t)made;
        if (!inet_ntop(address->ss_family, bytes, text, sizeof(text)) || at >= sizeof(host->pin))
            return false;
        made = snprintf(host->pin + at, sizeof(host->pin) - at, "%s%s", i ? "," : "", text);
    }
    return made > 0 && at + (size_t)made < sizeof(host->pin);
}

static void take_answer(struct sy_net_host *host, const struct sy_dns_answer *answer)
{
    host->answered_ms = sy_loop_now_ms(host->owner->loop);
    if (host->pinned_generation && memcmp(&host->answer, answer, sizeof(*answer)) == 0)
        return;
    host->answer = *answer;
    host->pinned_generation = 0;
    if (answer->error == 0 && !write_pin(host))
        host->answer.error = EAI_OVERFLOW;
}

static void answered(struct sy_dns_query *query, const struct sy_dns_answer *answer)
{
    struct sy_net_host *host = query->ctx;

    host->asking = false;
    take_answer(host, answer);
    sy_net_host_pump(host);
}

/* True if host->answer may be used now. */
static bool has_answer(struct sy_net_host *host)
{
    struct sy_dns_answer answer;
    int64_t now = sy_loop_now_ms(host->owner->loop);

    if (host->answered_ms && now - host->answered_ms < ANSWER_MS)
        return true;
    if (host->asking)
        return false;
    host->query = (struct sy_dns_query){.loop = host->owner->loop, .done = answered, .ctx = host};
    if (!sy_dns_resolve(host->owner->options.dns, sy_str_from(host->name, host->name_len),
                        &host->query, &answer)) {
        host->asking = true;
        return false;
    }
    take_answer(host, &answer);
    return true;
}

struct curl_slist *sy_net_host_pin(struct sy_net_host *host, const struct sy_net_pool *pool)
{
    int64_t now = sy_loop_now_ms(host->owner->loop);

    if (host->pinned_generation == pool->generation && now - host->pinned_ms < PIN_MS)
        return NULL;
    host->pinned_generation = pool->generation;
    host->pinned_ms = now;
    host->pin_node = (struct curl_slist){.data = host->pin};
    return &host->pin_node;
}

/* Some address the transfer may go to; which one is asked again at the socket. */
static bool may_reach(const struct sy_net_host *host, const struct sy_transfer *transfer)
{
    if (transfer->what.trusted_address)
        return true;
    for (unsigned i = 0; i < host->answer.count; i++) {
        if (sy_egress_may_dial(host->owner->options.egress,
                               (const struct sockaddr *)&host->answer.addresses[i]))
            return true;
    }
    return false;
}

/* ---- the size of its replies ---- */

/* libcurl holds a receive buffer for each running transfer and reads no more at a time: small ones
 * are what thousands of calls in flight need, while a megabyte through 4 KiB costs 1.7 times as
 * much as through 8. */
long sy_net_host_buffer(const struct sy_net_host *host)
{
    if (host->reply_size == 0)
        return 8192;
    if (host->reply_size <= 1536)
        return 2048;
    return host->reply_size <= 6144 ? 8192 : 16384;
}

/* Grows at once, shrinks by an eighth of the difference. */
void sy_net_host_replied(struct sy_net_host *host, size_t size)
{
    if (size >= host->reply_size)
        host->reply_size = size;
    else
        host->reply_size -= (host->reply_size - size) / 8;
}

/* ---- the queue ---- */

bool sy_net_host_enqueue(struct sy_net_host *host, struct sy_transfer *transfer)
{
    if (host->waiting_count >= SY_NET_WAITING_MAX)
        return false;
    transfer->host = host;
    transfer->next = NULL;
    transfer->before = host->waiting_last;
    if (host->waiting_last)
        host->waiting_last->next = transfer;
    else
        host->waiting = transfer;
    host->waiting_last = transfer;
    host->waiting_count++;
    return true;
}

void sy_net_host_dequeue(struct sy_net_host *host, struct sy_transfer *transfer)
{
    if (transfer->before)
        transfer->before->next = transfer->next;
    else
        host->waiting = transfer->next;
    if (transfer->next)
        transfer->next->before = transfer->before;
    else
        host->waiting_last = transfer->before;
    transfer->next = transfer->before = NULL;
    host->waiting_count--;
}

/* Towards HTTP/2 one transfer more than the connections have streams: it dials the next connection.
 * More at once would each dial their own, at 70 KiB apiece. The first of all goes alone. */
static unsigned room(const struct sy_net_host *host)
{
    unsigned connections = host->owner->options.connections_per_host;

    if (!host->http2 || (host->known && !host->multiplexed))
        return connections;
    if (host->links >= connections)
        return connections * STREAMS_PER_CONNECTION;
    return host->links * STREAMS_PER_CONNECTION + 1;
}

static void pump(struct sy_loop *loop, struct sy_task *task)
{
    (void)loop;
    sy_net_host_pump(task->ctx);
}

void sy_net_host_linked(struct sy_transfer *transfer, bool multiplexed)
{
    struct sy_net_host *host = transfer->host;

    host->known = true;
    host->multiplexed = multiplexed;
    /* libcurl does not say yet which socket it is; the one that lost is closed by now. */
    for (size_t i = 0; i < SY_ARRAY_LEN(transfer->opened); i++) {
        struct sy_net_socket *socket = sy_net_socket_of(host->owner, transfer->opened[i]);

        if (!socket || socket->dialler != transfer || socket->host)
            continue;
        socket->host = host;
        host->links++;
        break;
    }
    /* Not from inside libcurl. */
    sy_loop_defer(host->owner->loop, &host->pump);
}

void sy_net_host_pump(struct sy_net_host *host)
{
    host->used_ms = sy_loop_now_ms(host->owner->loop);
    while (host->waiting && host->active < room(host) && has_answer(host)) {
        struct sy_transfer *transfer = host->waiting;

        sy_net_host_dequeue(host, transfer);
        if (host->answer.error)
            sy_transfer_end_later(transfer, SY_NET_UNREACHABLE, SY_CAUSE_DNS);
        else if (!may_reach(host, transfer))
            sy_transfer_end_later(transfer, SY_NET_REFUSED_HERE, SY_CAUSE_EGRESS_REFUSED);
        else
            sy_transfer_run(transfer);
    }
}

/* ---- the table ---- */

static struct sy_net_host **bucket_of(struct sy_curl_transfers *transfers, const char *name,
                                      size_t len)
{
    return &transfers->hosts[sy_str_hash(sy_str_from(name, len)) % SY_NET_HOST_BUCKETS];
}

static void host_free(struct sy_net_host *host)
{
    if (host->asking)
        sy_dns_cancel(host->owner->options.dns, &host->query);
    sy_loop_undefer(host->owner->loop, &host->pump);
    for (size_t fd = 0; host->links && fd < host->owner->sockets_cap; fd++) {
        struct sy_net_socket *socket = host->owner->sockets[fd];

        if (socket && socket->host == host) {
            socket->host = NULL;
            host->links--;
        }
    }
    curl_url_cleanup(host->origin);
    free(host);
}

static bool is_idle(const struct sy_net_host *host)
{
    return host->active == 0 && !host->waiting;
}

/* Forgets the idle host that was used longest ago. */
static void evict_one(struct sy_curl_transfers *transfers)
{
    struct sy_net_host **oldest = NULL;
    struct sy_net_host *gone;

    for (size_t i = 0; i < SY_NET_HOST_BUCKETS; i++) {
        for (struct sy_net_host **at = &transfers->hosts[i]; *at; at = &(*at)->next) {
            if (is_idle(*at) && (!oldest || (*at)->used_ms < (*oldest)->used_ms))
                oldest = at;
        }
    }
    if (!oldest)
        return;
    gone = *oldest;
    *oldest = gone->next;
    host_free(gone);
    transfers->host_count--;
}

/* libcurl reads scheme, host and port once for each host, in our spelling of them. A path goes past
 * its reader: reading URLs was a fifth of what a small transfer cost. */
static bool read_origin(struct sy_net_host *host)
{
    bool v6 = memchr(host->name, ':', host->name_len) != NULL;

    snprintf(host->origin_text, sizeof(host->origin_text), "http%s://%s%s%s:%u/",
             host->tls ? "s" : "", v6 ? "[" : "", host->name, v6 ? "]" : "", host->port);
    host->origin = curl_url();
    return host->origin &&
           curl_url_set(host->origin, CURLUPART_URL, host->origin_text, 0) == CURLUE_OK;
}

struct sy_net_host *sy_net_host_of(struct sy_curl_transfers *transfers,
                                   const struct sy_egress_url *url, bool http2)
{
    struct sy_net_host **bucket;
    struct sy_net_host *host;
    char name[sizeof(host->name)];

    lower_copy(name, url->host);
    bucket = bucket_of(transfers, name, url->host.len);
    for (host = *bucket; host; host = host->next) {
        if (is_host(host, name, url->host.len, url, http2))
            return host;
    }
    if (transfers->host_count >= SY_NET_HOSTS_MAX)
        evict_one(transfers);
    host = calloc(1, sizeof(*host));
    if (!host)
        return NULL;
    host->owner = transfers;
    memcpy(host->name, name, url->host.len + 1);
    host->name_len = url->host.len;
    host->port = url->port;
    host->tls = url->tls;
    host->http2 = http2;
    host->pump = (struct sy_task){.fn = pump, .ctx = host};
    if (!read_origin(host)) {
        host_free(host);
        return NULL;
    }
    host->id = ++transfers->host_ids;
    host->next = *bucket;
    *bucket = host;
    transfers->host_count++;
    return host;
}

void sy_net_hosts_free(struct sy_curl_transfers *transfers)
{
    for (size_t i = 0; i < SY_NET_HOST_BUCKETS; i++) {
        while (transfers->hosts[i]) {
            struct sy_net_host *host = transfers->hosts[i];

            transfers->hosts[i] = host->next;
            host_free(host);
        }
    }
}
