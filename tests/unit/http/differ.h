/*
 * A connection's bytes read by the product's parser and by the grammar-only one side by side. Needs
 * tests/fuzz/http_grammar.c.
 */
#ifndef SY_TESTS_HTTP_DIFFER_H
#define SY_TESTS_HTTP_DIFFER_H

#include "../../fuzz/http_grammar.h"
#include "http/parser.h"

/* Refusals of what the grammar allows, each meant; any other is a disagreement. */
#define DIFFER_STRICTER(X)                                                                         \
    X("method_not_implemented", "RFC 9110 §9.1: 501 for a method that nobody serves")              \
    X("method_too_long", "the same: no registered method is longer")                               \
    X("bad_target", "* with a method that has no such target, RFC 9112 §3.2.4")                    \
    X("fragment_in_path", "RFC 3986 §3: a fragment is no part of a target")                        \
    X("target_too_long", "RFC 9112 §3: 414")                                                       \
    X("bad_host", "a comma or sub-delimiter that hides a list; empty host")                        \
    X("bad_authority", "the same in absolute-form, and ports of more than five digits")            \
    X("host_mismatch", "RFC 9112 §3.2.2: Host is what the authority says")                         \
    X("ambiguous_length", "a leading zero that a reader in base 8 takes for another length")       \
    X("bad_coding", "empty elements in Transfer-Encoding; RFC 9110 §5.6.1.2 leaves a bound to us") \
    X("coding_not_implemented", "RFC 9112 §6.1: 501 for a coding that nobody decodes")             \
    X("framing_lookalike", "Content_Length, and Transfer_Encoding without a length")               \
    X("unexpected_body", "RFC 9110 §9.3.1: a body of GET, HEAD or TRACE may be refused")           \
    X("bad_connection_option", "RFC 9110 §7.6.1: connection-option = token")                       \
    X("repeated_content_type", "RFC 9110 §8.3: one type")                                          \
    X("upgrade_not_implemented", "RFC 9110 §7.8: who upgrades has no use for the answer")          \
    X("expectation_failed", "RFC 9110 §10.1.1: 417")                                               \
    X("body_too_large", "RFC 9110 §15.5.14: 413")                                                  \
    X("too_many_fields", "RFC 6585 §5: 431")                                                       \
    X("head_too_large", "RFC 6585 §5: 431")                                                        \
    X("request_line_too_long", "RFC 9112 §3: 414")                                                 \
    X("bare_cr", "more than two empty lines before a request, RFC 9112 §2.2")                      \
    X("bad_request_line", "the same")                                                              \
    X("bad_chunk", "white space around a chunk extension, RFC 9112 §7.1.1: BWS")                   \
    X("chunk_line_too_long", "RFC 9112 §7.1.1: limit chunk extensions")                            \
    X("trailers_too_large", "RFC 9112 §7.1.2: limit trailers")                                     \
    X("forbidden_trailer", "RFC 9110 §6.5.1: framing and routing fields are no trailers")

struct differ_reason {
    const char *cause;
    const char *why;
};

#define DIFFER_ROW(cause, why) {cause, why},
static const struct differ_reason differ_stricter[] = {DIFFER_STRICTER(DIFFER_ROW)};
#undef DIFFER_ROW

#define DIFFER_REASONS SY_ARRAY_LEN(differ_stricter)

struct differ {
    const char *wrong; /* NULL: the two agree */
    int stricter;      /* index of the reason for which a valid message was refused, or -1 */
    unsigned messages; /* that both read to their end */
    bool accepted;     /* nothing was refused */
};

static inline int differ_reason(const char *cause)
{
    for (size_t i = 0; i < DIFFER_REASONS; i++) {
        if (strcmp(differ_stricter[i].cause, cause) == 0)
            return (int)i;
    }
    return -1;
}

static inline bool differ_refused(struct differ *d, enum http_grammar_verdict said,
                                  const struct sy_http_refusal *refusal)
{
    d->accepted = false;
    if (said != HTTP_GRAMMAR_VALID)
        return false;
    d->stricter = differ_reason(refusal->cause);
    if (d->stricter < 0)
        d->wrong = refusal->cause;
    return false;
}

static inline bool differ_fail(struct differ *d, const char *how)
{
    d->wrong = how;
    return false;
}

/* HTTP/0.9, RTSP and ICE are outside the grammar: read, answered 501 and the connection ended. */
static inline bool differ_is_foreign(const struct sy_http_head *head)
{
    const char *behind = head->target.ptr + head->target.len;

    return strncmp(behind, " HTTP/1.", 8) != 0;
}

static inline const char *differ_heads(const struct sy_http_head *ours, size_t consumed,
                                       const struct http_grammar_head *theirs)
{
    static const enum http_grammar_framing same[] = {
        [SY_HTTP_NO_BODY] = HTTP_GRAMMAR_NONE,
        [SY_HTTP_LENGTH] = HTTP_GRAMMAR_LENGTH,
        [SY_HTTP_CHUNKED] = HTTP_GRAMMAR_CHUNKS,
    };

    if (consumed != theirs->end)
        return "the head ends elsewhere";
    if (same[ours->framing] != theirs->framing)
        return "another framing";
    if (ours->framing == SY_HTTP_LENGTH && ours->content_length != theirs->length)
        return "another length";
    if (ours->header_count != theirs->fields || ours->minor != theirs->minor)
        return "other fields";
    return ours->keep_alive && theirs->close ? "kept open" : NULL;
}

static inline enum sy_http_verdict differ_feed(struct sy_str bytes, uint64_t max, size_t *ret_end,
                                               uint64_t *ret_payload,
                                               struct sy_http_refusal *refusal)
{
    struct sy_http_chunked state = {0};
    enum sy_http_verdict verdict;
    size_t at = 0;

    do {
        struct sy_str data = {NULL, 0};
        size_t consumed = 0;

        verdict =
            sy_http_chunked_feed(&state, sy_str_skip(bytes, at), max, &consumed, &data, refusal);
        if (verdict == SY_HTTP_REFUSE)
            return verdict;
        at += consumed;
        if (consumed == 0)
            break;
    } while (verdict == SY_HTTP_MORE);
    *ret_end = at;
    *ret_payload = state.total;
    return verdict;
}

static inline bool differ_chunks(struct differ *d, struct sy_str *rest, uint64_t max)
{
    struct sy_http_refusal refusal = {0};
    uint64_t ours_payload;
    uint64_t payload;
    size_t ours_end;
    size_t end = 0;
    enum sy_http_verdict ours = differ_feed(*rest, max, &ours_end, &ours_payload, &refusal);
    enum http_grammar_verdict theirs = http_grammar_chunks(*rest, &end, &payload);

    if (ours == SY_HTTP_REFUSE)
        return differ_refused(d, theirs, &refusal);
    if (ours == SY_HTTP_MORE)
        return theirs == HTTP_GRAMMAR_PART ? false : differ_fail(d, "waits in a body");
    if (theirs != HTTP_GRAMMAR_VALID)
        return differ_fail(d, "accepts a wrong body");
    if (end != ours_end || payload != ours_payload)
        return differ_fail(d, "reads another body");
    *rest = sy_str_skip(*rest, end);
    return true;
}

/* One message off *rest; false when there is no next one to read. */
static inline bool differ_message(struct differ *d, const struct sy_http_limits *limits,
                                  struct sy_str *rest)
{
    struct sy_http_refusal refusal = {0};
    struct http_grammar_head theirs;
    struct sy_http_head ours;
    size_t consumed = 0;
    enum sy_http_verdict verdict = sy_http_head_parse(*rest, limits, &ours, &consumed, &refusal);
    enum http_grammar_verdict said = http_grammar_head(*rest, &theirs);

    if (verdict == SY_HTTP_REFUSE)
        return differ_refused(d, said, &refusal);
    if (verdict == SY_HTTP_MORE)
        return said == HTTP_GRAMMAR_PART || theirs.length > limits->body_bytes
                   ? false
                   : differ_fail(d, "waits in a head");
    if (differ_is_foreign(&ours))
        return ours.keep_alive ? differ_fail(d, "keeps another protocol open") : false;
    if (said != HTTP_GRAMMAR_VALID)
        return differ_fail(d, "accepts a wrong head");
    d->wrong = differ_heads(&ours, consumed, &theirs);
    if (d->wrong)
        return false;
    *rest = sy_str_skip(*rest, consumed);
    if (ours.framing == SY_HTTP_CHUNKED && !differ_chunks(d, rest, limits->body_bytes))
        return false;
    if (ours.framing == SY_HTTP_LENGTH) {
        if (rest->len < ours.content_length)
            return false;
        *rest = sy_str_skip(*rest, (size_t)ours.content_length);
    }
    d->messages++;
    return ours.keep_alive;
}

/* `bytes` may be read to its end, so that it needs a block of its own. */
static inline struct differ differ_run(struct sy_str bytes)
{
    const struct sy_http_limits limits = {32u << 10, 8u << 10, 8u << 20};
    struct differ d = {.stricter = -1, .accepted = true};

    while (bytes.len && differ_message(&d, &limits, &bytes))
        continue;
    return d;
}

#endif
