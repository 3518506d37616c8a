/*
 * Pipedream Connect, inside: the operation's state and what its files offer each other.
 */
#ifndef SY_VENDORS_PIPEDREAM_PIPEDREAM_H
#define SY_VENDORS_PIPEDREAM_PIPEDREAM_H

#include "vendors/common/bearer.h"
#include "vendors/common/connect.h"
#include "vendors/common/found.h"
#include "vendors/common/near.h"
#include "vendors/common/reply.h"
#include "vendors/common/send.h"

enum sy_pipedream_setting {
    PIPEDREAM_BASE_URL,
    PIPEDREAM_MCP_URL,
    PIPEDREAM_CLIENT_ID,
    PIPEDREAM_CLIENT_SECRET,
    PIPEDREAM_PROJECT_ID,
    PIPEDREAM_ENVIRONMENT,
};

enum sy_pipedream_phase {
    PIPEDREAM_MAIN,    /* the operation's own request */
    PIPEDREAM_TOOL,    /* EXECUTE: waits for the component's definition */
    PIPEDREAM_ACCOUNT, /* EXECUTE: waits for the user's accounts */
    PIPEDREAM_RELOAD,  /* EXECUTE: learns the id of the dynamic props */
    PIPEDREAM_RECHECK, /* EXECUTE: "record not found": is the account gone? */
    PIPEDREAM_NEAR,    /* TOOL: which actions resemble the missing one? */
    PIPEDREAM_APP,     /* TOOL: is the app itself unknown? */
};

struct sy_pipedream_op {
    enum sy_pipedream_phase phase;
    struct sy_bearer bearer;
    struct sy_connect connect;
    struct sy_failure failure;
    struct sy_str app_prop; /* name of the prop that binds the account; absent: none is needed */
    struct sy_str account;
    struct sy_str dynamic_props; /* id the reload gave */
    bool reloads;                /* an argument stands for a prop that makes others appear */
    struct sy_found_list found;
    struct sy_str after; /* cursor of the next page */
    unsigned pages;
};

/* Starts a request under /v1/connect with bearer and environment. */
void sy_pipedream_begin(struct sy_pipedream_op *op, struct sy_send *s, const struct sy_turn *t,
                        enum sy_http_verb verb, enum sy_purpose purpose,
                        enum sy_request_effect effect);
/* The same under /v1/connect/{project}. */
void sy_pipedream_begin_project(struct sy_pipedream_op *op, struct sy_send *s,
                                const struct sy_turn *t, enum sy_http_verb verb,
                                enum sy_purpose purpose, enum sy_request_effect effect);
/* Key of the ACCOUNTS fact: slug, or slug/oauth app. A LINK that reconnects adds #account. */
struct sy_str sy_pipedream_connection_key(const struct sy_turn *t);
/* A reply that is not 2xx, by the words in `error` and the status; 401 is the caller's. */
void sy_pipedream_error(const struct sy_turn *t, struct sy_failure *ret_failure);
/* True with the reply's object; else FAIL's failure is in the wish. */
bool sy_pipedream_told(const struct sy_turn *t, struct sy_json *ret_root);

/* Sends the operation's current request (by op and phase); the token is in hand. */
enum sy_step sy_pipedream_execute_send(struct sy_pipedream_op *op, const struct sy_turn *t);
enum sy_step sy_pipedream_execute_resume(struct sy_pipedream_op *op, const struct sy_turn *t);
/* 200 with an error inside. */
enum sy_step sy_pipedream_run_failed(struct sy_pipedream_op *op, const struct sy_turn *t,
                                     struct sy_json root);
/* True if the run's reply tells of an error, at the top or among the observations. */
bool sy_pipedream_run_has_error(struct sy_json root);

enum sy_step sy_pipedream_mint_start(const struct sy_turn *t);
enum sy_step sy_pipedream_tool_send(struct sy_pipedream_op *op, const struct sy_turn *t);
enum sy_step sy_pipedream_tool_resume(struct sy_pipedream_op *op, const struct sy_turn *t);
enum sy_step sy_pipedream_accounts_send(struct sy_pipedream_op *op, const struct sy_turn *t);
enum sy_step sy_pipedream_accounts_resume(struct sy_pipedream_op *op, const struct sy_turn *t);
enum sy_step sy_pipedream_link_send(struct sy_pipedream_op *op, const struct sy_turn *t);
enum sy_step sy_pipedream_link_resume(struct sy_pipedream_op *op, const struct sy_turn *t);

enum sy_step sy_pipedream_probe_send(struct sy_pipedream_op *op, const struct sy_turn *t);
enum sy_step sy_pipedream_probe_resume(struct sy_pipedream_op *op, const struct sy_turn *t);
enum sy_step sy_pipedream_search_send(struct sy_pipedream_op *op, const struct sy_turn *t);
enum sy_step sy_pipedream_search_resume(struct sy_pipedream_op *op, const struct sy_turn *t);
enum sy_step sy_pipedream_tools_send(struct sy_pipedream_op *op, const struct sy_turn *t);
enum sy_step sy_pipedream_tools_resume(struct sy_pipedream_op *op, const struct sy_turn *t);
enum sy_step sy_pipedream_ping_send(struct sy_pipedream_op *op, const struct sy_turn *t);
enum sy_step sy_pipedream_ping_resume(struct sy_pipedream_op *op, const struct sy_turn *t);

#endif
