/*
 * HTTP/1.1 requests from bytes: one reading only, refuse on doubt.
 *
 * Pure: no I/O, no allocation, no clock. The caller owns the buffer and calls again with more bytes
 * while the answer is SY_HTTP_MORE. A refusal is final: answer refusal.status and close.
 *
 * What is refused although RFC 9112 would let a recipient be kind: bare LF, obs-fold, white space
 * before a colon or around the request line, a length together with a transfer coding, repeated or
 * listed lengths, a length that a base-8 reader would take for another, codings not ending in one
 * `chunked`, trailers that are framing fields, names with characters outside token (and names that
 * are a framing field but for '_'), values with control bytes, absolute-form whose authority is not
 * Host, '#' in a path, HTTP/1.0 with transfer codings, empty or repeated Host, repeated
 * Content-Type, content of GET, HEAD or TRACE unless the connection ends with it, an upgrade to
 * anything but h2c, CONNECT, methods that nobody registered.
 *
 * What is read and never served: HTTP/0.9, RTSP and ICE requests (method OTHER) and bodies under
 * further codings (`coded`); the connection ends with them (keep_alive false), so nothing behind
 * them is read as a request.
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
    SY_HTTP_OTHER, /* registered but served by nobody here; answered 405 or 501 by the caller */
};

enum sy_http_framing { SY_HTTP_NO_BODY, SY_HTTP_LENGTH, SY_HTTP_CHUNKED };

struct sy_http_header {
    struct sy_str name;  /* as sent */
    struct sy_str value; /* without surrounding white space */
};

struct sy_http_limits {
    size_t head_bytes;   /* request line and fields together; default 32 KiB -> 431 (line: 414) */
    size_t target_bytes; /* default 8 KiB -> 414 */
    uint64_t body_bytes; /* announced length above it -> 413, with the body's first byte */
};

/* A request's head; every slice points into the caller's buffer. */
struct sy_http_head {
    enum sy_http_method method;
    struct sy_str method_text;
    struct sy_str target; /* as sent */
    struct sy_str path;   /* from '/' to '?', still percent-encoded; "*" for OPTIONS; "/" (static)
                             for an absolute-form without one */
    struct sy_str query;  /* after '?', absent without one */
    struct sy_str host;
    unsigned minor;  /* HTTP/1.minor: 0 or 1 */
    bool keep_alive; /* the client allows another request; never with HTTP/1.0 */
    bool coded;      /* codings below `chunked`: the body is not what it stands for; 501 */
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
 * Reads one request head from the start of `bytes` (at most two leading CRLFs are skipped, RFC 9112
 * §2.2: old clients put one behind a body). DONE sets *ret_head and *ret_consumed (offset of the
 * body). REFUSE sets *ret_refusal as soon as no continuation could make the bytes acceptable.
 * Reading in pieces gives the same verdict and the same refusal. Unless the answer is DONE, the
 * content of *ret_head is undefined.
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
 * Extensions are read by the letter of RFC 9112 §7.1.1 and ignored; no white space around them.
 * Takes as much of `bytes` as it can: sets *ret_consumed and *ret_data, a slice of `bytes` that is
 * payload (possibly empty; call again with the rest while MORE and something was consumed). DONE
 * when the last chunk and trailers were read. total above max_bytes -> REFUSE 413.
 */
enum sy_http_verdict sy_http_chunked_feed(struct sy_http_chunked *state, struct sy_str bytes,
                                          uint64_t max_bytes, size_t *ret_consumed,
                                          struct sy_str *ret_data,
                                          struct sy_http_refusal *ret_refusal);

#endif
