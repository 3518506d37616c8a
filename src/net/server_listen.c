/* Listening and accepting: batches, the connection limit, and running out of descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/server_conn.h"

#define ACCEPT_BATCH 16u /* small, so that loops on one listener share the work */
#define BACKLOG 4096
#define PAUSE_MS 100

/* Splits "host:port" or "[v6]:port" into NUL-terminated parts; an empty host is any address. */
static bool split_address(struct sy_str address, char host[256], char port[8])
{
    size_t colon = address.len;
    uint64_t number;
    struct sy_str name;

    while (colon > 0 && address.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0 || address.len - colon == 0 || address.len - colon >= 8)
        return false;
    /* getaddrinfo takes 99999 for 34463. */
    if (!sy_str_to_u64(sy_str_skip(address, colon), &number) || number > 65535)
        return false;
    memcpy(port, address.ptr + colon, address.len - colon);
    port[address.len - colon] = '\0';
    name = sy_str_head(address, colon - 1);
    if (sy_str_starts(name, SY_STR("[")) && sy_str_ends(name, SY_STR("]")) && name.len > 2)
        name = sy_str_head(sy_str_skip(name, 1), name.len - 2);
    else if (sy_str_find_char(name, ':') != (size_t)-1)
        return false;
    if (name.len >= 256 || sy_str_has_control(name))
        return false;
    if (name.len > 0)
        memcpy(host, name.ptr, name.len);
    host[name.len] = '\0';
    return true;
}

static int bind_and_listen(const struct addrinfo *found)
{
    int one = 1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

int sy_listen(struct sy_str address, int *ret_fd, struct sy_err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[256];
    char port[8];
    int saved;
    int failed;
    int fd = -1;

    if (!split_address(address, host, port))
        return sy_err_set(err, SY_INVALID, "listen address \"%.*s\" is not host:port or [v6]:port",
                          SY_FMT(sy_str_head(address, 200)));
    failed = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);
    if (failed)
        return sy_err_set(err, SY_INVALID, "listen on %.*s: %s", SY_FMT(address),
                          gai_strerror(failed));
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
        fd = bind_and_listen(at);
    saved = errno;
    freeaddrinfo(found);
    if (fd < 0)
        return sy_err_set(err, SY_UNAVAILABLE, "listen on %.*s: %s", SY_FMT(address),
                          strerror(saved));
    *ret_fd = fd;
    return SY_OK;
}

int sy_listen_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(int);
    int listens = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || !listens)
        return -1;
    len = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        return -1;
    if (address.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&address)->sin_port);
    if (address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
    return -1;
}

static int accept_one(struct sy_server *server, struct sockaddr_storage *ret_address)
{
    socklen_t len = sizeof(*ret_address);

    memset(ret_address, 0, sizeof(*ret_address));
    return accept4(server->listener.fd, (struct sockaddr *)ret_address, &len,
                   SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static void pause_accept(struct sy_server *server)
{
    sy_server_listener_off(server);
    (void)sy_timer_set(server->loop, &server->resume_accept,
                       sy_loop_now_ms(server->loop) + PAUSE_MS);
}

/* No descriptor is left. The reserve one makes room to tell the waiting clients so, instead of
 * leaving them in the backlog without a word and the loop spinning over a ready listener. */
static void turn_away(struct sy_server *server)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                                 "Retry-After: 1\r\nConnection: close\r\n\r\n";
    struct sockaddr_storage address;

    for (unsigned i = 0; i < ACCEPT_BATCH && server->reserve_fd >= 0; i++) {
        int fd;

        close(server->reserve_fd);
        fd = accept_one(server, &address);
        if (fd >= 0) {
            /* What is unread would turn the close into a reset that overtakes the answer. */
            (void)recv(fd, server->scratch, sizeof(server->scratch), 0);
            (void)send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
            close(fd);
        }
        server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            break;
    }
    pause_accept(server);
}

static bool is_passing(int error)
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ENETDOWN ||
           error == EHOSTUNREACH || error == ENETUNREACH || error == ETIMEDOUT;
}

void sy_server_accept_batch(struct sy_server *server, unsigned batch)
{
    struct sockaddr_storage address;

    for (unsigned i = 0; i < batch; i++) {
        int fd;

        if (server->conn_count >= server->limits.connections) {
            sy_server_listener_off(server);
            return;
        }
        fd = accept_one(server, &address);
        if (fd >= 0) {
            if (!sy_server_hand_over(server, fd, &address))
                sy_conn_open(server, fd, &address);
        } else if (errno == EMFILE || errno == ENFILE) {
            turn_away(server);
            return;
        } else if (errno == ENOBUFS || errno == ENOMEM) {
            pause_accept(server);
            return;
        } else if (!is_passing(errno)) {
            return;
        }
    }
}

static void on_listener(struct sy_loop *loop, struct sy_watch *watch, uint32_t events)
{
    (void)loop;
    (void)events;
    sy_server_accept_batch(watch->ctx, ACCEPT_BATCH);
}

int sy_server_listener_on(struct sy_server *server)
{
    int status;

    if (server->listening || server->draining || server->resume_accept.slot)
        return SY_OK;
    if (server->reserve_fd < 0)
        server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    server->listener.fn = on_listener;
    server->listener.ctx = server;
    status = sy_loop_watch(server->loop, &server->listener, EPOLLIN | EPOLLEXCLUSIVE);
    server->listening = status == SY_OK;
    return status;
}

void sy_server_listener_off(struct sy_server *server)
{
    if (server->listening)
        sy_loop_unwatch(server->loop, &server->listener);
    server->listening = false;
}

void sy_server_accept_resume(struct sy_loop *loop, struct sy_timer *timer)
{
    struct sy_server *server = timer->ctx;

    (void)loop;
    if (server->conn_count < server->limits.connections && sy_server_listener_on(server) < 0)
        pause_accept(server);
}
