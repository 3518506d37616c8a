#include "cli/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/folder.h"

static int read_fd(int fd, const char *name, size_t max, struct sy_arena *arena,
                   struct sy_str *ret_text, struct sy_err *err)
{
    struct sy_buf text;

    sy_buf_init_arena(&text, arena, max + 1);
    for (;;) {
        char *room = sy_buf_reserve(&text, 16384 < max ? 16384 : max);
        ssize_t n;

        if (!room)
            return sy_err_set(err, SY_INVALID, "%s is larger than %zu bytes", name, max);
        n = read(fd, room, 16384 < max ? 16384 : max);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sy_err_set(err, SY_ERR, "%s: %s", name, strerror(errno));
        if (n == 0)
            break;
        sy_buf_grown(&text, (size_t)n);
        if (text.len > max)
            return sy_err_set(err, SY_INVALID, "%s is larger than %zu bytes", name, max);
    }
    *ret_text = sy_buf_str(&text);
    return SY_OK;
}

int sy_file_read(struct sy_str path, size_t max, struct sy_arena *arena, struct sy_str *ret_text,
                 struct sy_err *err)
{
    const char *name = sy_arena_z(arena, path);
    bool standard = sy_str_eq(path, SY_STR("-"));
    int fd, status;

    if (!name)
        return sy_err_set(err, SY_NOMEM, "no memory to read a file");
    fd = standard ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return sy_err_set(err, errno == ENOENT ? SY_NOT_FOUND : SY_ERR, "%s: %s", name,
                          strerror(errno));
    status = read_fd(fd, name, max, arena, ret_text, err);
    if (!standard)
        close(fd);
    return status;
}

int sy_file_read_kept(struct sy_str path, size_t max, struct sy_arena *arena,
                      struct sy_str *ret_text, struct sy_err *err)
{
    const char *name = sy_arena_z(arena, path);
    struct stat st;

    if (!name)
        return sy_err_set(err, SY_NOMEM, "no memory to read a file");
    if (stat(name, &st) == 0 && !S_ISREG(st.st_mode))
        return sy_err_set(err, SY_INVALID, "%s: not a regular file", name);
    return sy_file_read(path, max, arena, ret_text, err);
}

int sy_file_write(struct sy_str path, struct sy_str text, bool secret, bool replace,
                  struct sy_err *err)
{
    char *name = strndup(path.ptr, path.len);
    int status = SY_OK, fd;

    if (!name)
        return sy_err_set(err, SY_NOMEM, "no memory to write a file");
    fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | (replace ? O_TRUNC : O_EXCL),
              secret ? 0600 : 0644);
    if (fd < 0) {
        status =
            sy_err_set(err, errno == EEXIST ? SY_EXISTS : SY_ERR, "%s: %s", name, strerror(errno));
        goto out;
    }
    while (text.len) {
        ssize_t n = write(fd, text.ptr, text.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            status = sy_err_set(err, SY_ERR, "%s: %s", name, strerror(errno));
            break;
        }
        text = sy_str_skip(text, (size_t)n);
    }
    if (close(fd) != 0 && status == SY_OK)
        status = sy_err_set(err, SY_ERR, "%s: %s", name, strerror(errno));
out:
    free(name);
    return status;
}

struct sy_str sy_path_below(struct sy_str folder, struct sy_str path, struct sy_arena *arena)
{
    struct sy_str parts[3] = {folder, SY_STR("/"), path};

    while (parts[0].len && sy_str_ends(parts[0], SY_STR("/")))
        parts[0].len--;
    if (!path.len || path.ptr[0] == '/' || sy_str_eq(folder, SY_STR(".")))
        return path;
    return sy_arena_join(arena, parts, 3);
}

struct sy_str sy_path_folder(struct sy_str path)
{
    size_t len = path.len;

    while (len > 0 && path.ptr[len - 1] != '/')
        len--;
    if (len == 0)
        return SY_STR(".");
    return sy_str_head(path, len > 1 ? len - 1 : len);
}

int sy_folder_make(struct sy_str path, struct sy_err *err)
{
    char *name = strndup(path.ptr, path.len);
    int status = SY_OK;

    if (!name)
        return sy_err_set(err, SY_NOMEM, "no memory to make a folder");
    for (char *at = name + (path.len > 0); status == SY_OK; at++) {
        char kept = *at;

        if (kept != '/' && kept != '\0')
            continue;
        *at = '\0';
        if (mkdir(name, 0700) == 0)
            status = sy_folder_sync_above(name, err);
        else if (errno != EEXIST)
            status = sy_err_set(err, SY_ERR, "%s: %s", name, strerror(errno));
        *at = kept;
        if (!kept)
            break;
    }
    free(name);
    return status;
}

static int by_name(const void *a, const void *b)
{
    const struct sy_policy_source *left = a, *right = b;

    return sy_str_cmp(left->file, right->file);
}

static int folder_list(DIR *dir, struct sy_str folder, struct sy_arena *arena,
                       struct sy_policy_source sources[SY_POLICY_FILES_MAX], size_t *ret_count,
                       struct sy_err *err)
{
    struct dirent *entry;

    while ((entry = readdir(dir)) != NULL) {
        struct sy_str name = sy_str_of(entry->d_name);

        if (name.ptr[0] == '.' || !sy_str_ends(name, SY_STR(".yaml")))
            continue;
        if (*ret_count == SY_POLICY_FILES_MAX)
            return sy_err_set(err, SY_INVALID, "%.*s holds more than %d policy files",
                              SY_FMT(folder), SY_POLICY_FILES_MAX);
        sources[*ret_count].file = sy_path_below(folder, sy_arena_copy(arena, name), arena);
        (*ret_count)++;
    }
    qsort(sources, *ret_count, sizeof(*sources), by_name);
    return SY_OK;
}

int sy_policy_files(struct sy_str path, struct sy_arena *arena,
                    struct sy_policy_source sources[SY_POLICY_FILES_MAX], size_t *ret_count,
                    struct sy_err *err)
{
    const char *name = sy_arena_z(arena, path);
    struct stat st;
    int status = SY_OK;

    *ret_count = 0;
    if (!name || stat(name, &st) != 0)
        return sy_err_set(err, SY_NOT_FOUND, "%.*s: %s", SY_FMT(path), strerror(errno));
    if (S_ISDIR(st.st_mode)) {
        DIR *dir = opendir(name);

        if (!dir)
            return sy_err_set(err, SY_ERR, "%s: %s", name, strerror(errno));
        status = folder_list(dir, path, arena, sources, ret_count, err);
        closedir(dir);
    } else {
        sources[0].file = path;
        *ret_count = 1;
    }
    for (size_t i = 0; i < *ret_count && status == SY_OK; i++)
        status = sy_file_read_kept(sources[i].file, (size_t)4 << 20, arena, &sources[i].text, err);
    return status;
}
