/*
 * Reading replies: JSON or not, what belongs to the caller, and what a bare status means.
 */
#ifndef SY_VENDORS_COMMON_REPLY_H
#define SY_VENDORS_COMMON_REPLY_H

#include "vendors/common/turn.h"

bool sy_reply_ok(const struct sy_turn *t); /* 200 to 299 */
/* The body if it is one JSON object without two members of one name; nothing is answered if not. */
bool sy_reply_object(const struct sy_turn *t, struct sy_json *ret_root);
/* FAIL vendor_protocol: not JSON, or JSON of a shape the vendor does not promise. The request may
 * have done its work all the same. */
enum sy_step sy_reply_nonsense(const struct sy_turn *t, enum sy_cause cause);

/* The object's members but `skip`, raw, as an object; absent if there are none. */
struct sy_str sy_reply_others(const struct sy_turn *t, struct sy_json root, const char *skip);
/* True for null, absent, false, "", {} and []. */
bool sy_json_is_empty(struct sy_json value);
/* A string's text, or of an object the first of message, error, detail; absent otherwise. */
struct sy_str sy_json_words(const struct sy_turn *t, struct sy_json value);

/*
 * What a reply means by its status alone, where the vendor's own words said nothing:
 * 401 and 403 vendor_auth, 404 and 410 vendor_protocol, 408 and 504 vendor_timeout, 413
 * payload_too_large, 429 rate_limited by the vendor, other 5xx vendor_unavailable, 3xx
 * vendor_protocol, other 4xx invalid_arguments. `words` becomes the detail where it is safe.
 */
void sy_reply_failure(const struct sy_turn *t, struct sy_str words, struct sy_failure *ret_failure);
enum sy_step sy_reply_fail(const struct sy_turn *t, struct sy_str words);

/* JSON array of one {pointer, detail}; the pointer text is escaped as RFC 6901 asks. */
struct sy_str sy_errors_one(const struct sy_turn *t, struct sy_str member, struct sy_str detail);

/* The same for a list of texts without places. */
struct sy_str sy_errors_listed(const struct sy_turn *t, struct sy_json list);

/* True for an absolute http or https URL without spaces or control bytes: what a vendor may hand
 * to a browser. */
bool sy_url_is_web(struct sy_str url);

#endif
