/*
 * A vendor that misbehaves by table: one thread, one poll loop, loopback only. A request's path
 * names the row; the row says what bytes come back, how slowly, and what happens to the connection.
 */
#ifndef SY_TESTS_FAULT_SERVER_H
#define SY_TESTS_FAULT_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum fault_after { FAULT_KEEP, FAULT_CLOSE, FAULT_RESET, FAULT_HOLD };

struct fault_row {
    const char *path; /* without the leading slash */
    const char *head; /* sent first */
    size_t head_len;  /* 0: strlen */
    const char *unit; /* then this, `times` over */
    size_t unit_len;
    unsigned times;
    int pause_ms; /* before each unit */
    enum fault_after after;
    int pause_last_ms;   /* before `after` */
    bool before_request; /* `after` as soon as the connection is there */
    bool first_is_fine;  /* the first request of a connection gets an answer of 200 */
};

#define FAULT_CONNECTIONS 2048
#define FAULT_IN_MAX (1 << 20)

struct fault_connection {
    int fd;
    char *in;
    size_t in_len;
    unsigned served; /* requests of this connection */
    const struct fault_row *row;
    const char *head; /* what is being sent: head first, then units */
    size_t head_len;
    size_t sent;
    unsigned units;
    int64_t wake_ms;
    bool ending;
};

struct fault_server {
    const struct fault_row *rows;
    size_t row_count;
    int listener;
    int wake[2];
    uint16_t port;
    pthread_t thread;
    struct fault_connection connections[FAULT_CONNECTIONS];
    size_t count;
    struct pollfd polls[FAULT_CONNECTIONS + 2];
    atomic_uint hits[256]; /* by row */
    atomic_uint accepted;
    atomic_uint most_open;
    pthread_mutex_t lock;
    char last[65536]; /* the last request, head and body */
    size_t last_len;
};

static const char fault_fine[] = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";

static inline void fault_close(struct fault_server *server, size_t at, bool reset)
{
    struct fault_connection *connection = &server->connections[at];
    struct linger linger = {.l_onoff = 1};

    if (reset)
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(connection->fd);
    free(connection->in);
    server->connections[at] = server->connections[--server->count];
}

static inline const struct fault_row *fault_find(const struct fault_server *server,
                                                 const char *path, size_t len)
{
    for (size_t i = 0; i < server->row_count; i++) {
        if (strlen(server->rows[i].path) == len && memcmp(server->rows[i].path, path, len) == 0)
            return &server->rows[i];
    }
    return NULL;
}

/* The length of the first whole request in the buffer, or 0. */
static inline size_t fault_request_len(const struct fault_connection *connection)
{
    const char *end = memmem(connection->in, connection->in_len, "\r\n\r\n", 4);
    size_t head;
    size_t body = 0;

    if (!end)
        return 0;
    head = (size_t)(end - connection->in) + 4;
    for (const char *line = connection->in; line < end; line = strchr(line, '\n') + 1) {
        if (strncasecmp(line, "content-length:", 15) == 0)
            body = strtoul(line + 15, NULL, 10);
    }
    return connection->in_len >= head + body ? head + body : 0;
}

/* Takes the next request off and chooses the reply. */
static inline void fault_take_request(struct fault_server *server,
                                      struct fault_connection *connection)
{
    size_t len = fault_request_len(connection);
    const char *path;
    const struct fault_row *row;

    if (!len || connection->row)
        return;
    path = memchr(connection->in, '/', len);
    row = fault_find(server, path + 1, strcspn(path + 1, " ?"));
    if (!row)
        row = &server->rows[0];
    atomic_fetch_add(&server->hits[row - server->rows], 1);
    pthread_mutex_lock(&server->lock);
    server->last_len = len < sizeof(server->last) ? len : sizeof(server->last);
    memcpy(server->last, connection->in, server->last_len);
    pthread_mutex_unlock(&server->lock);
    memmove(connection->in, connection->in + len, connection->in_len - len);
    connection->in_len -= len;
    connection->in[connection->in_len] = '\0';
    connection->row = row;
    connection->sent = 0;
    connection->units = 0;
    connection->ending = false;
    connection->wake_ms = 0;
    connection->head = row->head ? row->head : "";
    connection->head_len = row->head_len ? row->head_len : strlen(connection->head);
    if (row->first_is_fine && connection->served == 0) {
        connection->row = &server->rows[0];
        connection->head = fault_fine;
        connection->head_len = sizeof(fault_fine) - 1;
    }
    connection->served++;
}

/* One move of a connection that is answering; false once it is closed. */
static inline bool fault_write(struct fault_server *server, size_t at)
{
    struct fault_connection *connection = &server->connections[at];
    const struct fault_row *row = connection->row;

    while (sy_clock_ms() >= connection->wake_ms) {
        bool in_head = connection->sent < connection->head_len;
        const char *bytes = in_head ? connection->head + connection->sent : row->unit;
        size_t len = in_head ? connection->head_len - connection->sent : row->unit_len;
        ssize_t sent;

        if (!in_head && connection->units < row->times) {
            connection->units++;
            connection->head = row->unit;
            connection->head_len = row->unit_len;
            connection->sent = 0;
            connection->wake_ms = row->pause_ms ? sy_clock_ms() + row->pause_ms : 0;
            continue;
        }
        if (!in_head && row->pause_last_ms && !connection->ending) {
            connection->ending = true;
            connection->wake_ms = sy_clock_ms() + row->pause_last_ms;
            continue;
        }
        if (!in_head) {
            connection->row = NULL;
            if (row->after == FAULT_HOLD) {
                connection->wake_ms = INT64_MAX;
                connection->row = row;
                return true;
            }
            if (row->after != FAULT_KEEP) {
                fault_close(server, at, row->after == FAULT_RESET);
                return false;
            }
            fault_take_request(server, connection);
            if (!connection->row)
                return true;
            row = connection->row;
            continue;
        }
        sent = send(connection->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN)
            return true;
        if (sent < 0) {
            fault_close(server, at, false);
            return false;
        }
        connection->sent += (size_t)sent;
    }
    return true;
}

static inline bool fault_read(struct fault_server *server, size_t at)
{
    struct fault_connection *connection = &server->connections[at];
    char bytes[65536];
    ssize_t got = recv(connection->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (got < 0 && errno == EAGAIN)
        return true;
    if (got <= 0 || connection->in_len + (size_t)got >= FAULT_IN_MAX) {
        fault_close(server, at, false);
        return false;
    }
    connection->in = realloc(connection->in, connection->in_len + (size_t)got + 1);
    memcpy(connection->in + connection->in_len, bytes, (size_t)got);
    connection->in_len += (size_t)got;
    connection->in[connection->in_len] = '\0';
    fault_take_request(server, connection);
    return true;
}

static inline void fault_accept(struct fault_server *server)
{
    int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct linger linger = {.l_onoff = 1};

    if (fd < 0)
        return;
    atomic_fetch_add(&server->accepted, 1);
    if (server->rows[0].before_request || server->count == FAULT_CONNECTIONS) {
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        close(fd);
        return;
    }
    server->connections[server->count++] = (struct fault_connection){.fd = fd};
    if (server->count > atomic_load(&server->most_open))
        atomic_store(&server->most_open, (unsigned)server->count);
}

static inline int fault_wait_ms(const struct fault_server *server)
{
    int64_t first = INT64_MAX;
    int64_t now = sy_clock_ms();

    for (size_t i = 0; i < server->count; i++) {
        const struct fault_connection *connection = &server->connections[i];

        if (connection->row && connection->wake_ms && connection->wake_ms < first)
            first = connection->wake_ms;
    }
    if (first == INT64_MAX)
        return -1;
    return first > now ? (int)(first - now) : 0;
}

static inline void *fault_main(void *arg)
{
    struct fault_server *server = arg;

    for (;;) {
        size_t count = server->count;

        server->polls[0] = (struct pollfd){.fd = server->wake[0], .events = POLLIN};
        server->polls[1] = (struct pollfd){.fd = server->listener, .events = POLLIN};
        for (size_t i = 0; i < count; i++) {
            const struct fault_connection *connection = &server->connections[i];
            bool writes = connection->row && !connection->wake_ms;

            server->polls[i + 2] = (struct pollfd){
                .fd = connection->fd, .events = (short)(POLLIN | (writes ? POLLOUT : 0))};
        }
        poll(server->polls, count + 2, fault_wait_ms(server));
        if (server->polls[0].revents)
            break;
        /* From the back: closing moves the last into the hole. */
        for (size_t i = count; i-- > 0;) {
            bool open = true;

            if (server->polls[i + 2].revents & (POLLIN | POLLERR | POLLHUP))
                open = fault_read(server, i);
            if (open && server->connections[i].row)
                (void)fault_write(server, i);
        }
        if (server->polls[1].revents)
            fault_accept(server);
    }
    while (server->count)
        fault_close(server, server->count - 1, false);
    return NULL;
}

static inline int fault_server_start(struct fault_server *server, const struct fault_row *rows,
                                     size_t row_count, const char *address)
{
    struct sockaddr_in bound = {.sin_family = AF_INET};
    socklen_t len = sizeof(bound);
    int on = 1;

    memset(server, 0, sizeof(*server));
    server->rows = rows;
    server->row_count = row_count;
    pthread_mutex_init(&server->lock, NULL);
    inet_pton(AF_INET, address, &bound.sin_addr);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(server->listener, (struct sockaddr *)&bound, sizeof(bound)) < 0 ||
        listen(server->listener, 1024) < 0 || pipe2(server->wake, O_CLOEXEC) < 0 ||
        getsockname(server->listener, (struct sockaddr *)&bound, &len) < 0)
        return -1;
    server->port = ntohs(bound.sin_port);
    return pthread_create(&server->thread, NULL, fault_main, server);
}

static inline void fault_server_stop(struct fault_server *server)
{
    close(server->wake[1]);
    pthread_join(server->thread, NULL);
    close(server->wake[0]);
    close(server->listener);
    pthread_mutex_destroy(&server->lock);
}

static inline unsigned fault_server_hits(struct fault_server *server, const char *path)
{
    const struct fault_row *row = fault_find(server, path, strlen(path));

    return row ? atomic_load(&server->hits[row - server->rows]) : 0;
}

#endif
