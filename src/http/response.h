/*
 * HTTP/1.1 responses to bytes, and query strings from bytes. Pure.
 */
#ifndef SY_HTTP_RESPONSE_H
#define SY_HTTP_RESPONSE_H

#include "base/buf.h"
#include "http/parser.h"

/* "Not Found" for 404; "Unknown" otherwise. Static text. */
const char *sy_http_reason(int status);

/*
 * Appends a response head. Content-Length is always written (body_len) except for 1xx, 204 and 304.
 * `headers` may not contain framing fields. A name or value with control bytes makes the buffer
 * fail rather than split the response. `close` adds Connection: close. `date` is an IMF-fixdate.
 */
void sy_http_write_head(struct sy_buf *out, int status, const struct sy_http_header *headers,
                        size_t header_count, size_t body_len, bool close, struct sy_str date);
/* "Sun, 06 Nov 1994 08:49:37 GMT" into out (32 bytes). Pure. */
struct sy_str sy_http_date(int64_t unix_ms, char out[32]);

/*
 * First value of `name` in a query string, percent- and plus-decoded into `arena`. Answers SY_OK,
 * SY_NOT_FOUND, SY_INVALID (broken escape, bad UTF-8 or NUL in that value), SY_NOMEM.
 */
int sy_http_query_get(struct sy_str query, struct sy_str name, struct sy_arena *arena,
                      struct sy_str *ret_value);
/*
 * Walks name=value pairs, decoded; false at the end. *ret_bad is set (never cleared) on a pair that
 * is broken or for which there is no memory; its name and value are absent then.
 */
bool sy_http_query_next(struct sy_str *rest, struct sy_arena *arena, struct sy_str *ret_name,
                        struct sy_str *ret_value, bool *ret_bad);
/*
 * Splits a path into at most `max` decoded segments. SY_INVALID for broken escapes, '/' or NUL or
 * control bytes inside a decoded segment, empty segments, "." and "..", bad UTF-8. "/" has none.
 * SY_NOT_FOUND for more than `max`, SY_NOMEM. Segments live in `arena`.
 */
int sy_http_path_split(struct sy_str path, struct sy_arena *arena, struct sy_str *segments,
                       size_t max, size_t *ret_count);

#endif
