/*
 * HTTP/1.1 requests from bytes: one reading only, refuse on doubt.
 *
 * Pure: no I/O, no allocation, no clock. The caller owns the buffer and calls again with more bytes
 * while the answer is SY_HTTP_MORE. A refusal is final: answer refusal.status and close.
 *
 * What is refused although RFC 9112 would let a recipient be kind: bare LF, obs-fold, white space
 * before a colon or around the request line, a length together with a transfer coding, repeated or
 * listed lengths, any transfer coding but exactly `chunked`, chunk extensions, trailers that are
 * framing fields, names with characters outside token, values with control bytes, absolute-form
 * whose authority is not Host, HTTP/1.0 with transfer codings, empty or repeated Host.
 */
#ifndef SY_HTTP_PARSER_H
#define SY_HTTP_PARSER_H

#include "base/str.h"

#define SY_HTTP_HEADERS_MAX 64

enum sy_http_verdict {
    SY_HTTP_DONE,
    SY_HTTP_MORE,   /* valid so far, give more bytes */
    SY_HTTP_REFUSE, /* see the refusal; the connection must be closed after the answer */
};

enum sy_http_method {
    SY_HTTP_GET,
    SY_HTTP_HEAD,
    SY_HTTP_POST,
    SY_HTTP_PUT,
    SY_HTTP_PATCH,
    SY_HTTP_DELETE,
    SY_HTTP_OPTIONS,
    SY_HTTP_OTHER, /* a valid token we do not know; answered 501 or 405 by the caller */
};

enum sy_http_framing { SY_HTTP_NO_BODY, SY_HTTP_LENGTH, SY_HTTP_CHUNKED };

struct sy_http_header {
    struct sy_str name;  /* as sent */
    struct sy_str value; /* without surrounding white space */
};

struct sy_http_limits {
    size_t head_bytes;   /* request line and fields together; default 32 KiB -> 431 (line: 414) */
    size_t target_bytes; /* default 8 KiB -> 414 */
    uint64_t body_bytes; /* announced length above it -> 413 */
};

/* A request's head; every slice points into the caller's buffer. */
struct sy_http_head {
    enum sy_http_method method;
    struct sy_str method_text;
    struct sy_str target; /* as sent */
    struct sy_str path;   /* from '/' to '?', still percent-encoded; "*" for OPTIONS */
    struct sy_str query;  /* after '?', absent without one */
    struct sy_str host;
    unsigned minor;       /* HTTP/1.minor: 0 or 1 */
    bool keep_alive;      /* the client allows another request */
    bool expect_continue;
    enum sy_http_framing framing;
    uint64_t content_length;
    unsigned header_count;
    struct sy_http_header headers[SY_HTTP_HEADERS_MAX];
};

struct sy_http_refusal {
    int status;        /* 400, 405, 413, 414, 417, 431, 501, 505 */
    const char *cause; /* stable snake_case word for logs and the problem document */
};

/*
 * Reads one request head from the start of `bytes` (at most one leading CRLF is skipped, RFC 9112
 * §2.2). DONE sets *ret_head and *ret_consumed (offset of the body). REFUSE sets *ret_refusal as
 * soon as no continuation could make the bytes acceptable. Reading in pieces gives the same verdict.
 */
enum sy_http_verdict sy_http_head_parse(struct sy_str bytes, const struct sy_http_limits *limits,
                                        struct sy_http_head *ret_head, size_t *ret_consumed,
                                        struct sy_http_refusal *ret_refusal);

/* The only value of a header, {NULL,0} if absent; a repeated name gives the first. */
struct sy_str sy_http_header_get(const struct sy_http_head *head, struct sy_str name);
unsigned sy_http_header_count(const struct sy_http_head *head, struct sy_str name);

/* Chunked body, incremental. Zero the struct before the first call. */
struct sy_http_chunked {
    int state;
    uint64_t left;  /* of the current chunk */
    uint64_t total; /* payload bytes so far */
    unsigned line;  /* bytes of the current size or trailer line */
    unsigned trailer_bytes;
};

/*
 * Takes as much of `bytes` as it can: sets *ret_consumed and *ret_data, a slice of `bytes` that is
 * payload (possibly empty; call again with the rest while MORE and something was consumed). DONE
 * when the last chunk and trailers were read. total above max_bytes -> REFUSE 413.
 */
enum sy_http_verdict sy_http_chunked_feed(struct sy_http_chunked *state, struct sy_str bytes,
                                          uint64_t max_bytes, size_t *ret_consumed,
                                          struct sy_str *ret_data,
                                          struct sy_http_refusal *ret_refusal);

#endif
