/*
 * bench-load: HTTP/1.1 load over kept connections to one address, one thread.
 *
 * Closed loop (no --rate): every connection sends its next request when its answer is in. Open loop
 * (--rate R): request i is due at start + i/R whatever became of those before it, and its latency
 * counts from when it was due, not from when a connection was free to send it: a server that stalls
 * is charged for all that came meanwhile. One JSON object on standard output; README.md names its
 * members.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"
#include "histogram.h"

#define EVENTS_MAX 256
#define REQUEST_MAX (256 * 1024)
#define CONNECTIONS_MAX 20000

/* What the command line asks for. */
struct plan {
    struct sockaddr_in address;
    char request[REQUEST_MAX];
    size_t request_len;
    size_t connections;
    uint64_t count;      /* requests in all; 0: until the time is up */
    uint64_t warm_ns;    /* answered before this is not counted */
    uint64_t run_ns;     /* counted part; 0: until `count` */
    uint64_t timeout_ns; /* without any answer for so long: the run failed */
    double rate;         /* requests a second; 0: closed loop */
    const char *progress;
};

struct connection {
    struct answer answer;
    uint64_t due_ns;
    size_t sent;
    int fd;
    bool busy;
    bool wants_out;
};

struct load {
    const struct plan *plan;
    struct connection *connections;
    size_t *idle; /* a stack of indices */
    size_t idle_count;
    struct histogram histogram;
    uint64_t start_ns;
    uint64_t last_answer_ns;
    uint64_t started;
    uint64_t answered;
    uint64_t counted;
    uint64_t bad; /* not 2xx */
    uint64_t reconnects;
    uint64_t bytes;
    int epoll;
    int first_bad_status;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "bench-load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

static void connect_one(struct load *load, size_t i)
{
    struct connection *c = &load->connections[i];
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};

    *c = (struct connection){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&load->plan->address,
                             sizeof(load->plan->address)) != 0)
        fail("cannot connect");
    if (setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) != 0 ||
        fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
        fail("cannot set a connection up");
    load->idle[load->idle_count++] = i;
}

static void watch_out(struct load *load, size_t i, bool out)
{
    struct connection *c = &load->connections[i];
    struct epoll_event event = {.events = EPOLLIN | (out ? (uint32_t)EPOLLOUT : 0), .data.u64 = i};

    if (c->wants_out != out && epoll_ctl(load->epoll, EPOLL_CTL_MOD, c->fd, &event) != 0)
        fail("epoll_ctl");
    c->wants_out = out;
}

static void send_more(struct load *load, size_t i)
{
    struct connection *c = &load->connections[i];
    const struct plan *plan = load->plan;
    ssize_t n = send(c->fd, plan->request + c->sent, plan->request_len - c->sent, MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN && errno != EINTR)
        fail("cannot send");
    if (n > 0)
        c->sent += (size_t)n;
    watch_out(load, i, c->sent < plan->request_len);
}

static void start_one(struct load *load, uint64_t due_ns)
{
    size_t i = load->idle[--load->idle_count];
    struct connection *c = &load->connections[i];

    answer_reset(&c->answer);
    c->due_ns = due_ns;
    c->sent = 0;
    c->busy = true;
    load->started++;
    send_more(load, i);
}

static void finish_one(struct load *load, size_t i)
{
    struct connection *c = &load->connections[i];
    uint64_t now = now_ns();

    c->busy = false;
    load->last_answer_ns = now;
    load->answered++;
    if (c->answer.status < 200 || c->answer.status > 299) {
        load->bad++;
        if (load->first_bad_status == 0)
            load->first_bad_status = c->answer.status;
    }
    /* What was due in the warm-up stays out, also when it is answered later. */
    if (c->due_ns >= load->start_ns + load->plan->warm_ns) {
        load->counted++;
        histogram_add(&load->histogram, now - c->due_ns);
    }
    if (c->answer.closes) {
        close(c->fd);
        load->reconnects++;
        connect_one(load, i);
    } else {
        load->idle[load->idle_count++] = i;
    }
}

static void receive(struct load *load, size_t i)
{
    static char buffer[64 * 1024];
    struct connection *c = &load->connections[i];
    ssize_t n = recv(c->fd, buffer, sizeof(buffer), 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 && !c->busy) {
        /* A server may close a connection between two answers; that is no failure. */
        size_t at = 0;

        while (at < load->idle_count && load->idle[at] != i)
            at++;
        if (at < load->idle_count)
            load->idle[at] = load->idle[--load->idle_count];
        close(c->fd);
        load->reconnects++;
        connect_one(load, i);
        return;
    }
    if (n == 0)
        errno = 0;
    if (n <= 0)
        fail("a connection broke before its answer");
    load->bytes += (uint64_t)n;
    errno = 0;
    switch (answer_feed(&c->answer, buffer, (size_t)n)) {
    case ANSWER_MORE:
        break;
    case ANSWER_WHOLE:
        if (!c->busy)
            fail("an answer nobody asked for");
        finish_one(load, i);
        break;
    case ANSWER_BROKEN:
    default:
        fail("an answer that cannot be read");
    }
}

/* When request number `n` is due. */
static uint64_t due_at(const struct load *load, uint64_t n)
{
    return load->start_ns + (uint64_t)((double)n * 1e9 / load->plan->rate);
}

static bool may_start(const struct load *load, uint64_t due_ns)
{
    const struct plan *plan = load->plan;

    if (plan->count && load->started >= plan->count)
        return false;
    return !plan->run_ns || due_ns < load->start_ns + plan->warm_ns + plan->run_ns;
}

/* Starts what is due; returns how long to wait for the next, or -1 when only answers are awaited. */
static int64_t start_due(struct load *load)
{
    uint64_t now = now_ns();

    while (load->idle_count > 0) {
        uint64_t due = load->plan->rate > 0 ? due_at(load, load->started) : now;

        if (!may_start(load, due))
            return -1;
        if (due > now)
            return (int64_t)(due - now);
        start_one(load, due);
    }
    return -1;
}

/* `counted` so far, for who watches a long run. */
static void write_progress(const struct load *load)
{
    FILE *file = load->plan->progress ? fopen(load->plan->progress, "w") : NULL;

    if (file) {
        fprintf(file, "%llu\n", (unsigned long long)load->answered);
        fclose(file);
    }
}

static void run(struct load *load)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t reported = 0;

    load->start_ns = load->last_answer_ns = now_ns();
    for (;;) {
        int64_t wait = start_due(load);
        struct timespec patience = {.tv_sec = 1};
        int n;

        if (load->answered == load->started && wait < 0)
            return;
        if (wait >= 0 && wait < 1000000000)
            patience = (struct timespec){.tv_nsec = (long)wait};
        n = epoll_pwait2(load->epoll, events, EVENTS_MAX, &patience, NULL);
        if (n < 0 && errno != EINTR)
            fail("epoll_pwait2");
        for (int e = 0; e < n; e++) {
            if (events[e].events & EPOLLOUT)
                send_more(load, events[e].data.u64);
            if (events[e].events & ~(uint32_t)EPOLLOUT)
                receive(load, events[e].data.u64);
        }
        errno = 0;
        if (now_ns() - load->last_answer_ns > load->plan->timeout_ns)
            fail("no answer for too long");
        if (load->answered - reported >= 10000) {
            reported = load->answered;
            write_progress(load);
        }
    }
}

static void print_result(const struct load *load)
{
    static const struct {
        const char *name;
        double quantile;
    } points[] = {{"p50_us", 0.5},    {"p90_us", 0.9},      {"p99_us", 0.99},
                  {"p999_us", 0.999}, {"p9999_us", 0.9999}, {"max_us", 1.0}};
    const struct plan *plan = load->plan;
    uint64_t from = load->start_ns + plan->warm_ns;
    double seconds = load->last_answer_ns > from ? (double)(load->last_answer_ns - from) / 1e9 : 0;

    printf("{\"answered\": %llu, \"counted\": %llu, \"bad\": %llu, \"first_bad_status\": %d, ",
           (unsigned long long)load->answered, (unsigned long long)load->counted,
           (unsigned long long)load->bad, load->first_bad_status);
    printf("\"reconnects\": %llu, \"bytes\": %llu, \"seconds\": %.6f, \"calls_per_s\": %.1f",
           (unsigned long long)load->reconnects, (unsigned long long)load->bytes, seconds,
           seconds > 0 ? (double)load->counted / seconds : 0);
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
        printf(", \"%s\": %.2f", points[i].name,
               (double)histogram_at(&load->histogram, points[i].quantile) / 1e3);
    puts("}");
}

static void append(struct plan *plan, const char *bytes, size_t len)
{
    if (len > REQUEST_MAX - plan->request_len)
        fail("the request is too large");
    memcpy(plan->request + plan->request_len, bytes, len);
    plan->request_len += len;
}

/* http://ADDRESS:PORT/PATH, the address in numbers. */
static void read_url(struct plan *plan, const char *url, char host[64], const char **path)
{
    unsigned port = 0;
    char address[48];

    if (sscanf(url, "http://%47[0-9.]:%u", address, &port) != 2 || port == 0 || port > 65535 ||
        inet_pton(AF_INET, address, &plan->address.sin_addr) != 1)
        fail("the URL has to be http://ADDRESS:PORT/PATH");
    plan->address.sin_family = AF_INET;
    plan->address.sin_port = htons((uint16_t)port);
    snprintf(host, 64, "%s:%u", address, port);
    *path = strchr(url + strlen("http://"), '/');
    if (!*path)
        *path = "/";
}

static size_t read_body(const char *name, char *body, size_t max)
{
    FILE *file = fopen(name, "rb");
    size_t len = file ? fread(body, 1, max, file) : 0;

    if (!file || len == max)
        fail("cannot read the body");
    fclose(file);
    return len;
}

static uint64_t nanoseconds(const char *text)
{
    return (uint64_t)(strtod(text, NULL) * 1e9);
}

static void read_plan(struct plan *plan, int argc, char **argv)
{
    static const struct option options[] = {
        {"body", required_argument, NULL, 'b'},     {"connections", required_argument, NULL, 'c'},
        {"count", required_argument, NULL, 'n'},    {"header", required_argument, NULL, 'h'},
        {"progress", required_argument, NULL, 'p'}, {"rate", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 's'},  {"timeout", required_argument, NULL, 't'},
        {"warm", required_argument, NULL, 'w'},     {0}};
    static char body[REQUEST_MAX];
    char headers[8192] = "", line[512], host[64];
    size_t headers_len = 0, body_len = 0;
    const char *path;
    int option, n;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'b':
            body_len = read_body(optarg, body, sizeof(body));
            break;
        case 'c':
            plan->connections = strtoul(optarg, NULL, 10);
            break;
        case 'n':
            plan->count = strtoull(optarg, NULL, 10);
            break;
        case 'p':
            plan->progress = optarg;
            break;
        case 'r':
            plan->rate = strtod(optarg, NULL);
            break;
        case 's':
            plan->run_ns = nanoseconds(optarg);
            break;
        case 't':
            plan->timeout_ns = nanoseconds(optarg);
            break;
        case 'w':
            plan->warm_ns = nanoseconds(optarg);
            break;
        case 'h':
            n = snprintf(headers + headers_len, sizeof(headers) - headers_len, "%s\r\n", optarg);
            if (n < 0 || (size_t)n >= sizeof(headers) - headers_len)
                fail("too many headers");
            headers_len += (size_t)n;
            break;
        default:
            exit(2);
        }
    }
    errno = 0;
    if (optind + 1 != argc || (!plan->count && !plan->run_ns) || plan->connections == 0 ||
        plan->connections > CONNECTIONS_MAX)
        fail("usage: bench-load --connections N (--seconds S | --count N) [--rate R] [--warm S]"
             " [--timeout S] [--header 'name: value']... [--body FILE] [--progress FILE] URL");
    read_url(plan, argv[optind], host, &path);
    n = snprintf(line, sizeof(line), "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\n",
                 path, host, body_len);
    if (n < 0 || (size_t)n >= sizeof(line))
        fail("the URL is too long");
    append(plan, line, (size_t)n);
    append(plan, headers, headers_len);
    append(plan, "\r\n", 2);
    append(plan, body, body_len);
}

int main(int argc, char **argv)
{
    static struct plan plan = {.connections = 32, .timeout_ns = 20000000000u};
    static struct load load;

    read_plan(&plan, argc, argv);
    /* The default slack of 50 µs would be the larger part of what is measured. */
    prctl(PR_SET_TIMERSLACK, 1ul, 0, 0, 0);
    load.plan = &plan;
    load.connections = calloc(plan.connections, sizeof(*load.connections));
    load.idle = calloc(plan.connections, sizeof(*load.idle));
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!load.connections || !load.idle || load.epoll < 0)
        fail("cannot start");
    for (size_t i = 0; i < plan.connections; i++)
        connect_one(&load, i);
    run(&load);
    write_progress(&load);
    print_result(&load);
    for (size_t i = 0; i < plan.connections; i++)
        close(load.connections[i].fd);
    free(load.idle);
    free(load.connections);
    return 0;
}
