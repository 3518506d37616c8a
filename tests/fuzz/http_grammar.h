/*
 * A second reader of HTTP/1.1 requests, for comparison: slow, whole messages only, and nothing but
 * RFC 9112, RFC 9110 and RFC 3986 rule by rule. It shares no line and no idea with src/http.
 *
 * Where the RFC leaves a recipient the choice between refusing and repairing (obs-fold, a length
 * beside a coding, repeated lengths, bare LF) it refuses: what may be read in two ways has no
 * reading. Where the RFC allows a spelling it accepts, also where the product is stricter.
 *
 * One rule is wider than RFC 3986: a target may hold any visible ASCII. RFC 9112 §3.2 leaves
 * refusing such a target to the server (SHOULD), and llhttp's valid requests hold them.
 */
#ifndef SY_TESTS_FUZZ_HTTP_GRAMMAR_H
#define SY_TESTS_FUZZ_HTTP_GRAMMAR_H

#include "base/str.h"

enum http_grammar_verdict {
    HTTP_GRAMMAR_VALID,
    HTTP_GRAMMAR_PART,  /* no whole message yet; what is there has not been found wrong */
    HTTP_GRAMMAR_WRONG, /* no reading */
};

enum http_grammar_framing { HTTP_GRAMMAR_NONE, HTTP_GRAMMAR_LENGTH, HTTP_GRAMMAR_CHUNKS };

struct http_grammar_head {
    size_t end; /* offset behind the empty line */
    enum http_grammar_framing framing;
    uint64_t length; /* of HTTP_GRAMMAR_LENGTH */
    unsigned fields;
    unsigned minor;
    bool close; /* Connection lists close, or HTTP/1.0 */
};

/* Reads the head at the start of `bytes`, behind any empty lines. */
enum http_grammar_verdict http_grammar_head(struct sy_str bytes,
                                            struct http_grammar_head *ret_head);

/* Reads a chunked body. *ret_end is the offset behind it, *ret_payload what the chunks hold. */
enum http_grammar_verdict http_grammar_chunks(struct sy_str bytes, size_t *ret_end,
                                              uint64_t *ret_payload);

#endif
