/*
 * Cells of a Markdown table: what must be escaped so that any text survives, and back.
 */
#ifndef SY_REGISTRY_MARKDOWN_H
#define SY_REGISTRY_MARKDOWN_H

#include "base/arena.h"
#include "base/buf.h"

/*
 * Written: '\' before '\', '|', a backtick, "<br" and "&#"; a newline as <br>; white space at
 * either end as a character reference.
 */
void sy_markdown_cell(struct sy_buf *out, struct sy_str text);
/* Read: the above, '\' before any ASCII punctuation, and a cell that is one code span. */
struct sy_str sy_markdown_text(struct sy_arena *arena, struct sy_str cell);
/* Takes the next cell off a table's line (after its first '|'); trimmed, still escaped. False at
 * the end of the line. */
bool sy_markdown_next(struct sy_str *line, struct sy_str *ret_cell);

#endif
