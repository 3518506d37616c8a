/*
 * uthash, told not to end the process for want of memory: an element that found no room is simply
 * not in the table, which whoever adds it asks by SY_HASH_ADDED.
 */
#ifndef SY_BASE_HASH_H
#define SY_BASE_HASH_H

#include <stddef.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* After HASH_ADD…(hh, table, …, element): whether it is in. If not it is still the caller's. */
#define SY_HASH_ADDED(element) ((element)->hh.tbl != NULL)

#endif
