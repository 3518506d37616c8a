#include "ledger/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int sy_folder_sync(const char *path, struct sy_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) != 0 ? errno : 0;

    if (fd >= 0)
        close(fd);
    /* Some file systems cannot sync a folder, and say so: there is nothing to be had then. */
    if (failed && failed != EINVAL && failed != EROFS)
        return sy_err_set(err, SY_UNAVAILABLE, "%s: %s", path, strerror(failed));
    return SY_OK;
}

int sy_folder_sync_above(const char *path, struct sy_err *err)
{
    size_t len = strlen(path);
    char *folder;
    int status;

    while (len > 0 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    while (len > 1 && path[len - 1] == '/')
        len--;
    folder = len ? strndup(path, len) : strdup(".");
    if (!folder)
        return sy_err_set(err, SY_NOMEM, "no memory to sync a folder");
    status = sy_folder_sync(folder, err);
    free(folder);
    return status;
}
