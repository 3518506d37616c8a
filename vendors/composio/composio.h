/*
 * Composio v3.1, inside: the operation's state and what its files offer each other.
 */
#ifndef SY_VENDORS_COMPOSIO_COMPOSIO_H
#define SY_VENDORS_COMPOSIO_COMPOSIO_H

#include "vendors/common/connect.h"
#include "vendors/common/found.h"
#include "vendors/common/reply.h"
#include "vendors/common/send.h"

enum composio_setting { COMPOSIO_BASE_URL, COMPOSIO_API_KEY, COMPOSIO_CREATE_AUTH_CONFIGS };

enum composio_phase {
    COMPOSIO_ASKED,    /* the operation's own first request is out */
    COMPOSIO_ACCOUNTS, /* EXECUTE: why is there no account? */
    COMPOSIO_NEAR,     /* EXECUTE: which tools resemble the missing one? */
    COMPOSIO_TOOLKIT,  /* EXECUTE: is the toolkit itself unknown? */
    COMPOSIO_CONFIG,   /* LINK: waits for the auth config; PROBE: looks for one */
    COMPOSIO_CREATE,   /* AUTH_CONFIG: makes one */
};

struct composio_op {
    enum composio_phase phase;
    struct sy_connect connect;
    struct sy_failure failure; /* what an EXECUTE will fail with, less what look-ups add */
    struct sy_str auth_config;
    bool auth_config_from_fact;
    struct sy_found_list found;
};

/* What an error reply asks for next. */
enum composio_move {
    COMPOSIO_ANSWER,       /* the failure is the answer */
    COMPOSIO_LOOK_TOOL,    /* look for the tool's new name or version first */
    COMPOSIO_LOOK_ACCOUNT, /* look at the user's accounts, then link */
    COMPOSIO_LINK,         /* link */
};

/* Classifies a reply that is not 2xx by error.slug, then error.code, then the status. */
enum composio_move composio_error(const struct sy_turn *t, struct sy_failure *ret_failure);
/* True with the reply's object; else FAIL's failure is in the wish. For all but EXECUTE. */
bool composio_told(const struct sy_turn *t, struct sy_json *ret_root);
/* Starts the request with base URL and key. */
void composio_begin(struct sy_send *s, const struct sy_turn *t, enum sy_http_verb verb,
                    enum sy_purpose purpose, enum sy_request_effect effect, const char *path);
/* Key of the ACCOUNTS and LINK facts: slug, or slug/auth config where the row names one. */
struct sy_str composio_connection_key(const struct sy_turn *t);
/* toolkit_not_configured with what a person has to do. */
void composio_not_configured(const struct sy_turn *t, enum sy_cause cause,
                             struct sy_failure *ret_failure);

enum sy_step composio_execute_start(struct composio_op *op, const struct sy_turn *t);
enum sy_step composio_execute_resume(struct composio_op *op, const struct sy_turn *t);

enum sy_step composio_tool_start(struct composio_op *op, const struct sy_turn *t);
enum sy_step composio_tool_resume(struct composio_op *op, const struct sy_turn *t);
enum sy_step composio_accounts_start(struct composio_op *op, const struct sy_turn *t);
enum sy_step composio_accounts_resume(struct composio_op *op, const struct sy_turn *t);
enum sy_step composio_auth_config_start(struct composio_op *op, const struct sy_turn *t);
enum sy_step composio_auth_config_resume(struct composio_op *op, const struct sy_turn *t);
enum sy_step composio_link_start(struct composio_op *op, const struct sy_turn *t);
enum sy_step composio_link_resume(struct composio_op *op, const struct sy_turn *t);

enum sy_step composio_probe_start(struct composio_op *op, const struct sy_turn *t);
enum sy_step composio_probe_resume(struct composio_op *op, const struct sy_turn *t);
enum sy_step composio_search_start(struct composio_op *op, const struct sy_turn *t);
enum sy_step composio_search_resume(struct composio_op *op, const struct sy_turn *t);
enum sy_step composio_tools_start(struct composio_op *op, const struct sy_turn *t);
enum sy_step composio_tools_resume(struct composio_op *op, const struct sy_turn *t);
enum sy_step composio_ping_start(struct composio_op *op, const struct sy_turn *t);
enum sy_step composio_ping_resume(struct composio_op *op, const struct sy_turn *t);

#endif
