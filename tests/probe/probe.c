/*
 * edge-probe: net/server with the smallest possible handler. GET and HEAD answer a short text, POST,
 * PUT and PATCH echo the body, OPTIONS lists the methods (204), others are 405 or 501.
 *
 * It prints "listening on 127.0.0.1:PORT" once it accepts and drains on SIGTERM or SIGINT.
 */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/server.h"

#define WORKERS_MAX 64

struct worker {
    pthread_t thread;
    struct sy_loop *loop;
    struct sy_server *server;
    struct sy_task drain;
};

struct options {
    struct sy_str address;
    unsigned workers;
    struct sy_server_limits limits;
};

/* Tells an answer of the handler from a refusal of the edge. */
#define HANDLED                                                                                    \
    {                                                                                              \
        SY_STR_INIT("X-Edge-Probe"), SY_STR_INIT("handled")                                        \
    }

static const struct sy_http_header handled[] = {HANDLED};
static const struct sy_http_header handled_allow[] = {
    HANDLED,
    {SY_STR_INIT("Allow"), SY_STR_INIT("GET, HEAD, POST, PUT, PATCH, OPTIONS")},
};

static void reply(struct sy_exchange *x, int status, struct sy_str body)
{
    bool allow = status == 204 || status == 405;
    struct sy_reply made = {
        .status = status,
        .headers = allow ? handled_allow : handled,
        .header_count = allow ? 2 : 1,
        .body = {body},
        .body_count = 1,
    };

    if (status == 200)
        made.content_type = SY_STR("text/plain");
    sy_exchange_reply(x, &made);
}

static void on_request(struct sy_exchange *x, void *ctx)
{
    const struct sy_http_head *head = sy_exchange_head(x);

    (void)ctx;
    switch (head->method) {
    case SY_HTTP_GET:
    case SY_HTTP_HEAD:
        reply(x, 200, SY_STR("ok\n"));
        return;
    case SY_HTTP_POST:
    case SY_HTTP_PUT:
    case SY_HTTP_PATCH:
        reply(x, 200, sy_exchange_body(x));
        return;
    case SY_HTTP_OPTIONS:
        reply(x, 204, SY_STR(""));
        return;
    case SY_HTTP_DELETE:
        reply(x, 405, SY_STR(""));
        return;
    case SY_HTTP_OTHER:
        reply(x, sy_str_eq(head->method_text, SY_STR("TRACE")) ? 405 : 501, SY_STR(""));
        return;
    }
}

static void on_refusal(struct sy_exchange *x, int status, const char *cause,
                       struct sy_str *ret_content_type, struct sy_str *ret_body, void *ctx)
{
    (void)ctx;
    *ret_content_type = SY_STR("text/plain");
    *ret_body = sy_arena_printf(sy_exchange_arena(x), "%d %s\n", status, cause);
}

static void on_drained(void *ctx)
{
    sy_loop_stop(ctx);
}

static void drain(struct sy_loop *loop, struct sy_task *task)
{
    struct worker *worker = task->ctx;

    sy_server_drain(worker->server, on_drained, loop);
}

static void *work(void *ctx)
{
    struct worker *worker = ctx;

    sy_loop_run(worker->loop);
    sy_server_destroy(worker->server);
    sy_loop_destroy(worker->loop);
    return NULL;
}

static int start(struct worker *worker, unsigned index, int listen_fd,
                 const struct options *options, struct sy_server_group *group)
{
    static const struct sy_server_events events = {.on_request = on_request,
                                                   .on_refusal = on_refusal};
    struct sy_err err = SY_ERR_INIT;

    worker->drain = (struct sy_task){.fn = drain, .ctx = worker};
    if (sy_loop_create(index, &worker->loop, &err) < 0 ||
        sy_server_create(worker->loop, listen_fd, &options->limits, &events, &worker->server,
                         &err) < 0 ||
        sy_server_join(worker->server, group) < 0) {
        fprintf(stderr, "edge-probe: %s\n", err.text);
        return SY_ERR;
    }
    return pthread_create(&worker->thread, NULL, work, worker) == 0 ? SY_OK : SY_ERR;
}

static void usage(void)
{
    fputs("usage: edge-probe [--listen HOST:PORT] [--threads N] [--head-ms N] [--body-ms N]\n"
          "                  [--idle-ms N] [--write-ms N]\n",
          stderr);
}

static bool set_number(struct options *options, int option, const char *text)
{
    uint64_t value;

    if (!sy_str_to_u64(sy_str_of(text), &value) || value == 0 || value > 86400000)
        return false;
    switch (option) {
    case 't':
        options->workers = value < WORKERS_MAX ? (unsigned)value : WORKERS_MAX;
        return true;
    case 'h':
        options->limits.head_deadline_ms = (int64_t)value;
        return true;
    case 'b':
        options->limits.body_deadline_ms = (int64_t)value;
        return true;
    case 'i':
        options->limits.idle_ms = (int64_t)value;
        return true;
    case 'w':
        options->limits.write_deadline_ms = (int64_t)value;
        return true;
    default:
        return false;
    }
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"listen", required_argument, NULL, 'l'},
        {"threads", required_argument, NULL, 't'},
        {"head-ms", required_argument, NULL, 'h'},
        {"body-ms", required_argument, NULL, 'b'},
        {"idle-ms", required_argument, NULL, 'i'},
        {"write-ms", required_argument, NULL, 'w'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'l')
            options->address = sy_str_of(optarg);
        else if (!set_number(options, option, optarg))
            return false;
    }
    return optind == argc;
}

int main(int argc, char **argv)
{
    struct options options = {.address = SY_STR("127.0.0.1:0"), .workers = 1};
    struct worker workers[WORKERS_MAX] = {0};
    struct sy_server_group *group = NULL;
    struct sy_err err = SY_ERR_INIT;
    sigset_t signals;
    int listen_fd;
    int received;

    sy_server_limits_default(&options.limits);
    options.limits.connections = 100000;
    if (!parse_options(argc, argv, &options)) {
        usage();
        return 2;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (sy_server_group_create(options.workers, &group, &err) < 0 ||
        sy_listen(options.address, &listen_fd, &err) < 0) {
        fprintf(stderr, "edge-probe: %s\n", err.text);
        return 1;
    }
    for (unsigned i = 0; i < options.workers; i++) {
        if (start(&workers[i], i, listen_fd, &options, group) < 0)
            return 1;
    }
    printf("listening on 127.0.0.1:%d\n", sy_listen_port(listen_fd));
    fflush(stdout);
    sigwait(&signals, &received);
    for (unsigned i = 0; i < options.workers; i++)
        sy_loop_post(workers[i].loop, &workers[i].drain);
    for (unsigned i = 0; i < options.workers; i++)
        pthread_join(workers[i].thread, NULL);
    sy_server_group_destroy(group);
    close(listen_fd);
    return 0;
}
