/*
 * Failures as data: the code (what the caller sees), the cause (the fine class), whose move it is.
 *
 * A failure is made where it is recognised, usually in a vendor adapter, and travels unchanged to
 * the problem document. Its slices live as long as the arena it was made in.
 */
#ifndef SY_CONTRACT_FAILURE_H
#define SY_CONTRACT_FAILURE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum sy_code {
    SY_CODE_NONE = 0,
#define SY_ERROR(id, code, status, origin, retryable, breaker, title) SY_CODE_##id,
#include "contract/error.def"
#undef SY_ERROR
    SY_CODE_COUNT
};

enum sy_cause {
#define SY_CAUSE(id, word, text) SY_CAUSE_##id,
#include "contract/cause.def"
#undef SY_CAUSE
    SY_CAUSE_COUNT
};

enum sy_origin {
    SY_ORIGIN_DEFAULT = 0, /* the code's own */
    SY_ORIGIN_CALLER,
    SY_ORIGIN_GATEWAY,
    SY_ORIGIN_VENDOR,
    SY_ORIGIN_PROVIDER,
    SY_ORIGIN_USER,
};

enum sy_tristate { SY_TRI_DEFAULT = 0, SY_TRI_NO, SY_TRI_YES };

/* Facts about a code. */
const char *sy_code_name(enum sy_code code);
int sy_code_status(enum sy_code code);
const char *sy_code_title(enum sy_code code);
enum sy_origin sy_code_origin(enum sy_code code);
bool sy_code_retryable(enum sy_code code);
bool sy_code_counts_for_breaker(enum sy_code code);
/* SY_CODE_NONE if there is no such code. */
enum sy_code sy_code_from_name(struct sy_str name);
const char *sy_cause_word(enum sy_cause cause);
const char *sy_cause_text(enum sy_cause cause);
const char *sy_origin_name(enum sy_origin origin);

/* A set of codes, for policy's fallback.on. */
#define SY_CODE_BIT(code) (UINT64_C(1) << (code))
_Static_assert(SY_CODE_COUNT <= 64, "codes must fit a 64-bit mask");

struct sy_failure {
    enum sy_code code;
    enum sy_cause cause;
    enum sy_origin origin;      /* DEFAULT: by code */
    enum sy_tristate retryable; /* DEFAULT: by code */
    bool not_applied;           /* the vendor itself said that nothing was done */
    struct sy_str detail;       /* for people; never a secret */
    int64_t retry_after_ms;     /* 0: not known */
    const char *limited_by;     /* rate_limited: "gateway", "vendor", "provider" */
    /* Members of single codes; absent slices are left out of the problem document. */
    struct sy_str connect_url;
    struct sy_str connection_id;
    int64_t expires_at_ms;        /* unix; 0: unknown */
    struct sy_str connected_at;   /* JSON array of vendor names */
    struct sy_str missing_scopes; /* JSON array; absent = null */
    const char *fix;              /* scope_missing: "reconsent", "operator" */
    struct sy_str todo;           /* toolkit_not_configured */
    int provider_status;
    struct sy_str provider_body; /* JSON value */
    struct sy_str errors;        /* JSON array of {pointer, detail} */
    struct sy_str suggestions;   /* JSON array of names */
    struct sy_str renamed_to;
    struct sy_str case_id;
    struct sy_str issue_url;
    int64_t requested_at_ms;
    int64_t due_at_ms;
    struct sy_str rules; /* policy_denied: JSON array of {rule, removed, why} */
    uint64_t limit_bytes;
    int status; /* HTTP status where HTTP wants a finer one; 0: the code's own */
};

/* Moves every slice of the failure into `mem`; absent ones stay absent. For failures that must
 * outlive the arena or blob they were made in. What does not fit becomes absent. */
void sy_failure_copy(struct sy_failure *failure, struct sy_arena *mem);

/* The origin and retryable that hold for this failure. */
enum sy_origin sy_failure_origin(const struct sy_failure *failure);
bool sy_failure_retryable(const struct sy_failure *failure);

/*
 * Appends the RFC 9457 problem document. call_id may be absent. Pure.
 */
void sy_failure_write(struct sy_buf *out, const struct sy_failure *failure, bool maybe_applied,
                      struct sy_str call_id);

/* The document without memory: what the code, the cause and the flags say, in the caller's bytes.
 * The answer where sy_failure_write found no room. */
#define SY_FAILURE_BARE_MAX 1024
struct sy_str sy_failure_write_bare(char out[SY_FAILURE_BARE_MAX], const struct sy_failure *failure,
                                    bool maybe_applied, struct sy_str call_id);

#endif
