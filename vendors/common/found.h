/*
 * Collecting what a catalogue request found.
 */
#ifndef SY_VENDORS_COMMON_FOUND_H
#define SY_VENDORS_COMMON_FOUND_H

#include "vendors/common/turn.h"

#define SY_FOUND_MAX 500u

/* Part of the state of an operation that reads several pages. The array lives in the arena. */
struct sy_found_list {
    struct sy_found *items;
    size_t count;
    size_t room;
};

/* Keeps a copy of the struct; its slices must live in the arena or a reply. Beyond SY_FOUND_MAX
 * entries are left out. A slug already there is not added twice. */
void sy_found_add(struct sy_found_list *list, const struct sy_turn *t, struct sy_found found);
enum sy_step sy_found_done(const struct sy_found_list *list, const struct sy_turn *t);

/* A search text the vendors' catalogues are asked with: 3 to 100 bytes without control bytes. */
bool sy_search_text_ok(struct sy_str text);
/* Equal after dropping case, '-', '_' and spaces. */
bool sy_names_match(struct sy_str a, struct sy_str b);
/* `part` occurs in `text` after the same dropping. */
bool sy_name_contains(struct sy_str text, struct sy_str part);

/* Copies with ASCII letters changed; '\0' for `from` replaces nothing. */
struct sy_str sy_lower(struct sy_str text, char from, char to, struct sy_arena *mem);
struct sy_str sy_upper(struct sy_str text, char from, char to, struct sy_arena *mem);

/* {slug}_{action} in lower snake case: Scalekit's style and ours. */
struct sy_str sy_snake_tool_name(struct sy_str vendor_slug, struct sy_str action,
                                 struct sy_arena *mem);

#endif
