/*
 * Reading a journal's content: its whole records in order, and what lies between them that is none.
 * Pure. A record counts when its checksum, its generation and its place in the order are right;
 * bytes that are no such record are stepped over if one comes after them, and counted.
 */
#ifndef SY_LEDGER_SCAN_H
#define SY_LEDGER_SCAN_H

#include "ledger/record.h"

struct sy_journal_damage {
    unsigned heads;    /* files whose first bytes do not say which generation is valid */
    unsigned places;   /* stretches without a whole record that others follow */
    unsigned torn;     /* files that end in the beginning of a record: a write that was cut off */
    uint64_t records;  /* missing at `places`, by the numbers around them */
    uint64_t bytes;    /* in them */
    uint64_t first_at; /* offset of the first such stretch or torn record in its file */
};

struct sy_scan {
    struct sy_str content; /* after the file's head */
    uint64_t generation;
    uint64_t last; /* sequence of the record before */
    size_t at;
    struct sy_journal_damage damage;
};

void sy_scan_init(struct sy_scan *scan, struct sy_str content, uint64_t generation);
/* The next record, whose payload borrows the content; false at the end. */
bool sy_scan_next(struct sy_scan *scan, struct sy_record *ret);
/* The newest generation of any whole record, for a file whose head is damaged; 0: there is none. */
uint64_t sy_scan_generation(struct sy_str content);
bool sy_journal_is_damaged(const struct sy_journal_damage *damage);
void sy_journal_damage_add(struct sy_journal_damage *total, const struct sy_journal_damage *more);

#endif
