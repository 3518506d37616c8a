#include "net/dns.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define HOST_MAX 253
#define ENTRIES_MAX 1024
#define BUCKETS 256

static const struct sy_dns_ages usual_ages = {
    .fresh = 60000, .stale = 3600000, .refusal = 2000, .refresh_again = 5000};

/* All that is known about one name. */
struct sy_dns_entry {
    char host[HOST_MAX + 1];       /* lower case */
    struct sy_dns_entry *next;     /* bucket */
    struct sy_dns_entry *next_job; /* queue of the threads */
    struct sy_dns_query *waiting;
    struct sy_dns_answer answer;
    int64_t answered_ms; /* when `answer` came; 0: none yet */
    int64_t ask_again_ms;
    bool asking; /* queued or with a thread: it stays in the table */
};

/* Brings answers to one loop. */
struct port {
    struct port *next;
    struct sy_dns *dns;
    struct sy_loop *loop;
    struct sy_task task;
    struct sy_dns_query *answered;
    struct sy_dns_query **answered_end;
};

struct sy_dns {
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_cond_t left;
    sy_dns_lookup_fn *lookup;
    void *lookup_ctx;
    struct sy_dns_ages ages;
    struct sy_dns_entry *buckets[BUCKETS];
    size_t entry_count;
    struct sy_dns_entry *jobs;
    struct sy_dns_entry **jobs_end;
    struct port *ports;
    unsigned threads; /* alive */
    unsigned busy;    /* of them, in a look-up */
    bool closing;
    bool orphaned; /* nobody waits for the last thread: it frees */
};

/* ---- addresses ---- */

static bool read_literal(const char *host, struct sy_dns_answer *answer)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    memset(answer, 0, sizeof(*answer));
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
        memcpy(&answer->addresses[0], &v4, sizeof(v4));
    else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
        memcpy(&answer->addresses[0], &v6, sizeof(v6));
    else
        return false;
    answer->count = 1;
    return true;
}

static void lookup_system(void *ctx, const char *host, struct sy_dns_answer *answer)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;

    (void)ctx;
    answer->error = getaddrinfo(host, NULL, &hints, &list);
    if (answer->error != 0)
        return;
    for (struct addrinfo *at = list; at && answer->count < SY_DNS_ADDRESSES_MAX; at = at->ai_next) {
        if (at->ai_addrlen > sizeof(answer->addresses[0]))
            continue;
        memcpy(&answer->addresses[answer->count++], at->ai_addr, at->ai_addrlen);
    }
    freeaddrinfo(list);
    if (answer->count == 0)
        answer->error = EAI_NONAME;
}

/* ---- the table; all with the lock held ---- */

static struct sy_dns_entry **bucket_of(struct sy_dns *dns, const char *host)
{
    return &dns->buckets[sy_str_hash(sy_str_of(host)) % BUCKETS];
}

static struct sy_dns_entry *find_entry(struct sy_dns *dns, const char *host)
{
    struct sy_dns_entry *entry = *bucket_of(dns, host);

    while (entry && strcmp(entry->host, host) != 0)
        entry = entry->next;
    return entry;
}

/* Makes room by the entry that was answered longest ago. False if all are being asked about. */
static bool evict_one(struct sy_dns *dns)
{
    struct sy_dns_entry **oldest = NULL;
    struct sy_dns_entry *gone;

    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct sy_dns_entry **at = &dns->buckets[i]; *at; at = &(*at)->next) {
            if (!(*at)->asking && (!oldest || (*at)->answered_ms < (*oldest)->answered_ms))
                oldest = at;
        }
    }
    if (!oldest)
        return false;
    gone = *oldest;
    *oldest = gone->next;
    free(gone);
    dns->entry_count--;
    return true;
}

static struct sy_dns_entry *add_entry(struct sy_dns *dns, const char *host)
{
    struct sy_dns_entry **bucket = bucket_of(dns, host);
    struct sy_dns_entry *entry;

    if (dns->entry_count >= ENTRIES_MAX && !evict_one(dns))
        return NULL;
    entry = calloc(1, sizeof(*entry));
    if (!entry)
        return NULL;
    memcpy(entry->host, host, strlen(host) + 1);
    entry->next = *bucket;
    *bucket = entry;
    dns->entry_count++;
    return entry;
}

static struct port *port_of(struct sy_dns *dns, struct sy_loop *loop)
{
    struct port *port = dns->ports;

    while (port && port->loop != loop)
        port = port->next;
    return port;
}

static void ask(struct sy_dns *dns, struct sy_dns_entry *entry)
{
    if (entry->asking)
        return;
    entry->asking = true;
    entry->next_job = NULL;
    *dns->jobs_end = entry;
    dns->jobs_end = &entry->next_job;
    pthread_cond_signal(&dns->work);
}

/* ---- bringing answers to the loops ---- */

static struct sy_dns_query *take_answered(struct port *port)
{
    struct sy_dns_query *query;

    pthread_mutex_lock(&port->dns->lock);
    query = port->answered;
    if (query) {
        port->answered = query->next;
        if (!port->answered)
            port->answered_end = &port->answered;
        query->answered = false;
        query->entry = NULL;
    }
    pthread_mutex_unlock(&port->dns->lock);
    return query;
}

static void deliver(struct sy_loop *loop, struct sy_task *task)
{
    struct port *port = task->ctx;
    struct sy_dns_query *query;

    (void)loop;
    while ((query = take_answered(port)))
        query->done(query, &query->answer);
}

static int add_port(struct sy_dns *dns, struct sy_loop *loop)
{
    struct port *port = calloc(1, sizeof(*port));

    if (!port)
        return SY_NOMEM;
    port->dns = dns;
    port->loop = loop;
    port->task = (struct sy_task){.fn = deliver, .ctx = port};
    port->answered_end = &port->answered;
    port->next = dns->ports;
    dns->ports = port;
    return SY_OK;
}

static void answer_waiting(struct sy_dns *dns, struct sy_dns_entry *entry,
                           const struct sy_dns_answer *answer)
{
    struct sy_dns_query *query;

    while ((query = entry->waiting)) {
        struct port *port = port_of(dns, query->loop);

        entry->waiting = query->next;
        query->next = NULL;
        query->answer = *answer;
        query->answered = true;
        if (!port) /* a loop that waits has one; the compiler cannot know */
            continue;
        *port->answered_end = query;
        port->answered_end = &query->next;
        sy_loop_post(port->loop, &port->task);
    }
}

/* ---- the threads ---- */

static void settle(struct sy_dns *dns, struct sy_dns_entry *entry,
                   const struct sy_dns_answer *answer)
{
    int64_t now = sy_clock_ms();
    bool keeps_old = answer->error != 0 && entry->answered_ms && entry->answer.error == 0 &&
                     now - entry->answered_ms < dns->ages.stale;

    entry->asking = false;
    if (keeps_old) {
        entry->ask_again_ms = now + dns->ages.refresh_again;
    } else {
        entry->answer = *answer;
        entry->answered_ms = now;
        entry->ask_again_ms = now + (answer->error ? dns->ages.refusal : dns->ages.fresh);
    }
    answer_waiting(dns, entry, keeps_old ? &entry->answer : answer);
}

static void work_on(struct sy_dns *dns, struct sy_dns_entry *entry)
{
    struct sy_dns_answer answer = {0};

    dns->jobs = entry->next_job;
    if (!dns->jobs)
        dns->jobs_end = &dns->jobs;
    dns->busy++;
    pthread_mutex_unlock(&dns->lock);
    dns->lookup(dns->lookup_ctx, entry->host, &answer);
    pthread_mutex_lock(&dns->lock);
    dns->busy--;
    if (!dns->closing)
        settle(dns, entry, &answer);
}

static void dns_free(struct sy_dns *dns)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        while (dns->buckets[i]) {
            struct sy_dns_entry *entry = dns->buckets[i];

            dns->buckets[i] = entry->next;
            free(entry);
        }
    }
    while (dns->ports) {
        struct port *port = dns->ports;

        dns->ports = port->next;
        free(port);
    }
    pthread_cond_destroy(&dns->work);
    pthread_cond_destroy(&dns->left);
    pthread_mutex_destroy(&dns->lock);
    free(dns);
}

static void *thread_main(void *arg)
{
    struct sy_dns *dns = arg;
    bool orphan;

    pthread_mutex_lock(&dns->lock);
    while (!dns->closing) {
        if (dns->jobs)
            work_on(dns, dns->jobs);
        else
            pthread_cond_wait(&dns->work, &dns->lock);
    }
    dns->threads--;
    orphan = dns->threads == 0 && dns->orphaned;
    pthread_cond_signal(&dns->left);
    pthread_mutex_unlock(&dns->lock);
    if (orphan)
        dns_free(dns);
    return NULL;
}

/* ---- public ---- */

int sy_dns_create_with(unsigned threads, sy_dns_lookup_fn *lookup, void *ctx, struct sy_dns **ret,
                       struct sy_err *err)
{
    struct sy_dns *dns = calloc(1, sizeof(*dns));
    pthread_attr_t detached;
    pthread_t thread;
    int failed = 0;

    if (!dns)
        return sy_err_set(err, SY_NOMEM, "no memory for the resolver");
    pthread_mutex_init(&dns->lock, NULL);
    pthread_cond_init(&dns->work, NULL);
    pthread_cond_init(&dns->left, NULL);
    dns->lookup = lookup;
    dns->ages = usual_ages;
    dns->lookup_ctx = ctx;
    dns->jobs_end = &dns->jobs;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    for (unsigned i = 0; i < (threads ? threads : 1) && !failed; i++) {
        pthread_mutex_lock(&dns->lock);
        failed = pthread_create(&thread, &detached, thread_main, dns);
        dns->threads += failed ? 0 : 1;
        pthread_mutex_unlock(&dns->lock);
    }
    pthread_attr_destroy(&detached);
    if (failed) {
        sy_dns_destroy(dns);
        return sy_err_set(err, SY_ERR, "resolver thread: %s", strerror(failed));
    }
    *ret = dns;
    return SY_OK;
}

int sy_dns_create(unsigned threads, struct sy_dns **ret, struct sy_err *err)
{
    return sy_dns_create_with(threads, lookup_system, NULL, ret, err);
}

void sy_dns_set_ages(struct sy_dns *dns, const struct sy_dns_ages *ages)
{
    pthread_mutex_lock(&dns->lock);
    dns->ages = *ages;
    pthread_mutex_unlock(&dns->lock);
}

void sy_dns_destroy(struct sy_dns *dns)
{
    bool last;

    if (!dns)
        return;
    pthread_mutex_lock(&dns->lock);
    dns->closing = true;
    pthread_cond_broadcast(&dns->work);
    while (dns->threads > dns->busy)
        pthread_cond_wait(&dns->left, &dns->lock);
    last = dns->threads == 0;
    dns->orphaned = !last;
    pthread_mutex_unlock(&dns->lock);
    if (last)
        dns_free(dns);
}

/* True with the answer if it can be given now; otherwise the query waits, or could not be taken
 * and the answer says so. */
static bool answer_or_wait(struct sy_dns *dns, const char *host, struct sy_dns_query *query,
                           struct sy_dns_answer *ret_answer)
{
    struct sy_dns_entry *entry = find_entry(dns, host);
    int64_t now = sy_clock_ms();

    if (entry && entry->answered_ms && (entry->answer.error == 0 || now < entry->ask_again_ms) &&
        now - entry->answered_ms < dns->ages.stale) {
        *ret_answer = entry->answer;
        if (now >= entry->ask_again_ms)
            ask(dns, entry);
        return true;
    }
    if (!entry)
        entry = add_entry(dns, host);
    if (!entry || (!port_of(dns, query->loop) && add_port(dns, query->loop) < 0)) {
        *ret_answer = (struct sy_dns_answer){.error = EAI_MEMORY};
        return true;
    }
    query->entry = entry;
    query->answered = false;
    query->next = entry->waiting;
    entry->waiting = query;
    ask(dns, entry);
    return false;
}

bool sy_dns_resolve(struct sy_dns *dns, struct sy_str host, struct sy_dns_query *query,
                    struct sy_dns_answer *ret_answer)
{
    char name[HOST_MAX + 1];
    bool answered;

    if (host.len == 0 || host.len > HOST_MAX || memchr(host.ptr, '\0', host.len)) {
        *ret_answer = (struct sy_dns_answer){.error = EAI_NONAME};
        return true;
    }
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];

        name[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    name[host.len] = '\0';
    if (read_literal(name, ret_answer))
        return true;
    pthread_mutex_lock(&dns->lock);
    answered = answer_or_wait(dns, name, query, ret_answer);
    pthread_mutex_unlock(&dns->lock);
    return answered;
}

static void unlink_query(struct sy_dns_query **list, const struct sy_dns_query *query)
{
    while (*list && *list != query)
        list = &(*list)->next;
    if (*list)
        *list = query->next;
}

void sy_dns_cancel(struct sy_dns *dns, struct sy_dns_query *query)
{
    struct port *port;

    pthread_mutex_lock(&dns->lock);
    port = port_of(dns, query->loop);
    if (query->entry && query->answered && port) {
        unlink_query(&port->answered, query);
        port->answered_end = &port->answered;
        while (*port->answered_end)
            port->answered_end = &(*port->answered_end)->next;
    } else if (query->entry) {
        unlink_query(&query->entry->waiting, query);
    }
    query->entry = NULL;
    query->answered = false;
    pthread_mutex_unlock(&dns->lock);
}
