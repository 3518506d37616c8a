#include "cli/service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"

#define FIRST_FD 3
#define HIGH_FD 64 /* above what the child's descriptors are moved to */
#define COMMAND_LINE_MAX ((size_t)1 << 20)
#define PID_DIGITS 20

/* ---- taking ---- */

static int *place_of(struct sy_inherited *all, struct sy_str name)
{
    if (sy_str_eq(name, SY_STR(SY_FD_LOCK)))
        return &all->lock_fd;
    if (sy_str_eq(name, SY_STR(SY_FD_UPGRADE)))
        return &all->upgrade_fd;
    return sy_str_eq(name, SY_STR(SY_FD_ADMIN)) || all->listen_fd ? &all->admin_fd
                                                                  : &all->listen_fd;
}

static void take_one(struct sy_inherited *all, int fd, struct sy_str name)
{
    int *place = place_of(all, name);

    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (place == &all->listen_fd || place == &all->admin_fd)
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (*place)
        close(fd);
    else
        *place = fd;
}

static struct sy_str next_name(struct sy_str *rest)
{
    size_t end = sy_str_find_char(*rest, ':');
    struct sy_str name;

    end = end < rest->len ? end : rest->len;
    name = sy_str_head(*rest, end);
    *rest = sy_str_skip(*rest, end < rest->len ? end + 1 : end);
    return name;
}

static uint64_t number_in(const char *variable)
{
    const char *text = getenv(variable);
    uint64_t number = 0;

    return text && sy_str_to_u64(sy_str_of(text), &number) ? number : 0;
}

void sy_inherited_take(struct sy_inherited *ret)
{
    const char *listed = getenv("LISTEN_FDNAMES");
    struct sy_str names = sy_str_of(listed ? listed : "");
    uint64_t count = number_in("LISTEN_FDS");

    memset(ret, 0, sizeof(*ret));
    if (number_in("LISTEN_PID") == (uint64_t)getpid() && count <= SY_NAMED_FDS_MAX) {
        for (int fd = FIRST_FD; fd < FIRST_FD + (int)count; fd++)
            take_one(ret, fd, next_name(&names));
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

/* ---- starting again ---- */

struct start {
    char path[4096];
    struct sy_buf words; /* the command line, a NUL after each */
    struct sy_buf names;
    char **argv;
    char **envp;
    char count[32];
    char pid[16 + PID_DIGITS];
    int fds[SY_NAMED_FDS_MAX];
    size_t fd_count;
};

static bool read_command_line(struct sy_buf *out)
{
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;
    char *room;

    while (fd >= 0 && (room = sy_buf_reserve(out, 4096)) != NULL &&
           (got = read(fd, room, 4096)) > 0)
        sy_buf_grown(out, (size_t)got);
    if (fd >= 0)
        close(fd);
    return got == 0 && out->len > 0 && out->ptr[out->len - 1] == '\0';
}

static bool split_words(struct start *start)
{
    size_t count = 0, at = 0;

    for (size_t i = 0; i < start->words.len; i++)
        count += start->words.ptr[i] == '\0';
    start->argv = calloc(count + 1, sizeof(*start->argv));
    for (size_t i = 0; start->argv && i < count; i++) {
        start->argv[i] = start->words.ptr + at;
        at += strlen(start->argv[i]) + 1;
    }
    return start->argv != NULL;
}

/* The path as it was called, so that a link to a new version counts; a bare name was looked up by
 * whoever called it, then it is the path of the file that runs. */
static bool find_program(struct start *start)
{
    static const char gone[] = " (deleted)";
    ssize_t len;

    if (strchr(start->argv[0], '/'))
        return snprintf(start->path, sizeof(start->path), "%s", start->argv[0]) <
               (int)sizeof(start->path);
    len = readlink("/proc/self/exe", start->path, sizeof(start->path) - 1);
    if (len > (ssize_t)sizeof(gone) &&
        strcmp(start->path + len - (ssize_t)sizeof(gone) + 1, gone) == 0)
        start->path[len - (ssize_t)sizeof(gone) + 1] = '\0';
    return len > 0;
}

static bool make_environment(struct start *start)
{
    size_t count = 0, kept = 0;

    while (environ[count])
        count++;
    start->envp = calloc(count + 4, sizeof(*start->envp));
    if (!start->envp)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "LISTEN_", 7) != 0)
            start->envp[kept++] = environ[i];
    snprintf(start->count, sizeof(start->count), "LISTEN_FDS=%zu", start->fd_count);
    snprintf(start->pid, sizeof(start->pid), "LISTEN_PID=");
    start->envp[kept++] = start->count;
    start->envp[kept++] = start->pid;
    start->envp[kept] = start->names.ptr;
    return sy_buf_ok(&start->names);
}

/* Copies, out of the way of the numbers that the child will give them. */
static bool copy_fds(struct start *start, const struct sy_named_fd *fds, size_t count)
{
    sy_buf_append_z(&start->names, "LISTEN_FDNAMES=");
    for (size_t i = 0; i < count && start->fd_count < SY_NAMED_FDS_MAX; i++) {
        int fd;

        if (fds[i].fd < 0)
            continue;
        fd = fcntl(fds[i].fd, F_DUPFD_CLOEXEC, HIGH_FD);
        if (fd < 0)
            return false;
        if (start->fd_count)
            sy_buf_append_char(&start->names, ':');
        sy_buf_append_z(&start->names, fds[i].name);
        start->fds[start->fd_count++] = fd;
    }
    sy_buf_append_char(&start->names, '\0');
    return true;
}

/* After fork in a process with threads: nothing that takes a lock. */
_Noreturn static void become(struct start *start)
{
    char *at = start->pid + strlen(start->pid);
    char digits[PID_DIGITS];
    size_t count = 0;
    sigset_t none;

    for (long pid = (long)getpid(); pid > 0; pid /= 10)
        digits[count++] = (char)('0' + pid % 10);
    while (count > 0)
        *at++ = digits[--count];
    *at = '\0';
    for (size_t i = 0; i < start->fd_count; i++)
        if (dup2(start->fds[i], FIRST_FD + (int)i) < 0)
            _exit(127);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(start->path, start->argv, start->envp);
    _exit(127);
}

pid_t sy_service_start_again(const struct sy_named_fd *fds, size_t count)
{
    struct start start = {0};
    pid_t child = -1;
    int saved;

    sy_buf_init(&start.words, COMMAND_LINE_MAX);
    sy_buf_init(&start.names, 256);
    errno = ENOMEM;
    if (read_command_line(&start.words) && split_words(&start) && find_program(&start) &&
        copy_fds(&start, fds, count) && make_environment(&start))
        child = fork();
    if (child == 0)
        become(&start);
    saved = errno;
    for (size_t i = 0; i < start.fd_count; i++)
        close(start.fds[i]);
    free(start.argv);
    free(start.envp);
    sy_buf_release(&start.words);
    sy_buf_release(&start.names);
    errno = saved;
    return child;
}

/* ---- telling ---- */

void sy_service_notify(const char *state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path ? strlen(path) : 0;
    int fd;

    if (len < 2 || len >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(address.sun_path, path, len);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}

void sy_service_notify_ready(void)
{
    char text[64];

    snprintf(text, sizeof(text), "READY=1\nMAINPID=%ld", (long)getpid());
    sy_service_notify(text);
}
