/* env: and file: references. */
#include "secrets/secrets_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"

#define PATH_TEXT_MAX 4096

/* A NUL-terminated copy for the C library; false if it does not fit or holds a NUL. */
static bool terminate(struct sy_str text, char out[PATH_TEXT_MAX])
{
    if (!text.len || text.len >= PATH_TEXT_MAX || memchr(text.ptr, '\0', text.len))
        return false;
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return true;
}

void secret_read_env(struct sy_str name, struct secret_reading *ret)
{
    char text[PATH_TEXT_MAX];
    const char *value = terminate(name, text) ? getenv(text) : NULL;

    if (value && *value) {
        secret_ready(ret, sy_str_of(value));
        return;
    }
    secret_unavailable(ret, "the variable %.*s is %s", SY_FMT(name), value ? "empty" : "not set");
    ret->state = SY_SECRET_ABSENT;
}

/* The whole file, at most one byte more than is allowed; its length, or -1. */
static ssize_t slurp(int fd, char *out, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t got = read(fd, out + len, size - len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static void file_value(struct sy_str path, struct sy_str text, struct secret_reading *ret)
{
    if (sy_str_ends(text, SY_STR("\n")))
        text.len--;
    if (sy_str_ends(text, SY_STR("\r")))
        text.len--;
    if (!text.len)
        secret_unavailable(ret, "%.*s is empty", SY_FMT(path));
    else if (memchr(text.ptr, '\0', text.len))
        secret_unavailable(ret, "%.*s holds a NUL byte", SY_FMT(path));
    else
        secret_ready(ret, text);
}

static void read_open_file(int fd, struct sy_str path, struct secret_reading *ret)
{
    struct stat about;
    ssize_t len;
    char *text;

    if (fstat(fd, &about) < 0 || !S_ISREG(about.st_mode)) {
        secret_unavailable(ret, "%.*s is not a regular file", SY_FMT(path));
        return;
    }
    /* Mounted secrets are often readable by all; one that all may write is nobody's secret. */
    if (about.st_mode & S_IWOTH) {
        secret_unavailable(ret, "%.*s may be written by everybody (mode %03o); chmod o-w it",
                           SY_FMT(path), (unsigned)about.st_mode & 0777u);
        return;
    }
    text = malloc(SECRET_BYTES_MAX + 1);
    len = text ? slurp(fd, text, SECRET_BYTES_MAX + 1) : -1;
    if (len < 0)
        secret_unavailable(ret, "%.*s cannot be read", SY_FMT(path));
    else if ((size_t)len > SECRET_BYTES_MAX)
        secret_unavailable(ret, "%.*s is larger than 64 KiB", SY_FMT(path));
    else
        file_value(path, sy_str_from(text, (size_t)len), ret);
    if (text)
        sy_wipe(text, SECRET_BYTES_MAX + 1);
    free(text);
}

void secret_read_file(struct sy_str path, struct secret_reading *ret)
{
    char text[PATH_TEXT_MAX];
    int fd;

    if (!terminate(path, text)) {
        secret_unavailable(ret, "a file name is empty or too long");
        return;
    }
    /* Not blocking, so that a pipe in its place cannot hold up the start. */
    fd = open(text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        secret_unavailable(ret, "%.*s: %s", SY_FMT(path), strerrordesc_np(errno));
        return;
    }
    read_open_file(fd, path, ret);
    close(fd);
}
