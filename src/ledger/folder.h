/*
 * Folders that must survive a power cut: a file that is synced is lost all the same while the entry
 * that names it is not.
 */
#ifndef SY_LEDGER_FOLDER_H
#define SY_LEDGER_FOLDER_H

#include "base/err.h"

/* Brings what was created, renamed or removed directly in `path` to the disk. Blocks. */
int sy_folder_sync(const char *path, struct sy_err *err);
/* The same for the folder that `path` stands in. */
int sy_folder_sync_above(const char *path, struct sy_err *err);

#endif
