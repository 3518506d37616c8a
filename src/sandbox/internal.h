/*
 * What the stand-ins share: the catalogue, the accounts, a request in hand and how it is answered.
 * Everything runs on the one loop; nothing here is thread safe, nothing needs to be.
 */
#ifndef SY_SANDBOX_INTERNAL_H
#define SY_SANDBOX_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "net/loop.h"
#include "net/server.h"
#include "sandbox/sandbox.h"

enum sy_sb_vendor {
    SY_SB_COMPOSIO,
    SY_SB_PIPEDREAM,
    SY_SB_SCALEKIT,
    SY_SB_GITHUB,
    SY_SB_INFISICAL,
    SY_SB_WORKER,
    SY_SB_VENDORS
};
/* Vendors with a catalogue of toolkits: the first three. */
#define SY_SB_CATALOGUES 3

const char *sy_sb_vendor_name(enum sy_sb_vendor vendor);
bool sy_sb_vendor_from_name(struct sy_str name, enum sy_sb_vendor *ret);

/* ---- catalogue (catalogue.c, catalogue_files.c) ---- */

struct sy_sb_index { /* text -> pointer, open addressing; keys must outlive it */
    struct sy_sb_slot {
        struct sy_str key;
        void *value;
    } * slots;
    size_t cap, used;
};
bool sy_sb_index_put(struct sy_sb_index *index, struct sy_str key, void *value);
void *sy_sb_index_get(const struct sy_sb_index *index, struct sy_str key);
void sy_sb_index_release(struct sy_sb_index *index);

/* A toolkit as one vendor lists it. */
struct sy_sb_app {
    enum sy_sb_vendor vendor;
    struct sy_str slug, name, description, category;
    struct sy_str auth; /* OAUTH2 API_KEY BEARER_TOKEN NO_AUTH … */
    struct sy_str prop; /* Pipedream: name of the app prop in configured_props */
    struct sy_str base_url;
    struct sy_json scopes;      /* array: what a full grant holds */
    struct sy_json connections; /* Scalekit: names of the configured connections; may be absent */
    bool managed;               /* the vendor brings an OAuth app */
    bool no_auth;
    bool built_in;
    bool configured; /* our project has an auth config or a connection for it from the start */
    bool seeded;     /* personas are connected to it */
    bool proxy;      /* Pipedream: connect.proxy_enabled */
    unsigned tools;
};

enum sy_sb_effect { SY_SB_READ, SY_SB_WRITE, SY_SB_DESTRUCTIVE };

struct sy_sb_tool {
    struct sy_sb_app *app;
    struct sy_str name, title, description;
    struct sy_json input;    /* object: property name -> JSON Schema */
    struct sy_json required; /* array of names */
    struct sy_json scopes;   /* array: any one of them suffices */
    struct sy_json result;   /* template, see run.c */
    enum sy_sb_effect effect;
    bool important;
    bool newer;      /* not in version 00000000_00 */
    bool deprecated; /* listed only when asked for */
    bool echo;       /* answers its arguments octet for octet */
};

struct sy_sb_list { /* of pointers */
    void **items;
    size_t count, cap;
};
bool sy_sb_list_add(struct sy_sb_list *list, void *item);

struct sy_sb_catalogue {
    struct sy_sb_list apps[SY_SB_CATALOGUES], tools[SY_SB_CATALOGUES];
    struct sy_sb_index app_by_slug[SY_SB_CATALOGUES], tool_by_name[SY_SB_CATALOGUES];
};
/* `dir` absent: the built-in toolkits only. */
int sy_sb_catalogue_load(struct sy_sandbox *sb, struct sy_str dir, struct sy_err *err);
void sy_sb_catalogue_release(struct sy_sb_catalogue *catalogue);
struct sy_sb_app *sy_sb_app_find(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                 struct sy_str slug);
struct sy_sb_tool *sy_sb_tool_find(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                   struct sy_str name);
/* The files of DIR: apps before the built-in ones, tools after them. */
int sy_sb_catalogue_apps(struct sy_sandbox *sb, struct sy_str dir, struct sy_err *err);
int sy_sb_catalogue_tools(struct sy_sandbox *sb, struct sy_str dir, struct sy_err *err);
struct sy_sb_app *sy_sb_app_add(struct sy_sandbox *sb, enum sy_sb_vendor vendor, struct sy_str slug,
                                struct sy_str name);
struct sy_sb_tool *sy_sb_tool_add(struct sy_sandbox *sb, struct sy_sb_app *app, struct sy_str name);

/* ---- accounts, auth configs, links (accounts.c, links.c) ---- */

enum sy_sb_status {
    SY_SB_INITIATED,
    SY_SB_VERIFY, /* consent given, user not verified yet */
    SY_SB_ACTIVE,
    SY_SB_FAILED,
    SY_SB_EXPIRED,
    SY_SB_INACTIVE,
    SY_SB_REVOKED,
};
/* How the provider behind an account behaves. */
enum sy_sb_provider {
    SY_SB_HEALTHY,
    SY_SB_DEAD,     /* 401 whatever the account's status says */
    SY_SB_NO_SCOPE, /* 403 for everything that writes */
    SY_SB_LIMITED,  /* 429 */
    SY_SB_DOWN,     /* 500 */
};

struct sy_sb_config { /* Composio auth config */
    struct sy_str id, name, scopes;
    struct sy_sb_app *app;
    bool managed, disabled, deleted;
    int64_t created_ms;
};

struct sy_sb_account {
    enum sy_sb_vendor vendor;
    struct sy_str id, user, alias;
    struct sy_sb_app *app;
    struct sy_sb_config *config; /* Composio */
    struct sy_str connection;    /* Scalekit */
    struct sy_str environment;   /* Pipedream; absent: seen from both */
    enum sy_sb_status status;
    enum sy_sb_provider provider;
    struct sy_str scopes;      /* JSON array granted */
    struct sy_str static_auth; /* JSON given instead of OAuth, or absent */
    struct sy_str link_token;  /* Composio: of the last link */
    int64_t pending_until_ms;  /* Composio: INITIATED turns EXPIRED then; 0: never */
    int64_t created_ms, updated_ms, used_ms;
    bool deleted;
};

struct sy_sb_link {
    enum sy_sb_vendor vendor;
    struct sy_str token; /* in the URL */
    struct sy_str user, success_url, error_url, state, verify_url, auth_request, environment;
    struct sy_sb_account *account; /* Composio, Scalekit, or a Pipedream reconnect */
    int64_t expires_ms;
    bool used, verified;
};

struct sy_sb_session { /* Composio tool router */
    struct sy_str id, user;
    struct sy_json config; /* the create body */
    struct sy_json custom; /* experimental member of the last create or attach */
    int64_t created_ms;
    bool deleted;
};

/* The user's live account for an app (and Scalekit connection, if given), best first: ACTIVE before
 * others, newer before older. Seeds a persona on its first mention. NULL: none. */
struct sy_sb_account *sy_sb_account_find(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                         struct sy_str user, const struct sy_sb_app *app,
                                         struct sy_str connection);
struct sy_sb_account *sy_sb_account_by_id(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                          struct sy_str id);
struct sy_sb_account *sy_sb_account_add(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                        struct sy_str user, struct sy_sb_app *app,
                                        struct sy_str connection, enum sy_sb_status status);
/* The accounts a list has to look at: one user's (a persona's come into being), or all if `user` is
 * absent. Deleted ones are among them. */
const struct sy_sb_list *sy_sb_accounts_of(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                           struct sy_str user);
/* Makes sure a persona's accounts exist before a list is answered. */
void sy_sb_seed(struct sy_sandbox *sb, enum sy_sb_vendor vendor, struct sy_str user);
void sy_sb_account_set(struct sy_sandbox *sb, struct sy_sb_account *account,
                       enum sy_sb_status status);
bool sy_sb_status_from_name(struct sy_str name, enum sy_sb_status *ret);
bool sy_sb_provider_from_name(struct sy_str name, enum sy_sb_provider *ret);

struct sy_sb_config *sy_sb_config_find(struct sy_sandbox *sb, struct sy_str id);
struct sy_sb_config *sy_sb_config_of(struct sy_sandbox *sb, const struct sy_sb_app *app);
struct sy_sb_config *sy_sb_config_add(struct sy_sandbox *sb, struct sy_sb_app *app,
                                      struct sy_str name, bool managed);
/* The Scalekit connection called `name`, exact case: its app, or NULL. */
struct sy_sb_app *sy_sb_connection(struct sy_sandbox *sb, struct sy_str name);

struct sy_sb_link *sy_sb_link_add(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                  struct sy_str token, int64_t life_ms);
struct sy_sb_link *sy_sb_link_find(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                   struct sy_str token);

/* ---- the sandbox ---- */

struct sy_sb_listener {
    struct sy_sandbox *sb;
    enum sy_sb_vendor vendor;
    struct sy_server *server;
    int fd;
    unsigned port;
    char url[64];
};

struct sy_sb_fault;
struct sy_sb_record;
struct sy_sb_request;
struct sy_sb_count;

#define SY_SB_RECORDS 1000u

struct sy_sandbox {
    struct sy_loop *loop;
    struct sy_arena mem;   /* catalogue; dies with the sandbox */
    struct sy_arena state; /* accounts, links, …; a reset empties it */
    struct sy_sb_listener listeners[SY_SB_VENDORS];
    struct sy_sb_catalogue catalogue;
    struct sy_sb_list accounts, configs, links, sessions, issues, replays;
    struct sy_sb_index account_by_id, user_accounts, seeded, config_by_id, link_by_token,
        session_by_id, replay_by_key;
    struct sy_sb_list faults;
    struct sy_sb_record *records[SY_SB_RECORDS];
    uint64_t sequence; /* of the last recorded request */
    size_t recorded_bytes;
    struct sy_sb_list counts;
    struct sy_sb_index count_by_name;
    uint64_t serial;                            /* ids */
    uint64_t pipedream_runs, pipedream_proxied; /* credits */
    unsigned char token_key[32];
    uint64_t token_generation[SY_SB_VENDORS]; /* raised to invalidate every token of a vendor */
    uint64_t minted[SY_SB_VENDORS];
    /* Where nobody has seen Scalekit's status: 400 unless switched (admin.c). */
    int scalekit_tool_missing, scalekit_not_active;
    int64_t link_life_ms;          /* of every connect link; 0: the vendor's own */
    struct sy_sb_request *waiting; /* delayed or dripping */
    struct sy_buf bomb;            /* gzip of zeros, built once */
    size_t bomb_size;
};

int64_t sy_sb_now(const struct sy_sandbox *sb); /* unix ms */
/* Forgets accounts, links, sessions, issues, faults, records and counts; the catalogue stays. */
void sy_sb_reset(struct sy_sandbox *sb);
void sy_sb_state_init(struct sy_sandbox *sb);
void sy_sb_state_release(struct sy_sandbox *sb);

/* ---- a request and its answer (request.c, reply.c) ---- */

#define SY_SB_SEGMENTS 16
#define SY_SB_REPLY_MAX ((size_t)96 << 20)

struct sy_sb_request {
    struct sy_sandbox *sb;
    struct sy_sb_listener *listener;
    enum sy_sb_vendor vendor;
    struct sy_exchange *x;
    struct sy_arena *mem;
    const struct sy_http_head *head;
    struct sy_str seg[SY_SB_SEGMENTS]; /* decoded path segments; empty ones are dropped */
    size_t segs;
    struct sy_str body;
    struct sy_json json; /* the body, if it is JSON */
    struct sy_str tool;  /* the tool it names, for faults and counts; may be absent */
    struct sy_buf out;   /* the answer's body */
    struct sy_json_writer w;
    struct sy_http_header headers[8]; /* extra headers of the answer */
    unsigned header_count;
    const struct sy_sb_fault *fault; /* copy in mem, or NULL */
    struct sy_timer timer;
    struct sy_buf drip; /* the real answer, for faults that write it themselves */
    size_t dripped;
    unsigned step;      /* of fault->steps */
    int64_t step_times; /* how often its bytes were written */
    struct sy_sb_request *prev_waiting, *next_waiting;
    bool hung_up;
};

typedef void sy_sb_handler(struct sy_sb_request *r);

/* False: the target cannot be read. */
bool sy_sb_request_init(struct sy_sb_request *r, struct sy_sb_listener *listener,
                        struct sy_exchange *x);

bool sy_sb_is(const struct sy_sb_request *r, enum sy_http_method method, size_t segs);
bool sy_sb_seg(const struct sy_sb_request *r, size_t at, const char *text);
/* First value of a query parameter, decoded; absent if missing. */
struct sy_str sy_sb_query(const struct sy_sb_request *r, const char *name);
int64_t sy_sb_query_int(const struct sy_sb_request *r, const char *name, int64_t fallback);
/* True if `value` is among the values of a parameter given once, repeated or as a comma list; a
 * missing parameter matches all. */
bool sy_sb_query_has(const struct sy_sb_request *r, const char *name, struct sy_str value);
bool sy_sb_query_true(const struct sy_sb_request *r, const char *name);
struct sy_str sy_sb_header(const struct sy_sb_request *r, const char *name);
struct sy_str sy_sb_member(const struct sy_sb_request *r, const char *name); /* string member */
struct sy_str sy_sb_form(const struct sy_sb_request *r, const char *name);   /* urlencoded body */
bool sy_sb_contains(struct sy_str text, struct sy_str part);                 /* without case */

void sy_sb_add_header(struct sy_sb_request *r, const char *name, struct sy_str value);
/* Answers with what r->out holds as JSON. */
void sy_sb_send(struct sy_sb_request *r, int status);
void sy_sb_send_as(struct sy_sb_request *r, int status, const char *content_type,
                   struct sy_str body);
void sy_sb_send_redirect(struct sy_sb_request *r, struct sy_str location);
/* {"error": text} and the like: a constant or formatted body that is already JSON. */
void sy_sb_send_text(struct sy_sb_request *r, int status, const char *json, ...)
    __attribute__((format(printf, 3, 4)));

/* "ca_" + 12 letters derived from the parts: the same parts give the same id. */
struct sy_str sy_sb_derive_id(struct sy_arena *mem, const char *prefix, size_t len,
                              const struct sy_str *parts, size_t count);
struct sy_str sy_sb_new_id(struct sy_sandbox *sb, struct sy_arena *mem, const char *prefix,
                           size_t len);
/* Opaque cursors: base64url of the offset's decimal digits behind a letter. */
struct sy_str sy_sb_cursor(struct sy_arena *mem, size_t offset);
size_t sy_sb_cursor_offset(struct sy_str cursor, struct sy_arena *mem);

/* ---- faults and records (faults.c, record.c) ---- */

enum sy_sb_reset_at { SY_SB_RESET_NONE, SY_SB_RESET_BEFORE, SY_SB_RESET_AFTER };

/* One step of a fault that writes bytes as they are (play.c). */
enum sy_sb_step_kind {
    SY_SB_STEP_BYTES,
    SY_SB_STEP_ANSWER, /* the real answer */
    SY_SB_STEP_WAIT,
    SY_SB_STEP_HOLD, /* silent until the client goes */
    SY_SB_STEP_RESET,
    SY_SB_STEP_CLOSE,
};
struct sy_sb_step {
    enum sy_sb_step_kind kind;
    struct sy_str bytes;
    int64_t times; /* 0: until the client goes */
    int64_t wait_ms;
};
#define SY_SB_STEPS_MAX 32u

struct sy_sb_fault {
    uint64_t id;
    bool any_vendor;
    enum sy_sb_vendor vendor;
    struct sy_str tool, path, method; /* globs; absent = any */
    int64_t skip, left;               /* left < 0: until cleared */
    uint64_t hits;
    /* what to do */
    int status;
    bool has_body;
    struct sy_str body, content_type;
    struct sy_http_header headers[8];
    unsigned header_count;
    int64_t delay_ms, drip_ms;
    enum sy_sb_reset_at reset_at;
    bool half_reply, garbage, unauthorized;
    int rate_limited; /* 0 no, 1 seconds, 2 date, 3 without the header */
    int64_t retry_after;
    size_t huge_header, gzip_bomb;
    struct sy_str redirect;
    struct sy_sb_step *steps; /* NULL: none */
    unsigned step_count;
    bool plays_answer; /* one of the steps is the real answer: the request is carried out */
};

const char *sy_sb_fault_add(struct sy_sandbox *sb, struct sy_json script, uint64_t *ret_id);
void sy_sb_fault_write(struct sy_json_writer *w, const struct sy_sb_fault *fault);
void sy_sb_faults_clear(struct sy_sandbox *sb, enum sy_sb_vendor vendor, bool all);
/* The first fault that matches; counts it as used. `tool` absent: only faults without one. */
struct sy_sb_fault *sy_sb_fault_match(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                      const struct sy_http_head *head, struct sy_str tool,
                                      bool head_only);
/* Answers instead of the handler if the fault says so; false: let the handler run. */
bool sy_sb_fault_answer(struct sy_sb_request *r);
/* Reads `play` of a fault; NULL, or what is wrong with it. */
const char *sy_sb_play_read(struct sy_sandbox *sb, struct sy_json list, struct sy_sb_fault *fault);
/* Plays the fault's steps; the real answer, if one of them asks for it, stands in r->drip. */
void sy_sb_play(struct sy_sb_request *r);

/* `peer`: the client's end of the connection, so that a reused connection can be told. */
void sy_sb_record(struct sy_sandbox *sb, enum sy_sb_vendor vendor, const struct sy_http_head *head,
                  struct sy_str body, struct sy_str tool, struct sy_str peer);
void sy_sb_records_clear(struct sy_sandbox *sb);
void sy_sb_records_write(struct sy_sb_request *r);
void sy_sb_counts_write(struct sy_sb_request *r);

void sy_sb_admin(struct sy_sb_request *r);
void sy_sb_wait(struct sy_sb_request *r, sy_timer_fn *fn, int64_t ms);
void sy_sb_unwait(struct sy_sb_request *r);

/* ---- running tools (run.c) ---- */

struct sy_sb_run {
    bool bad_arguments;
    struct sy_str field;   /* bad_arguments: which one */
    struct sy_str problem; /* bad_arguments: what is wrong; else the provider's message */
    int status;            /* the provider's */
    struct sy_str body;    /* JSON: result, or the provider's error body */
};
void sy_sb_run(struct sy_sb_request *r, const struct sy_sb_tool *tool,
               struct sy_sb_account *account, struct sy_json arguments, struct sy_str skip_member,
               struct sy_sb_run *ret);
/* The provider's own API behind the proxy: answers what was asked, octet for octet the body. */
void sy_sb_provider(struct sy_sb_request *r, struct sy_sb_account *account, struct sy_str method,
                    struct sy_str url, struct sy_str body, struct sy_sb_run *ret);
/* JSON Schema object of a tool's arguments. */
void sy_sb_schema(struct sy_json_writer *w, const struct sy_sb_tool *tool);

/* ---- tokens (token.c) ---- */

struct sy_str sy_sb_token_mint(struct sy_sandbox *sb, struct sy_arena *mem,
                               enum sy_sb_vendor vendor, int64_t life_s, struct sy_str subject);
bool sy_sb_token_valid(struct sy_sandbox *sb, struct sy_arena *mem, enum sy_sb_vendor vendor,
                       struct sy_str token);
/* The bearer token of the request, or absent. */
struct sy_str sy_sb_bearer(const struct sy_sb_request *r);

/* ---- stand-ins ---- */

sy_sb_handler sy_sb_composio, sy_sb_pipedream, sy_sb_scalekit, sy_sb_github, sy_sb_infisical,
    sy_sb_worker;
/* Each vendor's own words for "your credentials are bad" and "too many requests". */
sy_sb_handler sy_sb_composio_unauthorized, sy_sb_pipedream_unauthorized,
    sy_sb_scalekit_unauthorized, sy_sb_github_unauthorized, sy_sb_infisical_unauthorized,
    sy_sb_worker_unauthorized;
sy_sb_handler sy_sb_composio_limited, sy_sb_pipedream_limited, sy_sb_scalekit_limited,
    sy_sb_github_limited, sy_sb_infisical_limited, sy_sb_worker_limited;
/* GET shows the page, POST takes the decision; `link` may be NULL (unknown or expired). */
void sy_sb_consent(struct sy_sb_request *r, struct sy_sb_link *link, const struct sy_sb_app *app);

#endif
