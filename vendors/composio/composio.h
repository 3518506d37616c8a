/*
 * Composio v3.1, inside: the operation's state and what its files offer each other.
 */
#ifndef SY_VENDORS_COMPOSIO_COMPOSIO_H
#define SY_VENDORS_COMPOSIO_COMPOSIO_H

#include "vendors/common/connect.h"
#include "vendors/common/found.h"
#include "vendors/common/reply.h"
#include "vendors/common/send.h"

enum sy_composio_setting { COMPOSIO_BASE_URL, COMPOSIO_API_KEY, COMPOSIO_CREATE_AUTH_CONFIGS };

enum sy_composio_phase {
    COMPOSIO_ASKED,    /* the operation's own first request is out */
    COMPOSIO_ACCOUNTS, /* EXECUTE: why is there no account? */
    COMPOSIO_NEAR,     /* EXECUTE: which tools resemble the missing one? */
    COMPOSIO_ANY,      /* EXECUTE: which tools has the toolkit at all? */
    COMPOSIO_TOOLKIT,  /* EXECUTE: is the toolkit itself unknown? */
    COMPOSIO_CONFIG,   /* LINK: waits for the auth config; PROBE: looks for one */
    COMPOSIO_CREATE,   /* AUTH_CONFIG: makes one */
};

struct sy_composio_op {
    enum sy_composio_phase phase;
    struct sy_connect connect;
    struct sy_failure failure; /* what an EXECUTE will fail with, less what look-ups add */
    struct sy_str auth_config;
    bool auth_config_from_fact;
    struct sy_found_list found;
};

/* What an error reply asks for next. */
enum sy_composio_move {
    COMPOSIO_ANSWER,       /* the failure is the answer */
    COMPOSIO_LOOK_TOOL,    /* look for the tool's new name or version first */
    COMPOSIO_LOOK_ACCOUNT, /* look at the user's accounts, then link */
    COMPOSIO_LINK,         /* link */
};

/* Classifies a reply that is not 2xx by error.slug, then error.code, then the status. */
enum sy_composio_move sy_composio_error(const struct sy_turn *t, struct sy_failure *ret_failure);
/* True with the reply's object; else FAIL's failure is in the wish. For all but EXECUTE. */
bool sy_composio_told(const struct sy_turn *t, struct sy_json *ret_root);
/* Starts the request with base URL and key. */
void sy_composio_begin(struct sy_send *s, const struct sy_turn *t, enum sy_http_verb verb,
                       enum sy_purpose purpose, enum sy_request_effect effect, const char *path);
/* Key of the ACCOUNTS and LINK facts: slug, or slug/auth config where the row names one. */
struct sy_str sy_composio_connection_key(const struct sy_turn *t);
/* toolkit_not_configured with what a person has to do. */
void sy_composio_not_configured(const struct sy_turn *t, enum sy_cause cause,
                                struct sy_failure *ret_failure);

enum sy_step sy_composio_execute_start(struct sy_composio_op *op, const struct sy_turn *t);
enum sy_step sy_composio_execute_resume(struct sy_composio_op *op, const struct sy_turn *t);

enum sy_step sy_composio_tool_start(struct sy_composio_op *op, const struct sy_turn *t);
enum sy_step sy_composio_tool_resume(struct sy_composio_op *op, const struct sy_turn *t);
enum sy_step sy_composio_accounts_start(struct sy_composio_op *op, const struct sy_turn *t);
enum sy_step sy_composio_accounts_resume(struct sy_composio_op *op, const struct sy_turn *t);
enum sy_step sy_composio_auth_config_start(struct sy_composio_op *op, const struct sy_turn *t);
enum sy_step sy_composio_auth_config_resume(struct sy_composio_op *op, const struct sy_turn *t);
enum sy_step sy_composio_link_start(struct sy_composio_op *op, const struct sy_turn *t);
enum sy_step sy_composio_link_resume(struct sy_composio_op *op, const struct sy_turn *t);

enum sy_step sy_composio_probe_start(struct sy_composio_op *op, const struct sy_turn *t);
enum sy_step sy_composio_probe_resume(struct sy_composio_op *op, const struct sy_turn *t);
enum sy_step sy_composio_search_start(struct sy_composio_op *op, const struct sy_turn *t);
enum sy_step sy_composio_search_resume(struct sy_composio_op *op, const struct sy_turn *t);
enum sy_step sy_composio_tools_start(struct sy_composio_op *op, const struct sy_turn *t);
enum sy_step sy_composio_tools_resume(struct sy_composio_op *op, const struct sy_turn *t);
enum sy_step sy_composio_ping_start(struct sy_composio_op *op, const struct sy_turn *t);
enum sy_step sy_composio_ping_resume(struct sy_composio_op *op, const struct sy_turn *t);

#endif
