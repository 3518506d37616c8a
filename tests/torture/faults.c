/*
 * The n-th allocation, or the n-th system call, fails: linked around the program (--wrap), and put
 * under libcurl and SQLite by their own hooks.
 *
 * SY_TORTURE names a file of 64 bytes that a test shares: struct control. Calls are counted from
 * the start; the test reads the count, sets `fail_at` beyond it, and clears it again. Without the
 * variable nothing fails. SY_TORTURE_TRACE prints where each first failure struck.
 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum kind { ALLOCATION, SYSTEM_CALL, KINDS };

struct control {
    _Atomic uint32_t count[KINDS];
    _Atomic uint32_t fail_at[KINDS]; /* 0: none */
    _Atomic uint32_t for_good;
    _Atomic uint32_t struck;
    _Atomic uint32_t call; /* of the first failure: its place in `names`, for reports */
};

static struct control idle, *control = &idle;

static const struct {
    const char *name;
    int error;
} calls[] = {
    {"", 0},
    {"malloc", ENOMEM},
    {"calloc", ENOMEM},
    {"realloc", ENOMEM},
    {"aligned_alloc", ENOMEM},
    {"curl malloc", ENOMEM},
    {"sqlite malloc", ENOMEM},
#define CALL(id, error) {#id, error},
#include "calls.def"
#undef CALL
};

enum {
    CALL_NONE,
    CALL_MALLOC,
    CALL_CALLOC,
    CALL_REALLOC,
    CALL_ALIGNED,
    CALL_CURL,
    CALL_SQLITE,
#define CALL(id, error) CALL_##id,
#include "calls.def"
#undef CALL
};

void __sanitizer_print_stack_trace(void) __attribute__((weak));

/* Memory is gone for everybody; of the system calls only the one that failed goes on failing, as on
 * a full disk or without descriptors. */
static bool goes_on(enum kind kind, uint32_t call)
{
    return atomic_load(&control->for_good) && atomic_load(&control->struck) &&
           (kind == ALLOCATION || atomic_load(&control->call) == call);
}

static bool fails(enum kind kind, uint32_t call)
{
    uint32_t at = atomic_fetch_add(&control->count[kind], 1) + 1;
    uint32_t fail_at = atomic_load(&control->fail_at[kind]);

    if (!fail_at || at < fail_at || (at > fail_at && !goes_on(kind, call)))
        return false;
    if (at == fail_at) {
        atomic_store(&control->call, call);
        if (getenv("SY_TORTURE_TRACE") && __sanitizer_print_stack_trace)
            __sanitizer_print_stack_trace();
    }
    atomic_fetch_add(&control->struck, 1);
    errno = calls[call].error;
    return true;
}

#define FAILS(id) fails(SYSTEM_CALL, CALL_##id)

/* ---- memory ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails(ALLOCATION, CALL_MALLOC) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails(ALLOCATION, CALL_CALLOC) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return fails(ALLOCATION, CALL_REALLOC) ? NULL : __real_realloc(ptr, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    return fails(ALLOCATION, CALL_ALIGNED) ? NULL : __real_aligned_alloc(align, size);
}

/* ---- libcurl's memory ---- */

static void *curl_malloc(size_t size)
{
    return fails(ALLOCATION, CALL_CURL) ? NULL : __real_malloc(size);
}

static void *curl_calloc(size_t count, size_t size)
{
    return fails(ALLOCATION, CALL_CURL) ? NULL : __real_calloc(count, size);
}

static void *curl_realloc(void *ptr, size_t size)
{
    return fails(ALLOCATION, CALL_CURL) ? NULL : __real_realloc(ptr, size);
}

static char *curl_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = curl_malloc(size);

    return copy ? memcpy(copy, text, size) : NULL;
}

CURLcode __wrap_curl_global_init(long flags);

CURLcode __wrap_curl_global_init(long flags)
{
    return curl_global_init_mem(flags, curl_malloc, free, curl_realloc, curl_strdup, curl_calloc);
}

/* ---- SQLite's memory and files ---- */

static sqlite3_mem_methods sqlite_memory;

static void *sqlite_malloc(int size)
{
    return fails(ALLOCATION, CALL_SQLITE) ? NULL : sqlite_memory.xMalloc(size);
}

static void *sqlite_realloc(void *ptr, int size)
{
    return fails(ALLOCATION, CALL_SQLITE) ? NULL : sqlite_memory.xRealloc(ptr, size);
}

static ssize_t sqlite_pread(int fd, void *to, size_t size, off_t at)
{
    return FAILS(sqlite_pread) ? -1 : pread(fd, to, size, at);
}

static ssize_t sqlite_pwrite(int fd, const void *from, size_t size, off_t at)
{
    return FAILS(sqlite_pwrite) ? -1 : pwrite(fd, from, size, at);
}

static int sqlite_open(const char *path, int flags, int mode)
{
    return FAILS(sqlite_open) ? -1 : open(path, flags, (mode_t)mode);
}

static int sqlite_ftruncate(int fd, off_t size)
{
    return FAILS(sqlite_ftruncate) ? -1 : ftruncate(fd, size);
}

static void *sqlite_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    return FAILS(sqlite_mmap) ? MAP_FAILED : mmap(at, size, protection, flags, fd, offset);
}

static void under_sqlite(void)
{
    static const struct {
        const char *name;
        sqlite3_syscall_ptr fn;
    } table[] = {
        {"pread", (sqlite3_syscall_ptr)sqlite_pread},
        {"pread64", (sqlite3_syscall_ptr)sqlite_pread},
        {"pwrite", (sqlite3_syscall_ptr)sqlite_pwrite},
        {"pwrite64", (sqlite3_syscall_ptr)sqlite_pwrite},
        {"open", (sqlite3_syscall_ptr)sqlite_open},
        {"ftruncate", (sqlite3_syscall_ptr)sqlite_ftruncate},
        {"mmap", (sqlite3_syscall_ptr)sqlite_mmap},
    };
    sqlite3_mem_methods methods;
    sqlite3_vfs *vfs;

    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory);
    methods = sqlite_memory;
    methods.xMalloc = sqlite_malloc;
    methods.xRealloc = sqlite_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    sqlite3_initialize();
    vfs = sqlite3_vfs_find(NULL);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        vfs->xSetSystemCall(vfs, table[i].name, table[i].fn);
}

__attribute__((constructor)) static void share(void)
{
    const char *path = getenv("SY_TORTURE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (control == MAP_FAILED)
        abort();
    close(fd);
    under_sqlite();
}

/* ---- system calls ---- */

#define WRAP(type, name, parameters, arguments, refusal)                                           \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return FAILS(name) ? (refusal) : __real_##name arguments;                                  \
    }

WRAP(ssize_t, read, (int fd, void *to, size_t size), (fd, to, size), -1)
WRAP(ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size), -1)
WRAP(ssize_t, pread, (int fd, void *to, size_t size, off_t at), (fd, to, size, at), -1)
WRAP(ssize_t, pwrite, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at), -1)
WRAP(ssize_t, recv, (int fd, void *to, size_t size, int flags), (fd, to, size, flags), -1)
WRAP(ssize_t, send, (int fd, const void *from, size_t size, int flags), (fd, from, size, flags), -1)
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags), -1)
WRAP(int, socket, (int family, int type, int protocol), (family, type, protocol), -1)
WRAP(int, accept4, (int fd, struct sockaddr *address, socklen_t *len, int flags),
     (fd, address, len, flags), -1)
WRAP(int, epoll_ctl, (int ep, int op, int fd, struct epoll_event *event), (ep, op, fd, event), -1)
WRAP(int, epoll_wait, (int ep, struct epoll_event *events, int max, int ms), (ep, events, max, ms),
     -1)
WRAP(int, fsync, (int fd), (fd), -1)
WRAP(int, fdatasync, (int fd), (fd), -1)
WRAP(int, ftruncate, (int fd, off_t size), (fd, size), -1)
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *ctx),
     (thread, attributes, fn, ctx), EAGAIN)
WRAP(int, posix_fallocate, (int fd, off_t at, off_t size), (fd, at, size), ENOSPC)
WRAP(int, getaddrinfo,
     (const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret),
     (name, service, hints, ret), EAI_MEMORY)
