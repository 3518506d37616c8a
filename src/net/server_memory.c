/* What connections and exchanges hold: read buffers, exchanges, pools and the memory budget. */
#include <stdlib.h>
#include <string.h>

#include "net/server_conn.h"

/* Past this an arena's first chunk is not worth keeping for the next request. */
#define ARENA_KEEP (64u << 10)

bool sy_server_charge(struct sy_server *server, size_t *owner, size_t more)
{
    if (more > server->limits.memory || server->held > server->limits.memory - more)
        return false;
    server->held += more;
    *owner += more;
    return true;
}

void sy_server_discharge(struct sy_server *server, size_t *owner, size_t less)
{
    *owner -= less;
    if (server)
        server->held -= less;
}

static char *input_take(struct sy_server *server)
{
    char *input = server->inputs;

    if (!input)
        return malloc(SY_CONN_INPUT_SMALL);
    memcpy(&server->inputs, input, sizeof(server->inputs));
    server->input_count--;
    return input;
}

static void input_give(struct sy_server *server, char *input, size_t cap)
{
    if (!input)
        return;
    if (!server || cap != SY_CONN_INPUT_SMALL || server->input_count + 1 > SY_POOL_INPUTS) {
        free(input);
        return;
    }
    memcpy(input, &server->inputs, sizeof(server->inputs));
    server->inputs = input;
    server->input_count++;
}

/* Small read buffers are the price of a connection, bounded by limits.connections. */
static size_t input_weight(size_t cap)
{
    return cap > SY_CONN_INPUT_SMALL ? cap : 0;
}

static bool input_grow(struct sy_conn *conn, size_t cap)
{
    size_t more = input_weight(cap) - input_weight(conn->in_cap);
    char *grown;

    if (!sy_server_charge(conn->server, &conn->charged, more))
        return false;
    grown = realloc(conn->in, cap);
    if (!grown) {
        sy_server_discharge(conn->server, &conn->charged, more);
        return false;
    }
    conn->in = grown;
    conn->in_cap = cap;
    return true;
}

size_t sy_conn_input_room(struct sy_conn *conn, size_t max)
{
    size_t cap = conn->in_cap * 2;

    if (!conn->in) {
        conn->in = input_take(conn->server);
        conn->in_cap = conn->in ? SY_CONN_INPUT_SMALL : 0;
    } else if (conn->in_len == conn->in_cap && conn->in_cap < max) {
        if (!input_grow(conn, cap < max ? cap : max))
            return 0;
    }
    return conn->in_cap - conn->in_len;
}

bool sy_conn_input_stash(struct sy_conn *conn, struct sy_str bytes)
{
    if (bytes.len == 0)
        return true;
    if (sy_conn_input_room(conn, SY_CONN_INPUT_SMALL) < bytes.len && !input_grow(conn, bytes.len))
        return false;
    memcpy(conn->in, bytes.ptr, bytes.len);
    conn->in_len = bytes.len;
    return true;
}

void sy_conn_input_drop(struct sy_conn *conn)
{
    sy_server_discharge(conn->server, &conn->charged, input_weight(conn->in_cap));
    input_give(conn->server, conn->in, conn->in_cap);
    conn->in = NULL;
    conn->in_len = conn->in_cap = conn->in_parsed = 0;
}

static struct sy_exchange *exchange_take(struct sy_server *server)
{
    struct sy_exchange *x = server->exchanges;
    struct sy_arena arena;

    if (!x) {
        x = calloc(1, sizeof(*x));
        if (x)
            sy_arena_init(&x->arena, SY_EXCHANGE_ARENA_MAX);
        return x;
    }
    server->exchanges = x->next_free;
    server->exchange_count--;
    arena = x->arena;
    memset(x, 0, offsetof(struct sy_exchange, head) + offsetof(struct sy_http_head, headers));
    x->arena = arena;
    return x;
}

static void exchange_give(struct sy_server *server, struct sy_exchange *x)
{
    if (!server || server->exchange_count + 1 > SY_POOL_EXCHANGES) {
        sy_arena_release(&x->arena);
        free(x);
        return;
    }
    if (x->arena.used > ARENA_KEEP)
        sy_arena_release(&x->arena);
    else
        sy_arena_clear(&x->arena);
    x->next_free = server->exchanges;
    server->exchanges = x;
    server->exchange_count++;
}

struct sy_exchange *sy_exchange_begin(struct sy_conn *conn)
{
    struct sy_exchange *x = exchange_take(conn->server);
    size_t weight = input_weight(conn->in_cap);

    if (!x)
        return NULL;
    x->conn = conn;
    x->loop = conn->server->loop;
    x->started_us = sy_loop_now_us(x->loop);
    x->input = conn->in;
    x->input_cap = conn->in_cap;
    x->charged = weight;
    conn->charged -= weight;
    conn->in = NULL;
    conn->in_len = conn->in_cap = conn->in_parsed = 0;
    conn->x = x;
    return x;
}

void sy_exchange_finish(struct sy_exchange *x)
{
    struct sy_server *server = x->conn->server;

    x->conn->x = NULL;
    sy_server_discharge(server, &x->charged, x->charged);
    sy_buf_release(&x->body_buf);
    input_give(server, x->input, x->input_cap);
    exchange_give(server, x);
}

void sy_server_pools_release(struct sy_server *server)
{
    while (server->exchanges) {
        struct sy_exchange *x = server->exchanges;

        server->exchanges = x->next_free;
        sy_arena_release(&x->arena);
        free(x);
    }
    while (server->inputs) {
        char *input = server->inputs;

        memcpy(&server->inputs, input, sizeof(server->inputs));
        free(input);
    }
    sy_buf_release(&server->head);
}
