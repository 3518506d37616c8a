/*
 * Scalekit AgentKit over REST, inside: the operation's state and what its files offer each other.
 */
#ifndef SY_VENDORS_SCALEKIT_SCALEKIT_H
#define SY_VENDORS_SCALEKIT_SCALEKIT_H

#include "vendors/common/bearer.h"
#include "vendors/common/connect.h"
#include "vendors/common/found.h"
#include "vendors/common/reply.h"
#include "vendors/common/send.h"

enum sy_scalekit_setting { SCALEKIT_BASE_URL, SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET };

enum sy_scalekit_phase {
    SCALEKIT_MAIN,        /* the operation's own request */
    SCALEKIT_OWNER,       /* EXECUTE: is the named account the user's own? */
    SCALEKIT_ACCOUNT,     /* EXECUTE: is there an account, and is it active? */
    SCALEKIT_TOOL,        /* EXECUTE: is there such a tool? */
    SCALEKIT_NEAR,        /* TOOL: which tools resemble the missing one? */
    SCALEKIT_CREATE,      /* LINK: makes the account older servers want first */
    SCALEKIT_AGAIN,       /* LINK: asks once more */
    SCALEKIT_CONNECTIONS, /* PROBE: is a connection set up? */
    SCALEKIT_QUERY,       /* PROBE, SEARCH: by text, where the better way gave nothing */
};

struct sy_scalekit_op {
    enum sy_scalekit_phase phase;
    struct sy_bearer bearer;
    struct sy_connect connect;
    struct sy_failure failure;
    struct sy_found_list found;
    struct sy_str page;
    unsigned pages;
    bool owned;           /* EXECUTE: the named account is the user's */
    bool refused_in_json; /* EXECUTE: the refusal was Scalekit's, not a page of something else */
};

/* A refusal, read from google.rpc.Status or a bare ErrorInfo. */
struct sy_scalekit_error {
    struct sy_str message;
    struct sy_str error_code;
    struct sy_json tool; /* tool_error_info */
    struct sy_json violations;
};
void sy_scalekit_read_error(const struct sy_turn *t, struct sy_scalekit_error *ret_error);
bool sy_scalekit_says(struct sy_str text, const char *words);
/* The provider's refusal as relayed by Scalekit: never our own token's fault. */
bool sy_scalekit_is_tool_error(const struct sy_scalekit_error *error);
/* toolkit_not_configured: the connection is not set up in the environment. */
void sy_scalekit_not_configured(const struct sy_turn *t, struct sy_failure *ret_failure);
/* True with the reply's object; else FAIL's failure is in the wish. */
bool sy_scalekit_told(const struct sy_turn *t, struct sy_json *ret_root);

void sy_scalekit_begin(struct sy_scalekit_op *op, struct sy_send *s, const struct sy_turn *t,
                       enum sy_http_verb verb, enum sy_purpose purpose,
                       enum sy_request_effect effect, const char *path);
/* The connection's name: key of ACCOUNTS and LINK, `connector` on the wire. */
struct sy_str sy_scalekit_connector(const struct sy_turn *t);

/* Sends the operation's current request (by op and phase); the token is in hand. */
enum sy_step sy_scalekit_execute_send(struct sy_scalekit_op *op, const struct sy_turn *t);
enum sy_step sy_scalekit_execute_resume(struct sy_scalekit_op *op, const struct sy_turn *t);

enum sy_step sy_scalekit_mint_start(const struct sy_turn *t);
enum sy_step sy_scalekit_tool_send(struct sy_scalekit_op *op, const struct sy_turn *t);
enum sy_step sy_scalekit_tool_resume(struct sy_scalekit_op *op, const struct sy_turn *t);
enum sy_step sy_scalekit_accounts_send(struct sy_scalekit_op *op, const struct sy_turn *t);
enum sy_step sy_scalekit_accounts_resume(struct sy_scalekit_op *op, const struct sy_turn *t);
enum sy_step sy_scalekit_link_send(struct sy_scalekit_op *op, const struct sy_turn *t);
enum sy_step sy_scalekit_link_resume(struct sy_scalekit_op *op, const struct sy_turn *t);

enum sy_step sy_scalekit_probe_send(struct sy_scalekit_op *op, const struct sy_turn *t);
enum sy_step sy_scalekit_probe_resume(struct sy_scalekit_op *op, const struct sy_turn *t);
enum sy_step sy_scalekit_search_send(struct sy_scalekit_op *op, const struct sy_turn *t);
enum sy_step sy_scalekit_search_resume(struct sy_scalekit_op *op, const struct sy_turn *t);
enum sy_step sy_scalekit_tools_send(struct sy_scalekit_op *op, const struct sy_turn *t);
enum sy_step sy_scalekit_tools_resume(struct sy_scalekit_op *op, const struct sy_turn *t);
enum sy_step sy_scalekit_ping_send(struct sy_scalekit_op *op, const struct sy_turn *t);
enum sy_step sy_scalekit_ping_resume(struct sy_scalekit_op *op, const struct sy_turn *t);

#endif
