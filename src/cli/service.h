/*
 * What a service manager and the process before hand to this one: listening descriptors by the
 * LISTEN_FDS convention, and where to say that the service is ready (NOTIFY_SOCKET).
 */
#ifndef SY_CLI_SERVICE_H
#define SY_CLI_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Descriptors; 0: none. Close-on-exec, and the listening ones do not block. */
struct sy_inherited {
    int listen_fd;
    int admin_fd;
    int lock_fd;    /* of the store, from the process that hands over */
    int upgrade_fd; /* to that process */
};

/* Their names in LISTEN_FDNAMES; others are `listen`, then `admin`, in order. */
#define SY_FD_LISTEN "listen"
#define SY_FD_ADMIN "admin"
#define SY_FD_LOCK "store-lock"
#define SY_FD_UPGRADE "upgrade"

/* Takes what LISTEN_PID means for this process, and takes the variables off the environment. */
void sy_inherited_take(struct sy_inherited *ret);

struct sy_named_fd {
    const char *name;
    int fd;
};
#define SY_NAMED_FDS_MAX 4
/*
 * Starts the program of this process again with the same arguments and these descriptors (those
 * with fd < 0 are left out). The child's id, or -1 with errno.
 */
pid_t sy_service_start_again(const struct sy_named_fd *fds, size_t count);

/* Tells the service manager, if there is one: "STOPPING=1" and the like, a line each. */
void sy_service_notify(const char *state);
void sy_service_notify_ready(void);

#endif
