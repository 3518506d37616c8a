/*
 * Hand-over to a new process of the program: it takes the listeners and the store while this one
 * still serves, then this one lets its connections go.
 *
 * Over a socket pair, a byte each: the new process says READY when all but its listeners is up; the
 * old one shares its idempotency keys by the store and says GO; the new one accepts and says
 * SERVING; the old one stops accepting. The socket closes when the old one has ended. Until SERVING
 * the old one can go on as if nothing had been.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/gateway_int.h"

#define START_MS 60000   /* reading registry and policy, recovering */
#define SERVING_MS 30000 /* starting threads */
#define LAST_WORDS_MS 5000
#define LOOK_MS 100

enum word { WORD_NONE, WORD_READY = 'R', WORD_GO = 'G', WORD_SERVING = 'S', WORD_END = 'E' };

static void say(int fd, enum word word)
{
    char byte = (char)word;

    (void)send(fd, &byte, 1, MSG_NOSIGNAL);
}

/* The next word, WORD_END when the other side is gone, WORD_NONE when nothing came in time. */
static enum word hear(int fd, int wait_ms)
{
    struct pollfd watched = {.fd = fd, .events = POLLIN};
    char byte;
    ssize_t got;

    if (poll(&watched, 1, wait_ms) <= 0)
        return WORD_NONE;
    got = recv(fd, &byte, 1, MSG_DONTWAIT);
    if (got == 1)
        return (enum word)byte;
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? WORD_NONE : WORD_END;
}

/* ---- the old process ---- */

static bool is_told_to_end(void)
{
    sigset_t pending;

    sigemptyset(&pending);
    sigpending(&pending);
    return sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT);
}

static int await(int fd, enum word wanted, int64_t wait_ms, struct sy_err *err)
{
    int64_t until_ms = sy_clock_ms() + wait_ms;

    while (sy_clock_ms() < until_ms && !is_told_to_end()) {
        enum word word = hear(fd, LOOK_MS);

        if (word == wanted)
            return SY_OK;
        if (word == WORD_END)
            return sy_err_set(err, SY_UNAVAILABLE, "the new process ended; it says why above");
    }
    return sy_err_set(err, SY_UNAVAILABLE, "%s",
                      is_told_to_end() ? "this process was told to end"
                                       : "the new process did not come up in time");
}

static int can_hand_over(const struct sy_gateway *gateway, struct sy_err *err)
{
    if (gateway->options.sandbox || gateway->options.one_shot || gateway->lock_fd < 0)
        return sy_err_set(err, SY_INVALID,
                          "a sandbox or a store in memory cannot be handed to another process");
    if (gateway->upgrade_fd >= 0)
        return sy_err_set(err, SY_CONFLICT,
                          "the process before this one still answers its last connections");
    return SY_OK;
}

static int hand_over(struct sy_gateway *gateway, int fd, struct sy_err *err)
{
    int status = await(fd, WORD_READY, START_MS, err);

    if (status != SY_OK)
        return status;
    status = sy_engine_share_keys(gateway->engine, err);
    if (status != SY_OK)
        return status;
    say(fd, WORD_GO);
    return await(fd, WORD_SERVING, SERVING_MS, err);
}

static void nap(void)
{
    const struct timespec look = {.tv_nsec = LOOK_MS * 1000000L};

    nanosleep(&look, NULL);
}

/* It closes the socket before it says why. */
static bool has_ended(pid_t child)
{
    for (int64_t until_ms = sy_clock_ms() + LAST_WORDS_MS; sy_clock_ms() < until_ms; nap())
        if (waitpid(child, NULL, WNOHANG) == child)
            return true;
    return false;
}

static void take_back(struct sy_gateway *gateway, pid_t child, int fd)
{
    struct sy_err err = SY_ERR_INIT;

    if (hear(fd, 0) == WORD_END && has_ended(child))
        child = -1;
    else
        kill(child, SIGKILL);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
    (void)gateway_journals_recover(gateway, &gateway->lost);
    if (sy_engine_own_keys(gateway->engine, &err) != SY_OK)
        sy_logf(SY_LOG_ERROR, "upgrade", "%s", err.text);
}

int sy_gateway_hand_over(struct sy_gateway *gateway, struct sy_err *err)
{
    struct sy_named_fd fds[SY_NAMED_FDS_MAX] = {{SY_FD_LISTEN, gateway->listen_fd},
                                                {SY_FD_ADMIN, gateway->admin_fd},
                                                {SY_FD_LOCK, gateway->lock_fd}};
    int pair[2];
    int status = can_hand_over(gateway, err);
    pid_t child;

    if (status != SY_OK)
        return status;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return sy_err_set(err, SY_UNAVAILABLE, "socketpair: %s", strerror(errno));
    fds[3] = (struct sy_named_fd){SY_FD_UPGRADE, pair[1]};
    child = sy_service_start_again(fds, SY_NAMED_FDS_MAX);
    close(pair[1]);
    if (child < 0)
        status =
            sy_err_set(err, SY_UNAVAILABLE, "the program cannot be started: %s", strerror(errno));
    else if ((status = hand_over(gateway, pair[0], err)) != SY_OK)
        take_back(gateway, child, pair[0]);
    if (status != SY_OK) {
        close(pair[0]);
        return status;
    }
    sy_logf(SY_LOG_INFO, "upgrade", "process %ld serves now", (long)child);
    gateway->handed_over = true;
    gateway->upgrade_fd = pair[0]; /* open until the end: that is how the end is seen */
    return SY_OK;
}

/* ---- the new process ---- */

/* It died before it shared its keys: they are in its journals, and who was cut off asks again at
 * once. So no call is taken until they are in the store and known here. */
static int outlive(struct sy_gateway *gateway, struct sy_err *err)
{
    int64_t until_ms = sy_clock_ms() + START_MS;

    gateway->predecessor_ended = true;
    while (sy_gateway_has_predecessor(gateway)) {
        if (sy_clock_ms() >= until_ms)
            return sy_err_set(err, SY_UNAVAILABLE,
                              "the journals of the process before cannot be brought in");
        nap();
    }
    return SY_OK;
}

int gateway_upgrade_ready(struct sy_gateway *gateway, struct sy_err *err)
{
    enum word word;

    if (gateway->upgrade_fd < 0)
        return SY_OK;
    say(gateway->upgrade_fd, WORD_READY);
    word = hear(gateway->upgrade_fd, START_MS);
    if (word == WORD_GO)
        return sy_engine_share_keys(gateway->engine, err);
    if (word == WORD_END)
        return outlive(gateway, err);
    return sy_err_set(err, SY_UNAVAILABLE, "the process before does not hand over");
}

void gateway_upgrade_serving(struct sy_gateway *gateway)
{
    if (gateway->upgrade_fd >= 0)
        say(gateway->upgrade_fd, WORD_SERVING);
}

bool sy_gateway_has_predecessor(struct sy_gateway *gateway)
{
    struct sy_err err = SY_ERR_INIT;
    unsigned lost = 0;

    if (gateway->upgrade_fd < 0)
        return false;
    if (!gateway->predecessor_ended)
        gateway->predecessor_ended = hear(gateway->upgrade_fd, 0) == WORD_END;
    if (!gateway->predecessor_ended || !gateway_journals_recover(gateway, &lost))
        return true;
    if (sy_engine_own_keys(gateway->engine, &err) != SY_OK) {
        sy_logf(SY_LOG_ERROR, "upgrade", "%s", err.text);
        return true;
    }
    close(gateway->upgrade_fd);
    gateway->upgrade_fd = -1;
    if (lost)
        sy_logf(SY_LOG_WARN, "upgrade",
                "the process before ended with %u calls in flight; their rows say outcome unknown",
                lost);
    else
        sy_logf(SY_LOG_INFO, "upgrade", "the process before has answered all its calls and ended");
    return false;
}
