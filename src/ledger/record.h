/*
 * Journal records as bytes. Pure: packs and unpacks, checks lengths and checksums.
 */
#ifndef SY_LEDGER_RECORD_H
#define SY_LEDGER_RECORD_H

#include "ledger/ledger.h"

#define RECORD_HEAD 25u /* length, crc, generation, sequence, kind */
#define RECORD_MAX ((size_t)12 << 20)

struct sy_record {
    enum sy_record_kind kind;
    uint64_t generation;
    uint64_t sequence;
    struct sy_str payload;
};

/* Begins a record whose payload the caller appends to `out` next; returns where it stands. */
size_t sy_record_begin(struct sy_buf *out, enum sy_record_kind kind, uint64_t generation,
                       uint64_t sequence);
/* Ends the one that begins at `at`: its length and the checksum over all that follows. False, and
 * nothing of it stays, if it is larger than a record may be or `out` has failed. */
bool sy_record_end(struct sy_buf *out, size_t at);
/* Appends head and payload. */
void sy_record_append(struct sy_buf *out, const struct sy_record *record);
/* Reads one record off the front of `bytes`; SY_NOT_FOUND at the end or a torn or foreign tail. */
int sy_record_read(struct sy_str bytes, struct sy_record *ret_record, size_t *ret_size);

void sy_intent_pack(struct sy_buf *out, const struct sy_intent *intent);
/* Slices of the result borrow `payload`. False if malformed. */
bool sy_intent_unpack(struct sy_str payload, struct sy_intent *ret);
void sy_outcome_pack(struct sy_buf *out, const struct sy_outcome_record *outcome);
bool sy_outcome_unpack(struct sy_str payload, struct sy_outcome_record *ret);

#endif
