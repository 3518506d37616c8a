/*
 * What the parts of the request parser share. Private to this folder.
 *
 * One pass from left to right: every refusal depends only on the bytes up to the place where it is
 * found, so a request in pieces gets the verdict it gets in one piece.
 */
#ifndef SY_HTTP_INTERNAL_H
#define SY_HTTP_INTERNAL_H

#include "http/chars.h"
#include "http/parser.h"

#define SY_HTTP_METHOD_MAX 24u /* no registered method is longer */
#define SY_HTTP_BLANK_MAX 2u   /* empty lines skipped before a request line */

/* A request line names one of these; all but HTTP are read and never served. */
enum sy_http_protocol { SY_HTTP_IS_HTTP = 1, SY_HTTP_IS_RTSP = 2, SY_HTTP_IS_ICE = 4 };

struct sy_http_method_entry {
    struct sy_str name;
    enum sy_http_method method;
    unsigned protocols; /* bits of enum sy_http_protocol */
    bool asterisk;      /* "*" is a target for it */
    bool no_body;       /* content has no meaning with it (RFC 9110 §9.3) */
};

struct sy_http_parse {
    struct sy_str in; /* the bytes that may belong to the head */
    size_t at;
    const struct sy_http_limits *limits;
    struct sy_http_head *head;
    struct sy_http_refusal *refusal;
    const struct sy_http_method_entry *method;
    struct sy_str authority; /* of an absolute-form target, without user information */
    bool in_fields;          /* the request line is behind us */
    bool foreign;            /* HTTP/0.9, RTSP or ICE */
    bool host_seen;
    bool length_seen;
    bool coding_seen;
    bool chunked;
    bool coding_lookalike;
    bool close;
    bool type_seen;
    bool upgrade_option;  /* Connection lists upgrade */
    bool upgrade_foreign; /* Upgrade names what cannot be ignored */
    bool expect_unknown;
};

/* Sets the refusal; returns SY_HTTP_REFUSE. `cause` is static. */
enum sy_http_verdict sy_http_refuse(struct sy_http_refusal *refusal, int status, const char *cause);

/* Each reads its part at p->at. DONE: read, go on. */
enum sy_http_verdict sy_http_request_line(struct sy_http_parse *p);
enum sy_http_verdict sy_http_field_line(struct sy_http_parse *p);

/* Takes the target apart once it is whole; DONE or REFUSE. */
enum sy_http_verdict sy_http_target(struct sy_http_parse *p);
/* uri-host with optional port; no user information, no lists. */
bool sy_http_host_valid(struct sy_str host);

/* What a field means for the message as a whole; DONE or REFUSE. */
enum sy_http_verdict sy_http_field_meaning(struct sy_http_parse *p,
                                           const struct sy_http_header *field);
/* The one Content-Length line. */
enum sy_http_verdict sy_http_length(struct sy_http_parse *p, struct sy_str value);
/* The transfer codings of one Transfer-Encoding line. */
enum sy_http_verdict sy_http_codings(struct sy_http_parse *p, struct sy_str value);
/* What only the whole head can tell: host, framing, upgrade, expectation. */
enum sy_http_verdict sy_http_head_meaning(struct sy_http_parse *p);

/* Exact method names are case-sensitive. NULL if nobody registered it. */
const struct sy_http_method_entry *sy_http_method_find(struct sy_str name);

/*
 * Takes the next non-empty element off a comma-separated list, without white space around it.
 * False at the end. *ret_empty is set if an empty element was passed over.
 */
bool sy_http_list_next(struct sy_str *rest, struct sy_str *ret_element, bool *ret_empty);

#endif
