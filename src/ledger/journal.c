#include "ledger/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define GROW_BYTES ((uint64_t)4 << 20)

static const char magic[8] = "SYJRNL1\n";

static bool write_all(int fd, const char *bytes, size_t len, uint64_t at)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, bytes, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return true;
}

static void head_append(struct sy_buf *out, uint64_t generation)
{
    sy_buf_append(out, sy_str_from(magic, sizeof(magic)));
    sy_buf_append(out, sy_str_from((const char *)&generation, sizeof(generation)));
}

int sy_journal_open(struct sy_journal *journal, const char *path, struct sy_err *err)
{
    char head[JOURNAL_HEAD];
    struct stat st;

    memset(journal, 0, sizeof(*journal));
    journal->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (journal->fd < 0)
        return sy_err_set(err, SY_UNAVAILABLE, "%s: %s", path, strerror(errno));
    journal->offset = JOURNAL_HEAD;
    if (pread(journal->fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
        memcmp(head, magic, sizeof(magic)) == 0) {
        memcpy(&journal->generation, head + sizeof(magic), sizeof(journal->generation));
    } else {
        journal->allocated = 0;
        if (sy_journal_reset(journal, (struct sy_str){NULL, 0}) != SY_OK)
            return sy_err_set(err, SY_UNAVAILABLE, "%s: %s", path, strerror(errno));
    }
    if (fstat(journal->fd, &st) == 0)
        journal->allocated = (uint64_t)st.st_size;
    return SY_OK;
}

bool sy_journal_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

void sy_journal_close(struct sy_journal *journal)
{
    if (journal->fd >= 0)
        close(journal->fd);
    journal->fd = -1;
}

int sy_journal_reset(struct sy_journal *journal, struct sy_str carried)
{
    struct sy_buf front;
    bool written;

    sy_buf_init(&front, JOURNAL_HEAD + carried.len);
    journal->generation++;
    head_append(&front, journal->generation);
    sy_buf_append(&front, carried);
    written = sy_buf_ok(&front) && write_all(journal->fd, front.ptr, front.len, 0);
    if (written)
        journal->offset = front.len;
    else
        journal->generation--;
    sy_buf_release(&front);
    return written ? SY_OK : SY_UNAVAILABLE;
}

bool sy_journal_make_room(struct sy_journal *journal, uint64_t bytes)
{
    uint64_t want = journal->offset + bytes;
    int failed;

    if (want <= journal->allocated)
        return true;
    want = (want + GROW_BYTES - 1) / GROW_BYTES * GROW_BYTES;
    do
        failed = posix_fallocate(journal->fd, (off_t)journal->allocated,
                                 (off_t)(want - journal->allocated));
    while (failed == EINTR);
    if (failed)
        return false;
    journal->allocated = want;
    return true;
}

bool sy_journal_write(struct sy_journal *journal, struct sy_str group)
{
    if (!write_all(journal->fd, group.ptr, group.len, journal->offset))
        return false;
    journal->offset += group.len;
    if (journal->offset > journal->allocated)
        journal->allocated = journal->offset;
    return true;
}

struct sy_str sy_journal_read_all(const struct sy_journal *journal)
{
    struct stat st;
    size_t len, got = 0;
    char *bytes;

    if (fstat(journal->fd, &st) != 0 || st.st_size <= (off_t)JOURNAL_HEAD)
        return (struct sy_str){NULL, 0};
    len = (size_t)st.st_size - JOURNAL_HEAD;
    bytes = malloc(len);
    while (bytes && got < len) {
        ssize_t n = pread(journal->fd, bytes + got, len - got, (off_t)(JOURNAL_HEAD + got));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    return (struct sy_str){bytes, bytes ? got : 0};
}
