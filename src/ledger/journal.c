#include "ledger/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/encode.h"
#include "ledger/scan.h"

#define GROW_BYTES ((uint64_t)4 << 20)
#define LOOK_TRIES 4u

static const char magic[4] = {'S', 'Y', 'J', '2'};

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

/* The magic, the generation's checksum, the generation. */
static void head_append(struct sy_buf *out, uint64_t generation)
{
    struct sy_str bytes = sy_str_from((const char *)&generation, sizeof(generation));
    uint32_t crc = sy_crc32c(0, bytes);

    sy_buf_append(out, sy_str_from(magic, sizeof(magic)));
    sy_buf_append(out, sy_str_from((const char *)&crc, sizeof(crc)));
    sy_buf_append(out, bytes);
}

static bool head_read(int fd, uint64_t *ret_generation)
{
    char head[JOURNAL_HEAD];
    uint32_t crc;

    if (pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
        memcmp(head, magic, sizeof(magic)) != 0)
        return false;
    memcpy(&crc, head + sizeof(magic), sizeof(crc));
    memcpy(ret_generation, head + 8, sizeof(*ret_generation));
    return sy_crc32c(0, sy_str_from(head + 8, sizeof(*ret_generation))) == crc;
}

int sy_journal_open(struct sy_journal *journal, const char *path, struct sy_err *err)
{
    struct stat st;

    memset(journal, 0, sizeof(*journal));
    journal->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (journal->fd < 0)
        return sy_err_set(err, SY_UNAVAILABLE, "%s: %s", path, strerror(errno));
    journal->offset = JOURNAL_HEAD;
    if (!head_read(journal->fd, &journal->generation)) {
        journal->generation = 0;
        if (sy_journal_reset(journal, (struct sy_str){NULL, 0}) != SY_OK)
            return sy_err_set(err, SY_UNAVAILABLE, "%s: %s", path, strerror(errno));
    }
    if (fstat(journal->fd, &st) == 0)
        journal->allocated = (uint64_t)st.st_size;
    return SY_OK;
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

/* All after the head; {NULL,0} when there is nothing. False without memory or on an I/O error. */
static bool content_read(int fd, struct sy_str *ret)
{
    struct stat st;
    size_t len, got = 0;
    char *bytes;

    *ret = (struct sy_str){NULL, 0};
    if (fstat(fd, &st) != 0)
        return false;
    if (st.st_size <= (off_t)JOURNAL_HEAD)
        return true;
    len = (size_t)st.st_size - JOURNAL_HEAD;
    bytes = malloc(len);
    while (bytes && got < len) {
        ssize_t n = pread(fd, bytes + got, len - got, (off_t)(JOURNAL_HEAD + got));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(bytes);
            return false;
        }
        if (n == 0)
            break;
        got += (size_t)n;
    }
    *ret = (struct sy_str){bytes, bytes ? got : 0};
    return bytes != NULL;
}

int sy_journal_look(const char *path, struct sy_journal_copy *ret, struct sy_err *err)
{
    uint64_t after = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC), status = SY_OK;

    *ret = (struct sy_journal_copy){0};
    if (fd < 0 && errno == ENOENT)
        return SY_OK;
    if (fd < 0)
        return sy_err_set(err, SY_UNAVAILABLE, "%s: %s", path, strerror(errno));
    ret->present = true;
    /* A loop may begin the file anew while it is read; that takes 8 MiB of records each time. */
    for (unsigned tries = 0; tries < LOOK_TRIES; tries++) {
        free((void *)(uintptr_t)ret->content.ptr);
        ret->has_head = head_read(fd, &ret->generation);
        if (!content_read(fd, &ret->content)) {
            status = sy_err_set(err, SY_UNAVAILABLE, "%s: %s", path, strerror(errno));
            break;
        }
        if (head_read(fd, &after) == ret->has_head && (!ret->has_head || after == ret->generation))
            break;
    }
    if (!ret->has_head)
        ret->generation = sy_scan_generation(ret->content);
    close(fd);
    return status;
}

int sy_journal_clear(struct sy_journal *journal)
{
    if (ftruncate(journal->fd, 0) != 0)
        return SY_UNAVAILABLE;
    journal->allocated = 0;
    return sy_journal_reset(journal, (struct sy_str){NULL, 0});
}
