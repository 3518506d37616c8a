/*
 * Runs the sandbox until its standard input ends or a signal comes: sandbox-standin [CATALOGUE_DIR].
 * Prints {"url": …} of the Composio stand-in once all listen; the rest is at /__sandbox/endpoints.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/epoll.h>

#include "base/crypto.h"
#include "sandbox/sandbox.h"

static struct sy_loop *running;

static void on_signal(int number)
{
    (void)number;
    sy_loop_stop(running);
}

/* The parent's end of the pipe closes when the parent goes. */
static void on_input(struct sy_loop *loop, struct sy_watch *watch, uint32_t events)
{
    char bytes[256];
    (void)events;
    if (read(watch->fd, bytes, sizeof(bytes)) <= 0)
        sy_loop_stop(loop);
}

int main(int argc, char **argv)
{
    struct sy_err err = SY_ERR_INIT;
    struct sy_sandbox *sandbox = NULL;
    struct sy_sandbox_endpoints endpoints;
    struct sy_sandbox_options options = {.catalogue_dir = sy_str_of(argc > 1 ? argv[1] : NULL)};
    struct sy_watch input = {.fd = STDIN_FILENO, .fn = on_input};
    signal(SIGPIPE, SIG_IGN);
    if (sy_crypto_init() || sy_loop_create(0, &running, &err)) {
        fprintf(stderr, "sandbox-standin: %s\n", err.text);
        return 1;
    }
    if (sy_sandbox_create(running, &options, &sandbox, &err)) {
        fprintf(stderr, "sandbox-standin: %s\n", err.text);
        sy_loop_destroy(running);
        return 1;
    }
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    sy_sandbox_endpoints(sandbox, &endpoints);
    printf("{\"url\":\"%s\"}\n", endpoints.composio_url);
    fflush(stdout);
    bool watching = sy_loop_watch(running, &input, EPOLLIN) == SY_OK;
    sy_loop_run(running);
    if (watching)
        sy_loop_unwatch(running, &input);
    sy_sandbox_destroy(sandbox);
    sy_loop_destroy(running);
    return 0;
}
