/*
 * One step of an adapter as one argument: what is asked, what has happened, what is known, and
 * where the answer goes. Also the small ways of answering every adapter needs.
 */
#ifndef SY_VENDORS_COMMON_TURN_H
#define SY_VENDORS_COMMON_TURN_H

#include "base/json.h"
#include "contract/vendor.h"

struct sy_turn {
    const struct sy_vendor *vendor;
    const struct sy_operation *what;
    const struct sy_event *event; /* NULL in start */
    const struct sy_facts *facts;
    struct sy_wish *wish;
};

/* Concatenates slices in the operation's arena. */
#define SY_JOIN(turn, ...)                                                                         \
    sy_arena_join((turn)->facts->mem, (const struct sy_str[]){__VA_ARGS__},                        \
                  sizeof((const struct sy_str[]){__VA_ARGS__}) / sizeof(struct sy_str))

/* A setting's value by its index in the vendor's table, or absent. */
struct sy_str sy_turn_setting(const struct sy_turn *t, unsigned index);

enum sy_step sy_turn_need(const struct sy_turn *t, enum sy_fact_kind kind, struct sy_str key,
                          uint64_t reject_generation);
/* The fact after a NEED for it: from the facts in hand, else from the event. NULL if neither. */
const struct sy_fact *sy_turn_fact(const struct sy_turn *t, enum sy_fact_kind kind,
                                   struct sy_str key);
/* A fact operation's answer. ttl_ms 0: not to be kept. */
enum sy_step sy_turn_value(const struct sy_turn *t, struct sy_str value, int64_t ttl_ms);
/* Detail may be absent: the cause's own text is used then. Nothing was applied. */
enum sy_step sy_turn_fail(const struct sy_turn *t, enum sy_code code, enum sy_cause cause,
                          struct sy_str detail);
enum sy_step sy_turn_fail_with(const struct sy_turn *t, const struct sy_failure *failure);
/* NET_FAILED and FACT_FAILED as they came, CANCELLED, and anything that must not be. */
enum sy_step sy_turn_fail_event(const struct sy_turn *t);

/*
 * What a vendor wrote, fit for `detail`: at most 400 bytes of it, and nothing at all if one of our
 * own secrets stands in it (some servers echo what they refuse).
 */
struct sy_str sy_turn_vendor_text(const struct sy_turn *t, struct sy_str text);
/* A vendor's JSON fit for `provider_body`: the slice, or absent under the same rule. */
struct sy_str sy_turn_vendor_json(const struct sy_turn *t, struct sy_json value);
/*
 * The last thing every resume does: takes out each part of a failure in which one of our own
 * secrets stands. Names, suggestions and places come from replies too, not only words.
 */
enum sy_step sy_turn_said(const struct sy_turn *t, enum sy_step step);

/* Lifetime of something that ends at `expires_at_ms`, less `margin_ms`; 0 if that has passed. */
int64_t sy_turn_ttl(const struct sy_turn *t, int64_t expires_at_ms, int64_t margin_ms);
/* Retry-After of the reply: seconds or an HTTP date, within an hour; anything else is 0. */
int64_t sy_turn_retry_after_ms(const struct sy_turn *t);

#endif
