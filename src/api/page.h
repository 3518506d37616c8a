/*
 * Cursors: where a list goes on, opaque to callers. Pure.
 */
#ifndef SY_API_PAGE_H
#define SY_API_PAGE_H

#include "base/arena.h"

#define API_LIMIT_DEFAULT 50u
#define API_LIMIT_MAX 200u

/* The cursor of a position; absent without memory. */
struct sy_str api_cursor_make(struct sy_str position, struct sy_arena *arena);
/* The position of a cursor we made; false for anything else. */
bool api_cursor_read(struct sy_str cursor, struct sy_arena *arena, struct sy_str *ret_position);

#endif
