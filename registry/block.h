/*
 * Ledger blocks: many rows in one blob, a Bloom filter that says which blocks are worth opening,
 * and what a query asks of a row. Shared by the backends; pure.
 *
 * An encoded row is u32 length of the id, u32 of the tenant, u32 of the JSON, i64 time (little
 * endian), then the three texts. Blocks join by concatenation.
 */
#ifndef SY_REGISTRY_BLOCK_H
#define SY_REGISTRY_BLOCK_H

#include "base/buf.h"
#include "contract/store.h"

#define SY_BLOCK_ROWS_MAX 1000u
#define SY_BLOCK_BYTES_MAX (8u << 20)
#define SY_LEDGER_QUERY_MAX 1000u /* rows of one answer */
#define SY_LEDGER_QUERY_DEFAULT 50u

void sy_block_add(struct sy_buf *out, const struct sy_ledger_row *row);
size_t sy_block_row_size(const struct sy_ledger_row *row);
/* Takes the next row off `*rest`; its slices point into it. False at the end, or where the rest is
 * damaged (then rest->len is not 0). */
bool sy_block_next(struct sy_str *rest, struct sy_ledger_row *ret_row);

/* 16 bits a row: an id that is not there is reported as there in about 1 of 400 blocks. */
size_t sy_filter_size(size_t rows);
void sy_filter_add(unsigned char *filter, size_t size, struct sy_str word);
bool sy_filter_has(const unsigned char *filter, size_t size, struct sy_str word);

bool sy_ledger_matches(const struct sy_ledger_row *row, const struct sy_ledger_query *query);

/* The newest rows seen so far, newest first, at most `limit` of them. */
struct sy_ledger_top {
    struct sy_ledger_row *rows; /* room for limit + 1 */
    size_t count;
    size_t limit;
};
int sy_ledger_top_init(struct sy_ledger_top *top, struct sy_arena *arena, unsigned limit);
/* Keeps the row (as slices) if it is among the newest. */
void sy_ledger_top_add(struct sy_ledger_top *top, const struct sy_ledger_row *row);
bool sy_ledger_top_full(const struct sy_ledger_top *top);
/* Copies those rows that point into `block` into the arena. */
int sy_ledger_top_keep(struct sy_ledger_top *top, struct sy_str block, struct sy_arena *arena);

#endif
