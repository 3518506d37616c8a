/*
 * What journals on disk hold, brought into a store: at a start, and for a backup's copy.
 */
#ifndef SY_LEDGER_RECOVER_H
#define SY_LEDGER_RECOVER_H

#include "contract/store.h"
#include "ledger/journal.h"
#include "ledger/scan.h"

#define LEDGER_LOOPS_MAX 64

/* One loop's two files as they were looked at. */
struct sy_halves {
    struct sy_journal_copy copies[2];
    struct sy_journal_damage damage[2];
};

/* Path of file `half` (0 or 1) of loop `index`, malloc'ed. */
char *sy_ledger_path(const char *directory, unsigned index, unsigned half);
/* Reads without changing anything; free the result whatever the status. A missing file is none. */
int sy_halves_look(const char *directory, unsigned index, struct sy_halves *halves,
                   struct sy_err *err);
void sy_halves_free(struct sy_halves *halves);
/* Fills `damage` alone. */
void sy_halves_scan(struct sy_halves *halves);
/* Rows and kept answers go into the store (again, if it has them), a call that began and of which
 * neither files nor store know the end becomes a row `unknown`, and its key is pinned. Fills
 * `damage`; adds to `*lost`. */
int sy_halves_store(struct sy_halves *halves, struct sy_store *store, unsigned *lost,
                    struct sy_err *err);
/* One sentence for people: which file, where, how much. */
void sy_journal_damage_text(struct sy_buf *out, unsigned index, unsigned half,
                            const struct sy_journal_damage *damage);

#endif
