/*
 * Which of a vendor's tools resembles the one that was asked for: suggestions, and a rename where
 * the words are the same in another order.
 */
#ifndef SY_VENDORS_COMMON_NEAR_H
#define SY_VENDORS_COMMON_NEAR_H

#include "vendors/common/turn.h"

#define SY_NEAR_MAX 5

struct sy_near {
    struct sy_str wanted;
    struct sy_str names[SY_NEAR_MAX];
    unsigned scores[SY_NEAR_MAX];
    size_t count;
    struct sy_str same; /* the words of `wanted` but for order, case and little words */
    bool exact;         /* the very name was among them */
};

void sy_near_add(struct sy_near *near, struct sy_str name);
/* JSON array of names, best first; absent if there are none. */
struct sy_str sy_near_json(const struct sy_near *near, struct sy_arena *mem);
/* One sentence for people: renamed, or not there. */
struct sy_str sy_near_detail(const struct sy_near *near, const char *vendor, struct sy_arena *mem);
/* The action part of a tool's name ("FETCH_EMAILS" of GMAIL_FETCH_EMAILS) as words with spaces. */
struct sy_str sy_tool_words(struct sy_str tool, struct sy_str slug, struct sy_arena *mem);

#endif
