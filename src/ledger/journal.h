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

/* Opens or creates; reads the generation; the content stays for recovery. 0600. */
int sy_journal_open(struct sy_journal *journal, const char *path, struct sy_err *err);
bool sy_journal_exists(const char *path);
void sy_journal_close(struct sy_journal *journal);
/* Begins anew under the next generation with `carried` records at its front, in one write: what was
 * in the file no longer counts. */
int sy_journal_reset(struct sy_journal *journal, struct sy_str carried);
/* Makes sure that `bytes` more can be written; false on a full disk. */
bool sy_journal_make_room(struct sy_journal *journal, uint64_t bytes);
/* One pwrite of a whole group; false leaves the offset where it was. */
bool sy_journal_write(struct sy_journal *journal, struct sy_str group);
/* The whole content after the head, malloc'ed; {NULL,0} when empty or unreadable. */
struct sy_str sy_journal_read_all(const struct sy_journal *journal);

#endif
