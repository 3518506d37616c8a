/*
 * Inside the API: the request being answered, and what its files share.
 */
#ifndef SY_API_API_INT_H
#define SY_API_API_INT_H

#include <pthread.h>

#include "api/api.h"
#include "api/fields.h"
#include "api/handlers.h"
#include "api/page.h"
#include "api/router.h"
#include "base/json.h"

#define API_HEADERS_MAX 10u
#define API_ANSWER_MAX ((size_t)256 << 20) /* bytes of one answer we make ourselves */
#define API_JOB_MEMORY_MAX ((size_t)4 << 30)
#define API_REASON_MAX 512u
#define API_TOKENS_MAX 256u /* a power of two */

struct api_job;

struct sy_api {
    struct sy_engine *engine;
    struct sy_metrics *metrics;
    struct sy_metrics_set *gauges; /* of the whole process, set when /metrics is read */
    pthread_mutex_t gauges_lock;
    uint64_t rows_counted; /* ledger rows the page has counted already */
    struct sy_arena arena; /* copies of the options */
    struct sy_str public_url;
    bool has_local;
    unsigned char local_hash[32];
    struct sy_buf openapi;
    uint64_t body_limit;          /* what the servers read at most */
    struct sy_api_loop *detached; /* freed with the api: answers may still point at them */
};

/* A presented secret that was a key's: its fingerprint under the loop's own random key, and the
 * hash by which the key is looked up, which costs ten times as much to make. */
struct api_token {
    unsigned char fingerprint[16];
    unsigned char hash[32];
};

struct sy_api_loop {
    struct sy_api *api;
    struct sy_engine_loop *engine;
    struct sy_loop *loop;
    struct sy_metrics_set *metrics;
    const struct sy_server *server;
    struct api_job *jobs;     /* with the writer thread */
    int64_t calls;            /* with the engine */
    unsigned char serial[10]; /* of request ids */
    unsigned char token_key[16];
    struct api_token tokens[API_TOKENS_MAX]; /* place = low bits of the fingerprint */
    char bare[SY_FAILURE_BARE_MAX];          /* a problem for which there was no memory */
    struct sy_api_loop *next;
};

/* One request from head to reply; lives in its exchange's arena. */
struct api_request {
    struct sy_api_loop *al;
    struct sy_exchange *x;
    struct sy_arena *arena; /* the exchange's; this loop's thread only */
    const struct sy_http_head *head;
    const struct api_route *route; /* NULL: none matched */
    struct sy_str captured[API_CAPTURES_MAX];
    struct sy_str query[API_QUERY_COUNT]; /* absent where not given */
    struct sy_str request_id;
    struct sy_caller caller; /* slices of the snapshot: this turn only, unless api_keep_caller */
    struct sy_http_header headers[API_HEADERS_MAX];
    unsigned header_count;
};

/* ---- reply.c: each ends the request ---- */

void api_header(struct api_request *rq, struct sy_str name, struct sy_str value);
void api_reply(struct api_request *rq, int status, struct sy_str content_type,
               const struct sy_str *body, unsigned body_count);
/* `out` holds JSON. */
void api_reply_json(struct api_request *rq, int status, const struct sy_buf *out);
void api_fail(struct api_request *rq, const struct sy_failure *failure);
void api_fail_code(struct api_request *rq, enum sy_code code, enum sy_cause cause,
                   struct sy_str detail);
/* invalid_request with what was collected. */
void api_fail_errors(struct api_request *rq, struct api_errors *errors);
/* invalid_request for one query parameter. */
void api_fail_parameter(struct api_request *rq, enum api_query parameter, const char *detail);
/* A writer for an answer in the request's arena. */
void api_writer(struct api_request *rq, struct sy_buf *out, struct sy_json_writer *w);
/* What a status of the store or registry means to the caller. `text` is copied by nobody. */
struct sy_failure api_failure_of(int status, struct sy_str text);

/* ---- headers.c ---- */

/* The caller's X-Request-Id if it is fit to be echoed, else a new one: `serial` counts up from
 * random bits of this loop, so that an id costs no system call. */
struct sy_str api_request_id(const struct sy_http_head *head, struct sy_arena *arena,
                             int64_t unix_ms, unsigned char serial[10]);
/* A valid W3C traceparent, or absent. */
struct sy_str api_traceparent(const struct sy_http_head *head);
enum api_body_kind {
    API_BODY_NONE,
    API_BODY_JSON,
    API_BODY_YAML,
    API_BODY_MARKDOWN,
    API_BODY_OTHER
};
enum api_body_kind api_body_kind(const struct sy_http_head *head);
/* The token of "Authorization: Bearer …"; absent without one, if malformed or repeated. */
struct sy_str api_bearer(const struct sy_http_head *head);

/* ---- refusal.c: events of the server, ctx is the struct sy_api_loop ---- */

void api_on_refusal(struct sy_exchange *x, int status, const char *cause,
                    struct sy_str *ret_content_type, struct sy_str *ret_body, void *ctx);
size_t api_on_refusal_headers(struct sy_exchange *x, int status,
                              const struct sy_http_header **ret_headers, void *ctx);

/* ---- auth.c ---- */

/* Finds the caller and checks the route's scope; answers and returns false if it may not. */
bool api_authorize(struct api_request *rq);
/* Whether the presented key exists, for refusing a body before it is read. */
bool api_knows_key(struct sy_api_loop *al, const struct sy_http_head *head);
bool api_is_admin(const struct api_request *rq);
/* Copies the caller's slices into the request's arena. */
bool api_keep_caller(struct api_request *rq);

/* ---- body.c ---- */

/* Reads the JSON body by the table; answers and returns false on a fault. `optional`: no body, and
 * then no content type, is as good as {}. */
bool api_read_body(struct api_request *rq, bool optional, const struct api_field *fields,
                   size_t count, void *out, uint32_t *ret_seen);
/* Whether the body is JSON by its content type; answers if not. */
bool api_expect_json(struct api_request *rq);

/* ---- query.c ---- */

/* Decodes and checks the query against the route's list; answers and returns false on a fault. */
bool api_read_query(struct api_request *rq);
bool api_query_bool(const struct api_request *rq, enum api_query parameter, bool otherwise);
unsigned api_query_limit(const struct api_request *rq);
/* The position behind ?cursor=, absent without one; answers and returns false if it is none. */
bool api_query_cursor(struct api_request *rq, struct sy_str *ret_position);

/* ---- job.c: work on the writer thread ---- */

typedef void api_work_fn(struct sy_store *store, struct api_job *job);

struct api_job {
    struct sy_writer_job job;
    struct api_request *rq; /* read-only for the work; its arena is not the work's */
    api_work_fn *work;
    void (*finish)(struct api_job *job); /* optional: on the loop, before a successful reply */
    const void *in;                      /* the handler's own input, in the request's arena */
    struct sy_change_note note;
    struct sy_arena mem; /* the work's */
    struct sy_buf body;  /* the answer */
    struct sy_json_writer w;
    int status;
    struct sy_str content_type;
    struct sy_str etag;
    bool failed;
    struct sy_failure failure;
    struct api_job *next, **at;
};

/* Runs `work` on the writer thread, then replies with what it wrote. */
void api_job_start(struct api_request *rq, api_work_fn *work, const void *in,
                   void (*finish)(struct api_job *job));
/* For work: the answer is this failure. */
void api_job_fail(struct api_job *job, const struct sy_failure *failure);
/* True if status is SY_OK; else the failure that it means, with err's text. */
bool api_job_check(struct api_job *job, int status, const struct sy_err *err);
/* Publishes what the work has written, to every loop. */
bool api_job_publish(struct api_job *job, struct sy_store *store);
bool api_job_load(struct api_job *job, struct sy_store *store, struct sy_registry *ret);
struct sy_engine *api_job_engine(const struct api_job *job);
/* Answers jobs whose loop is gone. */
void api_jobs_abandon(struct sy_api_loop *al);

/* ---- registry_find.c ---- */

/* A toolkit inside a loaded registry. */
struct api_rows {
    const struct sy_row *rows;
    size_t count;
    const struct sy_toolkit_facts *facts; /* or NULL */
    int64_t version;                      /* 0: does not exist */
};
/* By any spelling; *ret_name is the canonical name, or the normal form of a new one. */
struct api_rows api_rows_find(const struct sy_registry *registry, struct sy_str any_spelling,
                              struct sy_arena *arena, struct sy_str *ret_name);
void api_rows_write(struct sy_json_writer *w, const struct api_rows *rows);

/* ---- listings ---- */

/* {"items": [ … open; and the end of both with the cursor (absent: null). */
void api_list_begin(struct sy_json_writer *w);
void api_list_end(struct sy_json_writer *w, struct sy_str position, struct sy_arena *arena);

/* ---- openapi.c ---- */

void api_openapi_write(struct sy_buf *out, struct sy_str public_url);
/* The schemas of schemas.json: one JSON object. */
struct sy_str api_schemas_text(void);

#endif
