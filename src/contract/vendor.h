/*
 * The vendor adapter: bytes and facts in, bytes and wishes out.
 *
 * ABI history: 1 first version.
 *
 * An adapter is two pure functions and data. It opens no socket, reads no clock, allocates only
 * from facts->mem and keeps nothing but its operation state `op`. The core owns sockets, timers,
 * retries, tokens, caches and memory. The same inputs give the same bytes: every quirk of a vendor
 * is a case file under tests/cases/.
 *
 * Life of an operation: start, then resume with one event per wish, until DONE or FAIL.
 *   SEND -> EVENT_REPLY or EVENT_NET_FAILED     NEED -> EVENT_FACT or EVENT_FACT_FAILED
 *   WAIT -> EVENT_TIMER                         any  -> EVENT_CANCELLED (then at most one SEND)
 * At most 8 SENDs an operation; sub-operations that serve a NEED nest at most 2 deep.
 */
#ifndef SY_CONTRACT_VENDOR_H
#define SY_CONTRACT_VENDOR_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "contract/failure.h"

#define SY_VENDOR_ABI 1u
#define SY_REQUEST_HEADERS_MAX 12
#define SY_REQUEST_SLICES_MAX 8
#define SY_VENDORS_MAX 16 /* built in at most; ids fit a 16-bit mask */
#define SY_VENDOR_SETTINGS_MAX 12
#define SY_OPERATION_SENDS_MAX 8
#define SY_FACT_DEPTH_MAX 2

/* ---- effects and names shared by policy, registry and adapters ---- */

enum sy_effect { SY_EFFECT_UNKNOWN = 0, SY_EFFECT_READ, SY_EFFECT_WRITE, SY_EFFECT_DESTRUCTIVE };
enum sy_path {
    SY_PATH_NATIVE,
    SY_PATH_PIPEDREAM,
    SY_PATH_PENDING,
    SY_PATH_WORKER,
    SY_PATH_SESSION,
    SY_PATH_COUNT
};

/* "read" "write" "destructive"; unknown is "write". */
const char *sy_effect_name(enum sy_effect effect);
bool sy_effect_from_name(struct sy_str name, enum sy_effect *ret_effect);
const char *sy_path_name(enum sy_path path);
bool sy_path_from_name(struct sy_str name, enum sy_path *ret_path);

/* ---- what the core asks of an adapter ---- */

enum sy_op {
    SY_OP_EXECUTE,     /* run operation->tool with operation->arguments */
    SY_OP_MINT,        /* fact TOKEN: a bearer for the vendor's API; key = "" */
    SY_OP_TOOL,        /* fact TOOL: definition of the tool named by key, as the vendor's JSON */
    SY_OP_ACCOUNTS,    /* fact ACCOUNTS: the subject's accounts for target; value: see sy_account */
    SY_OP_AUTH_CONFIG, /* fact AUTH_CONFIG: what target is connected with (Composio ac_...) */
    SY_OP_LINK,        /* fact LINK: a connect link for subject and target */
    SY_OP_PROBE,       /* does the vendor have the toolkit with slug `key`? result.found 0 or 1 */
    SY_OP_SEARCH,      /* toolkits matching text `key`; result.found */
    SY_OP_TOOLS, /* tools of toolkit slug `key` (names for suggestions); result.found = tools */
    SY_OP_PING,  /* cheapest authenticated request, for doctor */
    SY_OP_COUNT
};
#define SY_CAN(op) (1u << (op))

/* Facts an adapter may NEED; each is served from the core's cache or by its sub-operation. */
enum sy_fact_kind {
    SY_FACT_TOKEN,
    SY_FACT_TOOL,
    SY_FACT_ACCOUNTS,
    SY_FACT_AUTH_CONFIG,
    SY_FACT_LINK,
    SY_FACT_KIND_COUNT
};

/* The registry row as the adapter sees it. Slices live as long as the operation. */
struct sy_target {
    struct sy_str toolkit;        /* canonical slug */
    struct sy_str vendor_slug;    /* the vendor's own */
    struct sy_str connection;     /* Scalekit connection name; defaults to vendor_slug */
    struct sy_str auth_config_id; /* Composio */
    struct sy_str oauth_app_id;   /* Pipedream */
    struct sy_str version;        /* "latest" unless the row says otherwise */
    struct sy_str endpoint;       /* worker */
    bool auth_none;               /* the toolkit needs no connection */
    struct sy_str issue_url;      /* pending */
    int64_t requested_at_ms, due_at_ms;
};

struct sy_operation {
    enum sy_op op;
    struct sy_target target;
    struct sy_str key;            /* fact operations, probe, search: see enum sy_op */
    struct sy_str tool;           /* EXECUTE: the vendor's tool name */
    struct sy_str canonical_tool; /* EXECUTE: ours, for the worker protocol */
    struct sy_str arguments;      /* EXECUTE: JSON object, passed octet for octet */
    enum sy_effect effect;
    struct sy_str call_id;
    struct sy_str tenant;
    struct sy_str user_id;     /* absent: shared connection */
    struct sy_str account;     /* the vendor's account id the caller pinned, or absent */
    struct sy_str traceparent; /* forwarded where the vendor lets us; absent without one */
};

/* One cached answer to a NEED. The generation tells two values of one key apart. */
struct sy_fact {
    enum sy_fact_kind kind;
    struct sy_str key;
    struct sy_str value;
    uint64_t generation;
};

struct sy_facts {
    int64_t now_unix_ms;
    struct sy_str subject;         /* what the vendor sees as the user */
    struct sy_str idempotency_key; /* unique per call; forwarded where the vendor knows one */
    const struct sy_str *settings; /* values in the order of vendor->settings; absent = unset */
    struct sy_str row_secret;      /* worker: the secret the row names; absent = not declared */
    const struct sy_fact *facts;   /* those in hand; their values live for this step only */
    size_t fact_count;
    struct sy_arena *mem; /* the operation's arena */
};

/* The fact in hand, or NULL. */
const struct sy_fact *sy_fact_find(const struct sy_facts *facts, enum sy_fact_kind kind,
                                   struct sy_str key);

/* ---- what an adapter answers ---- */

enum sy_step {
    SY_STEP_SEND, /* wish->request */
    SY_STEP_NEED, /* wish->need */
    SY_STEP_WAIT, /* wish->wait_ms */
    SY_STEP_MORE, /* streams: give me more of the reply */
    SY_STEP_EMIT, /* streams: pass wish->emit on, then resume */
    SY_STEP_DONE, /* wish->result */
    SY_STEP_FAIL, /* wish->failure */
};

enum sy_http_verb { SY_VERB_GET, SY_VERB_POST, SY_VERB_PUT, SY_VERB_PATCH, SY_VERB_DELETE };
const char *sy_http_verb_name(enum sy_http_verb verb);

/* What a request may change at the vendor. Only a sent WRITE sets maybe_applied. */
enum sy_request_effect { SY_REQUEST_NONE, SY_REQUEST_IDEMPOTENT, SY_REQUEST_WRITE };
enum sy_purpose { SY_FOR_MINT, SY_FOR_LOOKUP, SY_FOR_EXECUTE, SY_FOR_PROBE, SY_FOR_LINK };

struct sy_header {
    struct sy_str name;
    struct sy_str value;
    bool secret; /* never traced */
};

struct sy_request {
    enum sy_http_verb verb;
    struct sy_str url; /* absolute, already encoded */
    struct sy_header headers[SY_REQUEST_HEADERS_MAX];
    unsigned header_count;
    struct sy_str body[SY_REQUEST_SLICES_MAX];
    unsigned body_count;
    enum sy_request_effect effect;
    enum sy_purpose purpose;
    size_t reply_cap; /* 0: the core's */
    bool uses_token;  /* carries the TOKEN fact: a 401 may be cured by one re-mint */
    bool from_row;    /* URL comes from a registry row or caller, not the configuration: guarded */
    /* Must occur in url or body: the subject or account bound at resolve, as it stands on the wire
     * (percent-encoded, or a quoted JSON string). Absent: nothing is bound. */
    struct sy_str bound;
};

/*
 * True if `bound` is absent, or is `subject` or `account` in one of its wire forms and occurs in
 * the URL or inside one slice of the body. The core refuses to send a request for which it is
 * false.
 */
bool sy_request_is_bound(const struct sy_request *request, struct sy_str subject,
                         struct sy_str account);

struct sy_need {
    enum sy_fact_kind kind;
    struct sy_str key;
    uint64_t reject_generation; /* not this one (it was refused); 0: any */
};

/* Values and keys of facts (an adapter writes and reads them; the core keeps them unread):
 *   TOKEN        the bearer itself                                        key ""
 *   TOOL         the vendor's JSON object                                 key tool, or tool@version
 *   ACCOUNTS     JSON array, see below                                    key per connection
 *   AUTH_CONFIG  the vendor's id as text                                  key vendor_slug
 *   LINK         {"url","expires_at_ms","account"}, the last two if known key per connection */

/* A user's account at a vendor, as the ACCOUNTS fact holds them (JSON array of these members):
 *   {"id","user","status","vendor_status","scopes":[…]|absent}  
 *   status is ACTIVE, PENDING, EXPIRED, REVOKED or ERROR.
 * Adapters drop accounts whose own user differs from the subject. */

/* One toolkit or tool found at a vendor. */
struct sy_found {
    struct sy_str slug;
    struct sy_str name;
    struct sy_str description;
    int64_t tools;    /* -1: unknown */
    bool configured;  /* our project can use it now (set up there, or nothing to set up) */
    bool connectable; /* the vendor brings an OAuth app, or needs no OAuth */
    bool deprecated;
    /* Scalekit: name of a connection that is set up, for the row; or absent. */
    struct sy_str connection;
};

struct sy_result {
    /* EXECUTE */
    struct sy_str data;         /* JSON value, a slice of the reply; absent = null */
    struct sy_str vendor_reply; /* JSON object of the reply's other members, or absent */
    struct sy_str warning;      /* for the caller's warnings[], or absent */
    /* fact operations */
    struct sy_str value;
    int64_t ttl_ms; /* how long the value may be kept; 0: do not keep */
    /* PROBE, SEARCH, TOOLS */
    const struct sy_found *found;
    size_t found_count;
};

/* What the adapter learnt and the core should forget. */
struct sy_forget {
    bool token, accounts, tool, auth_config, link;
};

struct sy_wish {
    struct sy_request request;
    struct sy_need need;
    int64_t wait_ms;
    struct sy_str emit;
    size_t consumed; /* MORE and EMIT: how much of the last chunk was used */
    struct sy_result result;
    struct sy_failure failure;
    struct sy_forget forget;
};

enum sy_event_kind {
    SY_EVENT_REPLY,
    SY_EVENT_CHUNK,
    SY_EVENT_NET_FAILED,
    SY_EVENT_FACT,        /* facts now holds what was needed */
    SY_EVENT_FACT_FAILED, /* event->failure says why */
    SY_EVENT_TIMER,
    SY_EVENT_CANCELLED,
};

struct sy_event {
    enum sy_event_kind kind;
    int status;                      /* REPLY */
    const struct sy_header *headers; /* REPLY: names in lower case */
    unsigned header_count;
    struct sy_str body; /* REPLY, CHUNK; lives until the operation closes (CHUNK: this step) */
    bool last;          /* CHUNK */
    const struct sy_failure *failure; /* NET_FAILED (made by the core), FACT_FAILED */
    bool started;                     /* NET_FAILED: the request may have been seen */
    const struct sy_fact *fact;       /* FACT */
};

/* First value of a reply header by lower-case name, or absent. */
struct sy_str sy_event_header(const struct sy_event *event, const char *name);

/* ---- the vtable ---- */

enum sy_setting_flag {
    SY_SETTING_REQUIRED = 1, /* without it the vendor is absent */
    SY_SETTING_SECRET = 2,   /* must be a reference; never printed */
    SY_SETTING_URL = 4,      /* http or https, no path escapes; a trailing '/' is dropped */
    SY_SETTING_BOOL = 8,
};

struct sy_setting {
    const char *name;
    const char *fallback; /* default as text, or NULL */
    unsigned flags;
    const char *help; /* one sentence */
};

/* Begins an operation: `op` is zeroed memory of op_size. Must not keep pointers into `wish`. */
typedef enum sy_step sy_vendor_start_fn(void *op, const struct sy_operation *what,
                                        const struct sy_facts *facts, struct sy_wish *wish);
/* Goes on after an event. `what` and `facts` (refreshed) are the operation's own. */
typedef enum sy_step sy_vendor_resume_fn(void *op, const struct sy_operation *what,
                                         const struct sy_event *event, const struct sy_facts *facts,
                                         struct sy_wish *wish);

struct sy_vendor {
    unsigned abi;
    const char *name;
    enum sy_path path;
    unsigned can;         /* SY_CAN(op) | … */
    bool user_connection; /* calls run on a user's account at this vendor */
    size_t op_size;
    size_t subject_max;                /* bytes the vendor takes as a user id; 0: no limit */
    const struct sy_setting *settings; /* ended by a row without a name */
    sy_vendor_start_fn *start;
    sy_vendor_resume_fn *resume;
    /* Derives the vendor's tool name where no map row exists, into `mem`. */
    struct sy_str (*tool_name)(struct sy_str vendor_slug, struct sy_str action,
                               struct sy_arena *mem);
};

/* Largest op_size the core grants. */
#define SY_VENDOR_OP_SIZE_MAX 1024u

/* Registration gate: ABI, unique well-formed name, mandatory functions, op_size, settings count. */
int sy_vendor_check(const struct sy_vendor *vendor, struct sy_err *err);

#endif
