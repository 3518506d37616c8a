/*
 * The parts of the Scalekit stand-in, and what they share. One set of operations stands behind two
 * doors: REST (snake_case, google.rpc.Status errors) and the Connect protocol's JSON over HTTP/1.1
 * (camelCase, its own errors), which is what the Node SDK speaks once its transport is swapped.
 */
#ifndef SY_SANDBOX_SCALEKIT_H
#define SY_SANDBOX_SCALEKIT_H

#include "sandbox/internal.h"

/* gRPC status codes in use. */
enum sy_sb_grpc {
    SY_SB_INVALID_ARGUMENT = 3,
    SY_SB_NOT_FOUND = 5,
    SY_SB_ALREADY_EXISTS = 6,
    SY_SB_PERMISSION_DENIED = 7,
    SY_SB_RESOURCE_EXHAUSTED = 8,
    SY_SB_FAILED_PRECONDITION = 9,
    SY_SB_INTERNAL = 13,
    SY_SB_UNAUTHENTICATED = 16,
};

struct sy_sb_sk_error {
    enum sy_sb_grpc code;
    struct sy_str message;
    const char *error_code; /* NULL: no ErrorInfo */
    /* TOOL_ERROR */
    struct sy_str execution_id, tool_code, tool_message;
    /* validation */
    struct sy_str field, description;
};

bool sy_sb_sk_is_rpc(const struct sy_sb_request *r);
void sy_sb_sk_fail(struct sy_sb_request *r, const struct sy_sb_sk_error *error);
/* NOT_FOUND with RESOURCE_NOT_FOUND. */
void sy_sb_sk_missing(struct sy_sb_request *r, const char *message);
void sy_sb_sk_invalid(struct sy_sb_request *r, struct sy_str field, const char *description);

/* Member name in the door's spelling: "next_page_token" or "nextPageToken". */
void sy_sb_sk_name(struct sy_sb_request *r, const char *snake);
void sy_sb_sk_str(struct sy_sb_request *r, const char *snake, struct sy_str value);
void sy_sb_sk_time(struct sy_sb_request *r, const char *snake, int64_t unix_ms);

/* A request's field by dotted snake_case path, from the body or the query, either spelling. */
struct sy_str sy_sb_sk_in(struct sy_sb_request *r, const char *path);
struct sy_json sy_sb_sk_json(struct sy_sb_request *r, const char *path);
/* True if `value` is among a repeated field's values, or the field is absent. */
bool sy_sb_sk_has(struct sy_sb_request *r, const char *path, struct sy_str value);
bool sy_sb_sk_given(struct sy_sb_request *r, const char *path);
struct sy_str sy_sb_sk_provider(struct sy_sb_request *r, const struct sy_sb_app *app); /* GMAIL */

struct sy_sb_sk_page {
    size_t offset, limit, seen, written;
};
/* False after answering an error. Opens nothing. */
bool sy_sb_sk_page_begin(struct sy_sb_request *r, struct sy_sb_sk_page *page, int64_t max);
bool sy_sb_sk_page_wants(struct sy_sb_sk_page *page);
/* Writes total_size and the tokens; the caller closes the object and sends. */
void sy_sb_sk_page_members(struct sy_sb_request *r, const struct sy_sb_sk_page *page);

/* The account a request locates: by id, or connector and identifier. NULL after answering. */
struct sy_sb_account *sy_sb_sk_locate(struct sy_sb_request *r, const char *id_field);

/* The app behind a connection's name; NULL after answering. */
struct sy_sb_app *sy_sb_sk_connection(struct sy_sb_request *r, struct sy_str connector);

sy_sb_handler sy_sb_sk_connections, sy_sb_sk_providers, sy_sb_sk_account_list,
    sy_sb_sk_account_search, sy_sb_sk_account_auth, sy_sb_sk_account_details,
    sy_sb_sk_account_create, sy_sb_sk_account_update, sy_sb_sk_account_delete,
    sy_sb_sk_account_disconnect, sy_sb_sk_magic_link, sy_sb_sk_verify, sy_sb_sk_tools,
    sy_sb_sk_tools_scoped, sy_sb_sk_tools_available, sy_sb_sk_execute, sy_sb_sk_proxy;

#endif
