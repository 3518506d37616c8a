/* Several loops on one listener: which of them serves a new connection. */
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/server_conn.h"

#define HANDED_MAX 64u

struct handed {
    int fd;
    struct sockaddr_storage address;
};

struct sy_group_slot {
    struct sy_server_group *group;
    struct sy_server *server; /* NULL: takes nothing (any more) */
    struct sy_task task;      /* posted to the server's loop while something waits for it */
    unsigned load;            /* connections, those that wait included */
    unsigned handed_count;
    struct handed handed[HANDED_MAX];
};

struct sy_server_group {
    pthread_mutex_t lock; /* for all of it; taken once per connection, never per request */
    unsigned count;
    unsigned max;
    struct sy_group_slot slots[];
};

int sy_server_group_create(unsigned servers, struct sy_server_group **ret_group, struct sy_err *err)
{
    struct sy_server_group *group = calloc(1, sizeof(*group) + servers * sizeof(group->slots[0]));

    if (!group)
        return sy_err_set(err, SY_NOMEM, "no memory for a group of %u servers", servers);
    pthread_mutex_init(&group->lock, NULL);
    group->max = servers;
    *ret_group = group;
    return SY_OK;
}

void sy_server_group_destroy(struct sy_server_group *group)
{
    if (!group)
        return;
    pthread_mutex_destroy(&group->lock);
    free(group);
}

/* Copies what waits for the slot to `out` and empties it. The lock is held. */
static unsigned take_handed(struct sy_group_slot *slot, struct handed *out)
{
    unsigned count = slot->handed_count;

    memcpy(out, slot->handed, count * sizeof(*out));
    slot->handed_count = 0;
    return count;
}

static void open_handed(struct sy_loop *loop, struct sy_task *task)
{
    struct sy_group_slot *slot = task->ctx;
    struct handed handed[HANDED_MAX];
    struct sy_server *server;
    unsigned count = 0;

    (void)loop;
    pthread_mutex_lock(&slot->group->lock);
    server = slot->server;
    if (server)
        count = take_handed(slot, handed);
    pthread_mutex_unlock(&slot->group->lock);
    for (unsigned i = 0; i < count; i++)
        sy_conn_open(server, handed[i].fd, &handed[i].address);
}

int sy_server_join(struct sy_server *server, struct sy_server_group *group)
{
    struct sy_group_slot *slot;
    int status = SY_NOMEM;

    pthread_mutex_lock(&group->lock);
    if (group->count < group->max) {
        slot = &group->slots[group->count++];
        slot->group = group;
        slot->server = server;
        slot->load = server->conn_count;
        slot->task = (struct sy_task){.fn = open_handed, .ctx = slot};
        server->slot = slot;
        status = SY_OK;
    }
    pthread_mutex_unlock(&group->lock);
    return status;
}

/* The open slot with the least load, `own` among equals. The lock is held. */
static struct sy_group_slot *least_loaded(struct sy_group_slot *own)
{
    struct sy_server_group *group = own->group;
    struct sy_group_slot *best = own;

    for (unsigned i = 0; i < group->count; i++) {
        struct sy_group_slot *slot = &group->slots[i];

        if (slot->server && slot->load < best->load && slot->handed_count < HANDED_MAX &&
            slot->load < slot->server->limits.connections)
            best = slot;
    }
    return best;
}

bool sy_server_hand_over(struct sy_server *server, int fd, const struct sockaddr_storage *address)
{
    struct sy_group_slot *own = server->slot;
    struct sy_group_slot *slot;

    if (!own)
        return false;
    pthread_mutex_lock(&own->group->lock);
    slot = server->draining ? own : least_loaded(own);
    slot->load++;
    if (slot != own) {
        slot->handed[slot->handed_count++] = (struct handed){fd, *address};
        /* Under the lock, so that the loop is still there. */
        sy_loop_post(slot->server->loop, &slot->task);
    }
    pthread_mutex_unlock(&own->group->lock);
    return slot != own;
}

void sy_server_uncount(struct sy_server *server)
{
    if (!server->slot)
        return;
    pthread_mutex_lock(&server->slot->group->lock);
    server->slot->load--;
    pthread_mutex_unlock(&server->slot->group->lock);
}

void sy_server_leave(struct sy_server *server, bool drop)
{
    struct handed handed[HANDED_MAX];
    unsigned count;

    if (!server->slot)
        return;
    pthread_mutex_lock(&server->slot->group->lock);
    server->slot->server = NULL;
    count = take_handed(server->slot, handed);
    pthread_mutex_unlock(&server->slot->group->lock);
    for (unsigned i = 0; i < count; i++) {
        if (drop)
            close(handed[i].fd);
        else
            sy_conn_open(server, handed[i].fd, &handed[i].address);
    }
}
