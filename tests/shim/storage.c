/*
 * A disk that can be watched, broken and cut off: preloaded into a gateway by the durability tests.
 *
 * SY_SHIM_ROOT     folder whose files are meant; nothing else is touched
 * SY_SHIM_CONTROL  a file of 64 bytes, shared with the test: struct control
 * SY_SHIM_IMAGE    folder that gets what a power cut would leave: the content of each file at its
 *                  last fsync ("ino-N"), the names of each folder at its last fsync ("dir-N"), and
 *                  files that were removed since ("limbo-N", which also keeps their numbers from
 *                  being used again). Must be on the same file system as the root. With it no fsync
 *                  reaches the real disk.
 *
 * Every call that changes something below the root has a number (in the places that count). At
 * number `kill_at` the process dies: half of what it was about to write is written first.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum op {
    OP_CREATE = 1,
    OP_WRITE = 2,
    OP_TRUNCATE = 4,
    OP_ALLOCATE = 8,
    OP_SYNC = 16,
    OP_UNLINK = 32,
    OP_RENAME = 64, /* and link */
    OP_MKDIR = 128,
};
enum place { PLACE_DATABASE = 1, PLACE_LOG = 2, PLACE_JOURNAL = 4, PLACE_OTHER = 8 };
enum verdict { GO, FAIL, DIE };

struct control {
    _Atomic uint32_t count;
    _Atomic uint32_t kill_at; /* 0: never */
    _Atomic uint32_t fail_ops;
    _Atomic uint32_t fail_places;
    _Atomic uint32_t fail_errno;
    _Atomic uint32_t failed;
    _Atomic uint32_t sync_us;      /* how long each sync takes on top */
    _Atomic uint32_t count_places; /* those with numbers; 0: all */
};

#define PATH_SIZE 4400
#define FDS 65536

static struct {
    struct control *control;
    char root[4096];
    char image[4096];
    size_t root_len;
    unsigned char fd_place[FDS]; /* 0: not looked at; 255: not below the root */
} shim;

#define REAL(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

static int place_of(const char *path)
{
    const char *name = strrchr(path, '/');

    if (!shim.root_len || strncmp(path, shim.root, shim.root_len) != 0 ||
        (path[shim.root_len] && path[shim.root_len] != '/'))
        return 0;
    name = name ? name + 1 : path;
    if (strncmp(name, "journal-", 8) == 0)
        return PLACE_JOURNAL;
    if (strstr(name, ".db-"))
        return PLACE_LOG;
    return strstr(name, ".db") && !strstr(name, ".lock") ? PLACE_DATABASE : PLACE_OTHER;
}

/* The place of a path that may be relative to the working folder. */
static int place_at(const char *path)
{
    char whole[PATH_SIZE], folder[2048];

    if (path[0] == '/')
        return place_of(path);
    if (!getcwd(folder, sizeof(folder)))
        return 0;
    snprintf(whole, sizeof(whole), "%s/%s", folder, path);
    return place_of(whole);
}

static bool fd_path(int fd, char path[PATH_SIZE])
{
    char link[64];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, PATH_SIZE - 1);
    path[len > 0 ? len : 0] = 0;
    return len > 0;
}

static int fd_place(int fd)
{
    char path[PATH_SIZE];

    if (fd < 0 || fd >= FDS || !shim.root_len)
        return 0;
    if (!shim.fd_place[fd]) {
        int place = fd_path(fd, path) ? place_of(path) : 0;

        shim.fd_place[fd] = (unsigned char)(place ? place : 255);
    }
    return shim.fd_place[fd] == 255 ? 0 : shim.fd_place[fd];
}

static void die(void)
{
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;)
        pause();
}

static enum verdict enter(enum op op, int place)
{
    struct control *control = shim.control;
    uint32_t number;

    if (!place || !control)
        return GO;
    number = atomic_load(&control->count_places);
    if (!number || (number & (unsigned)place)) {
        number = atomic_fetch_add(&control->count, 1) + 1;
        if (number == atomic_load(&control->kill_at))
            return DIE;
    }
    if ((atomic_load(&control->fail_ops) & op) &&
        (atomic_load(&control->fail_places) & (unsigned)place)) {
        atomic_fetch_add(&control->failed, 1);
        errno = (int)atomic_load(&control->fail_errno);
        return FAIL;
    }
    return GO;
}

/* ---- what a power cut leaves ---- */

#define FILES 256
#define RANGES 1024

/* What was written to a file since its last sync. A sync that a kill cuts off has brought some of
 * it to the disk, in any order, so the image is written in place. */
struct dirty {
    ino_t ino;
    bool whole;
    unsigned count;
    struct {
        off_t at;
        off_t end;
    } ranges[RANGES];
};

static struct dirty dirty[FILES];
static pthread_mutex_t dirty_lock = PTHREAD_MUTEX_INITIALIZER;

/* Under the lock. A file that is met for the first time is dirty as a whole. */
static struct dirty *dirty_of(ino_t ino)
{
    size_t i = 0;

    while (i < FILES - 1 && dirty[i].ino && dirty[i].ino != ino)
        i++;
    if (dirty[i].ino != ino) {
        dirty[i].ino = ino;
        dirty[i].whole = true;
    }
    return &dirty[i];
}

/* After the write: a sync that runs meanwhile need not have it. `len` < 0: who knows what. */
static void dirty_note(int fd, off_t at, ssize_t len)
{
    struct dirty *file;
    struct stat st;

    if (!shim.image[0] || !fd_place(fd) || fstat(fd, &st) != 0)
        return;
    pthread_mutex_lock(&dirty_lock);
    file = dirty_of(st.st_ino);
    if (len < 0 || file->count == RANGES) {
        file->whole = true;
    } else if (file->count && file->ranges[file->count - 1].end == at) {
        file->ranges[file->count - 1].end = at + len;
    } else {
        file->ranges[file->count].at = at;
        file->ranges[file->count++].end = at + len;
    }
    pthread_mutex_unlock(&dirty_lock);
}

static bool copy_range(int from, int to, off_t at, off_t end)
{
    char buffer[65536];

    while (at < end) {
        size_t want = end - at < (off_t)sizeof(buffer) ? (size_t)(end - at) : sizeof(buffer);
        ssize_t n = pread(from, buffer, want, at);

        if (n <= 0 || REAL(pwrite)(to, buffer, (size_t)n, at) != n)
            return false;
        at += n;
    }
    return true;
}

/* Holes stay holes: a journal is mostly room that was promised and not written. In place, for a kill
 * may come in between: what was on the disk before is not to be lost by that. */
static void copy_data(int from, int to, off_t size)
{
    off_t at = 0;

    while (at < size) {
        off_t data = lseek(from, at, SEEK_DATA), end;

        if (data < 0 || data > size)
            data = size;
        if (data > at)
            (void)REAL(fallocate)(to, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, data - at);
        end = data < size ? lseek(from, data, SEEK_HOLE) : size;
        if (!copy_range(from, to, data, end < size ? end : size))
            return;
        at = end;
    }
}

static void image_file(int fd, const struct stat *st)
{
    char name[PATH_SIZE], again[64];
    struct dirty *file;
    int from, to;

    snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
    snprintf(name, sizeof(name), "%s/ino-%llu", shim.image, (unsigned long long)st->st_ino);
    from = REAL(open)(again, O_RDONLY | O_CLOEXEC);
    to = REAL(open)(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    pthread_mutex_lock(&dirty_lock);
    file = dirty_of(st->st_ino);
    if (from >= 0 && to >= 0) {
        if (file->whole)
            copy_data(from, to, st->st_size);
        for (unsigned i = 0; i < file->count && !file->whole; i++)
            (void)copy_range(from, to, file->ranges[i].at, file->ranges[i].end);
        (void)REAL(ftruncate)(to, st->st_size);
        file->whole = false;
        file->count = 0;
    }
    pthread_mutex_unlock(&dirty_lock);
    if (from >= 0)
        REAL(close)(from);
    if (to >= 0)
        REAL(close)(to);
}

static void image_folder(int fd, const struct stat *st)
{
    char name[PATH_SIZE], temporary[PATH_SIZE], path[PATH_SIZE];
    struct dirent *entry;
    FILE *out;
    DIR *dir;

    if (!fd_path(fd, path) || !(dir = opendir(path)))
        return;
    snprintf(name, sizeof(name), "%s/dir-%llu", shim.image, (unsigned long long)st->st_ino);
    snprintf(temporary, sizeof(temporary), "%s/newdir-%llu-%ld", shim.image,
             (unsigned long long)st->st_ino, syscall(SYS_gettid));
    out = fopen(temporary, "we");
    while (out && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            fprintf(out, "%llu %s\n", (unsigned long long)entry->d_ino, entry->d_name);
    if (out && fclose(out) == 0)
        (void)REAL(rename)(temporary, name);
    closedir(dir);
}

static int image_sync(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return -1;
    if (S_ISDIR(st.st_mode))
        image_folder(fd, &st);
    else
        image_file(fd, &st);
    return 0;
}

static void image_keep_removed(const char *path)
{
    char name[PATH_SIZE];
    struct stat st;

    if (!shim.image[0] || lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return;
    snprintf(name, sizeof(name), "%s/limbo-%llu", shim.image, (unsigned long long)st.st_ino);
    (void)REAL(link)(path, name);
}

/* What was there before the process began has been on the disk for long. */
static int image_begin_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    int fd = kind == FTW_F || kind == FTW_D ? REAL(open)(path, O_RDONLY | O_CLOEXEC) : -1;

    (void)st;
    (void)at;
    if (fd >= 0) {
        (void)image_sync(fd);
        REAL(close)(fd);
    }
    return 0;
}

__attribute__((constructor)) static void shim_begin(void)
{
    const char *root = getenv("SY_SHIM_ROOT"), *control = getenv("SY_SHIM_CONTROL");
    const char *image = getenv("SY_SHIM_IMAGE");
    int fd;

    if (!root || strlen(root) >= sizeof(shim.root))
        return;
    if (control && (fd = REAL(open)(control, O_RDWR | O_CLOEXEC)) >= 0) {
        void *page = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

        shim.control = page != MAP_FAILED ? page : NULL;
        REAL(close)(fd);
    }
    memcpy(shim.root, root, strlen(root));
    if (image && strlen(image) < sizeof(shim.image)) {
        memcpy(shim.image, image, strlen(image));
        (void)nftw(root, image_begin_one, 16, FTW_PHYS);
    }
    shim.root_len = strlen(root);
}

/* ---- the calls ---- */

static int open_any(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode)
{
    bool creates = (flags & O_CREAT) && faccessat(AT_FDCWD, path, F_OK, 0) != 0;
    enum verdict verdict = creates ? enter(OP_CREATE, place_at(path)) : GO;
    int fd;

    if (verdict == FAIL)
        return -1;
    if (verdict == DIE)
        die();
    fd = real(path, flags, mode);
    if (fd >= 0 && fd < FDS)
        shim.fd_place[fd] = 0;
    return fd;
}

#define MODE_OF(flags, mode)                                                                       \
    do {                                                                                           \
        if ((flags) & (O_CREAT | O_TMPFILE)) {                                                     \
            va_list list;                                                                          \
            va_start(list, flags);                                                                 \
            (mode) = va_arg(list, mode_t);                                                         \
            va_end(list);                                                                          \
        }                                                                                          \
    } while (0)

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;

    MODE_OF(flags, mode);
    return open_any(REAL(open), path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    mode_t mode = 0;

    MODE_OF(flags, mode);
    return open_any(REAL(open64), path, flags, mode);
}

int close(int fd)
{
    if (fd >= 0 && fd < FDS)
        shim.fd_place[fd] = 0;
    return REAL(close)(fd);
}

static ssize_t write_half(int fd, const void *bytes, size_t len, off_t at)
{
    (void)REAL(pwrite)(fd, bytes, len / 2, at);
    die();
    return -1;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    enum verdict verdict = enter(OP_WRITE, fd_place(fd));
    ssize_t done;

    if (verdict == FAIL)
        return -1;
    if (verdict == DIE)
        return write_half(fd, bytes, len, lseek(fd, 0, SEEK_CUR));
    done = REAL(write)(fd, bytes, len);
    dirty_note(fd, 0, -1);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    enum verdict verdict = enter(OP_WRITE, fd_place(fd));
    ssize_t done;

    if (verdict == FAIL)
        return -1;
    if (verdict == DIE)
        return write_half(fd, bytes, len, at);
    done = REAL(pwrite)(fd, bytes, len, at);
    dirty_note(fd, at, (ssize_t)len);
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    return pwrite(fd, bytes, len, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    enum verdict verdict = enter(OP_WRITE, fd_place(fd));
    ssize_t done;

    if (verdict == FAIL)
        return -1;
    if (verdict == DIE)
        return write_half(fd, parts[0].iov_base, parts[0].iov_len, at);
    done = REAL(pwritev)(fd, parts, count, at);
    dirty_note(fd, 0, -1);
    return done;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at)
{
    return pwritev(fd, parts, count, at);
}

/* A call without bytes: dies before it. */
static bool refused(enum op op, int place)
{
    enum verdict verdict = enter(op, place);

    if (verdict == DIE)
        die();
    return verdict == FAIL;
}

int ftruncate(int fd, off_t size)
{
    int done;

    if (refused(OP_TRUNCATE, fd_place(fd)))
        return -1;
    done = REAL(ftruncate)(fd, size);
    dirty_note(fd, 0, -1);
    return done;
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

int posix_fallocate(int fd, off_t at, off_t len)
{
    return refused(OP_ALLOCATE, fd_place(fd)) ? errno : REAL(posix_fallocate)(fd, at, len);
}

int posix_fallocate64(int fd, off64_t at, off64_t len)
{
    return posix_fallocate(fd, at, len);
}

int fallocate(int fd, int mode, off_t at, off_t len)
{
    return refused(OP_ALLOCATE, fd_place(fd)) ? -1 : REAL(fallocate)(fd, mode, at, len);
}

static int sync_any(int fd, int (*real)(int))
{
    int place = fd_place(fd);

    if (refused(OP_SYNC, place))
        return -1;
    if (place && shim.control && atomic_load(&shim.control->sync_us))
        usleep(atomic_load(&shim.control->sync_us));
    return place && shim.image[0] ? image_sync(fd) : real(fd);
}

int fsync(int fd)
{
    return sync_any(fd, REAL(fsync));
}

int fdatasync(int fd)
{
    return sync_any(fd, REAL(fdatasync));
}

int unlink(const char *path)
{
    int place = place_at(path);

    if (refused(OP_UNLINK, place))
        return -1;
    if (place)
        image_keep_removed(path);
    return REAL(unlink)(path);
}

int rename(const char *from, const char *to)
{
    int place = place_at(to);

    if (refused(OP_RENAME, place))
        return -1;
    if (place)
        image_keep_removed(to);
    return REAL(rename)(from, to);
}

int link(const char *from, const char *to)
{
    return refused(OP_RENAME, place_at(to)) ? -1 : REAL(link)(from, to);
}

int mkdir(const char *path, mode_t mode)
{
    return refused(OP_MKDIR, place_at(path)) ? -1 : REAL(mkdir)(path, mode);
}
