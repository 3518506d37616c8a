/*
 * Putting a request together: URLs that no caller's text can bend, headers, JSON bodies with raw
 * payloads spliced in.
 *
 * Begin with sy_send_begin, end with sy_send_done; what went wrong in between (a refused name, no
 * memory) is remembered and answered there, once.
 */
#ifndef SY_VENDORS_COMMON_SEND_H
#define SY_VENDORS_COMMON_SEND_H

#include "vendors/common/turn.h"

struct sy_send {
    const struct sy_turn *turn;
    struct sy_request *request; /* the wish's */
    struct sy_buf url;
    struct sy_buf body;
    struct sy_json_writer json;
    bool query;          /* the URL has a '?' already */
    const char *refused; /* which part cannot stand in a URL */
    bool refused_secret; /* it is one of ours, not the caller's */
};

/* Starts the wish's request at the base URL. */
void sy_send_begin(struct sy_send *s, const struct sy_turn *t, enum sy_http_verb verb,
                   enum sy_purpose purpose, enum sy_request_effect effect, struct sy_str base);
/* Appends literal, already encoded path text such as "/api/v1/tools". */
void sy_send_path(struct sy_send *s, const char *literal);
/*
 * Appends '/' and one percent-encoded segment. Empty ones, such with control bytes, "." and "..",
 * also as a part between slashes, are refused; `label` names the thing in the error.
 */
void sy_send_segment(struct sy_send *s, const char *label, struct sy_str text);
/* Appends name=value, the value percent-encoded, control bytes refused. An absent value appends
 * nothing. The name is a literal. */
void sy_send_query(struct sy_send *s, const char *name, struct sy_str value);
void sy_send_query_z(struct sy_send *s, const char *name, const char *value);
/* Percent-encoded query value that the request is bound to (see sy_request.bound). */
void sy_send_query_bound(struct sy_send *s, const char *name, struct sy_str value);

/* An absent value adds no header; one with control bytes is refused. */
void sy_send_header(struct sy_send *s, const char *name, struct sy_str value);
void sy_send_secret(struct sy_send *s, const char *name, struct sy_str value);

/* Starts a JSON object as body and gives its writer; sets Content-Type. */
struct sy_json_writer *sy_send_json(struct sy_send *s);
/* Member whose quoted value the request is bound to. */
void sy_send_json_bound(struct sy_send *s, const char *name, struct sy_str value);
/* Cuts the body here and splices `raw` in as a slice of its own, copying nothing. At most twice. */
void sy_send_splice(struct sy_send *s, struct sy_str raw);
/* A body that is no JSON. */
void sy_send_body(struct sy_send *s, const char *content_type, struct sy_str body);

/* SEND, or FAIL with invalid_request/bad_name or overloaded. Closes a JSON body's objects. */
enum sy_step sy_send_done(struct sy_send *s);

#endif
