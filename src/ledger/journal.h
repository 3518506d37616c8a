/*
 * One journal file: fixed place for a generation, then records. Written by one loop, read at start.
 */
#ifndef SY_LEDGER_JOURNAL_H
#define SY_LEDGER_JOURNAL_H

#include "base/err.h"
#include "base/str.h"

#define JOURNAL_HEAD 16u

struct sy_journal {
    int fd;
    uint64_t generation;
    uint64_t offset;    /* where the next group goes */
    uint64_t allocated; /* bytes the file system has promised */
};

/* Opens or creates, 0600; reads the generation. The content stays, but a file whose head is damaged
 * begins anew: look at it first. */
int sy_journal_open(struct sy_journal *journal, const char *path, struct sy_err *err);
void sy_journal_close(struct sy_journal *journal);
/* Begins anew under the next generation with `carried` records at its front, in one write: what was
 * in the file no longer counts. */
int sy_journal_reset(struct sy_journal *journal, struct sy_str carried);
/* Makes sure that `bytes` more can be written; false on a full disk. */
bool sy_journal_make_room(struct sy_journal *journal, uint64_t bytes);
/* One pwrite of a whole group; false leaves the offset where it was. */
bool sy_journal_write(struct sy_journal *journal, struct sy_str group);
/* Begins anew and empty: no byte of an earlier generation stays in the file. */
int sy_journal_clear(struct sy_journal *journal);

/* What stands in a journal file, read without changing it. */
struct sy_journal_copy {
    bool present;
    bool has_head; /* else `generation` is that of the newest record found, 0 without any */
    uint64_t generation;
    struct sy_str content; /* after the head; malloc'ed, the caller frees it */
};
/* SY_OK and not `present` if there is no such file. A gateway may be writing it. */
int sy_journal_look(const char *path, struct sy_journal_copy *ret, struct sy_err *err);

#endif
