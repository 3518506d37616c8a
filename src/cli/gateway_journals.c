/*
 * Folders of journals. A process locks the one it writes, so that two can use a store while one
 * hands over; who finds one unlocked may bring its content into the store.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/gateway_int.h"

const char *sy_gateway_journals_name(struct sy_str store_path, unsigned index,
                                     struct sy_arena *arena)
{
    return index ? sy_arena_printf(arena, "%.*s.journal-%u", SY_FMT(store_path), index).ptr
                 : sy_arena_printf(arena, "%.*s.journal", SY_FMT(store_path)).ptr;
}

/* The locked folder, or -1 with errno (EWOULDBLOCK: a process that runs has it). */
static int lock_folder(const char *path, bool make)
{
    int fd, saved;

    if (make && mkdir(path, 0700) != 0 && errno != EEXIST)
        return -1;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int gateway_journals_take(struct sy_gateway *gateway, struct sy_str store_path, struct sy_err *err)
{
    for (unsigned i = 0; i < GATEWAY_JOURNALS; i++) {
        gateway->journal_names[i] = sy_gateway_journals_name(store_path, i, &gateway->arena);
        if (!gateway->journal_names[i])
            return sy_err_set(err, SY_NOMEM, "no memory for the journals' names");
    }
    for (unsigned i = 0; i < GATEWAY_JOURNALS; i++) {
        const char *path = gateway->journal_names[i];
        int fd = lock_folder(path, true);

        if (fd >= 0) {
            gateway->journal_fds[i] = fd;
            gateway->journals = sy_str_of(path);
            return SY_OK;
        }
        if (errno != EWOULDBLOCK)
            return sy_err_set(err, SY_UNAVAILABLE, "%s: %s", path, strerror(errno));
    }
    return sy_err_set(err, SY_UNAVAILABLE, "other processes have all folders %s",
                      gateway->journal_names[0]);
}

/* A ledger without a loop: it brings in what is there and leaves empty files. */
static void recover_folder(struct sy_gateway *gateway, const char *path, unsigned *ret_lost)
{
    struct sy_ledger_options options = {.directory = sy_str_of(path)};
    struct sy_err err = SY_ERR_INIT;
    struct sy_ledger *ledger;
    unsigned lost = 0;

    if (sy_ledger_create(&options, gateway->writer, 0, &ledger, &lost, &err) != SY_OK) {
        sy_logf(SY_LOG_ERROR, "journals", "%s", err.text);
        return;
    }
    sy_ledger_destroy(ledger);
    *ret_lost += lost;
}

bool gateway_journals_recover(struct sy_gateway *gateway, unsigned *ret_lost)
{
    bool all = true;

    for (unsigned i = 0; i < GATEWAY_JOURNALS; i++) {
        const char *path = gateway->journal_names[i];
        int fd;

        if (gateway->journal_fds[i] >= 0)
            continue;
        fd = lock_folder(path, false);
        if (fd >= 0) {
            recover_folder(gateway, path, ret_lost);
            close(fd);
        } else if (errno == EWOULDBLOCK) {
            all = false;
        }
    }
    return all;
}

void gateway_journals_leave(struct sy_gateway *gateway)
{
    for (unsigned i = 0; i < GATEWAY_JOURNALS; i++) {
        if (gateway->journal_fds[i] >= 0)
            close(gateway->journal_fds[i]);
        gateway->journal_fds[i] = -1;
    }
}
