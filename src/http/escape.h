/*
 * Percent-decoding for paths and queries. Private to this folder.
 */
#ifndef SY_HTTP_ESCAPE_H
#define SY_HTTP_ESCAPE_H

#include "base/arena.h"
#include "base/err.h"

/*
 * Takes one decoded byte off *rest ('+' is a space when `form`). False at the end or, with
 * *ret_broken set, at an escape that is none.
 */
bool sy_http_escape_next(struct sy_str *rest, bool form, char *ret_byte, bool *ret_broken);
/* The whole text into `arena`: SY_OK, SY_INVALID (broken escape, NUL, not UTF-8), SY_NOMEM. */
int sy_http_unescape(struct sy_str text, bool form, struct sy_arena *arena,
                     struct sy_str *ret_text);

#endif
