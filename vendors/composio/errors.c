#include "vendors/composio/composio.h"

#define LARGE_ARGUMENTS ((size_t)1 << 20)

struct error_row {
    int code;         /* 0: not known */
    const char *slug; /* NULL: not known */
    enum sy_code failure;
    enum sy_cause cause;
    enum sy_composio_move move;
};

static const struct error_row errors[] = {
    {801, "APIKey_InvalidAPIKey", SY_CODE_VENDOR_AUTH, SY_CAUSE_CREDENTIALS_REFUSED, 0},
    {811, "APIKey_APIKeyExpired", SY_CODE_VENDOR_AUTH, SY_CAUSE_CREDENTIALS_REFUSED, 0},
    {906, "Auth_NoAuthProvided", SY_CODE_VENDOR_AUTH, SY_CAUSE_CREDENTIALS_REFUSED, 0},
    {902, "Auth_Unauthorized", SY_CODE_VENDOR_AUTH, SY_CAUSE_CREDENTIALS_REFUSED, 0},
    {10401, "HTTP_Unauthorized", SY_CODE_VENDOR_AUTH, SY_CAUSE_CREDENTIALS_REFUSED, 0},
    {2113, "UserApiKey_Unauthorized", SY_CODE_VENDOR_AUTH, SY_CAUSE_CREDENTIALS_REFUSED, 0},
    {812, "APIKey_InsufficientPermissions", SY_CODE_VENDOR_AUTH, SY_CAUSE_CREDENTIALS_SCOPE, 0},
    {2206, "Organization_InsufficientPermissions", SY_CODE_VENDOR_AUTH, SY_CAUSE_CREDENTIALS_SCOPE,
     0},
    {2401, "Tool_ToolNotFound", SY_CODE_TOOL_NOT_FOUND, SY_CAUSE_ABSENT, COMPOSIO_LOOK_TOOL},
    {1810, "ActionExecute_ConnectedAccountNotFound", SY_CODE_CONNECTION_REQUIRED,
     SY_CAUSE_NO_ACCOUNT, COMPOSIO_LOOK_ACCOUNT},
    {1803, NULL, SY_CODE_CONNECTION_REQUIRED, SY_CAUSE_NO_ACCOUNT, COMPOSIO_LOOK_ACCOUNT},
    {1812, "ActionExecute_ConnectedAccountEntityIdMismatch", SY_CODE_CONNECTION_REQUIRED,
     SY_CAUSE_ACCOUNT_MISMATCH, COMPOSIO_LINK},
    {606, "ConnectedAccount_ResourceNotFound", SY_CODE_CONNECTION_REQUIRED, SY_CAUSE_NO_ACCOUNT,
     COMPOSIO_LOOK_ACCOUNT},
    {600, "ConnectedAccount_BadRequest", SY_CODE_TOOLKIT_NOT_CONFIGURED, SY_CAUSE_NO_AUTH_CONFIG,
     0},
    {607, NULL, SY_CODE_TOOLKIT_NOT_CONFIGURED, SY_CAUSE_NO_AUTH_CONFIG, 0},
    {0, "ExternalProxy_MissingAuthContext", SY_CODE_CONNECTION_REQUIRED, SY_CAUSE_NO_ACCOUNT,
     COMPOSIO_LOOK_ACCOUNT},
    {0, "ExternalProxy_OriginMismatch", SY_CODE_INVALID_ARGUMENTS, SY_CAUSE_BAD_FIELD, 0},
    {0, "ExternalProxy_SSRFBlocked", SY_CODE_INVALID_ARGUMENTS, SY_CAUSE_EGRESS_REFUSED, 0},
    {4300, "ToolRouterV2_BadRequest", SY_CODE_INVALID_ARGUMENTS, SY_CAUSE_SCHEMA, 0},
    {4301, "ToolRouterV2_ToolNotFound", SY_CODE_TOOL_NOT_FOUND, SY_CAUSE_ABSENT,
     COMPOSIO_LOOK_TOOL},
    {4302, "ToolRouterV2_NoActiveConnection", SY_CODE_CONNECTION_REQUIRED, SY_CAUSE_NO_ACCOUNT,
     COMPOSIO_LOOK_ACCOUNT},
    {4308, "ToolRouterV2_NoManagedAuth", SY_CODE_TOOLKIT_NOT_CONFIGURED, SY_CAUSE_NO_MANAGED_AUTH,
     0},
    {4324, "ToolRouterV2_ToolkitNotAllowed", SY_CODE_TOOLKIT_NOT_CONFIGURED,
     SY_CAUSE_CREDENTIALS_SCOPE, 0},
    {4326, "ToolRouterV2_ToolkitsIsNoAuth", SY_CODE_TOOLKIT_NOT_CONFIGURED, SY_CAUSE_BAD_FIELD, 0},
    {0, "ToolRouterV2_InvalidToolkitSlugs", SY_CODE_TOOLKIT_MISSING, SY_CAUSE_ABSENT, 0},
    {0, "ToolRouterV2_InvalidConnectedAccountIds", SY_CODE_CONNECTION_REQUIRED,
     SY_CAUSE_ACCOUNT_MISMATCH, COMPOSIO_LINK},
    {0, "ToolRouterV2_InvalidAuthConfigIds", SY_CODE_TOOLKIT_NOT_CONFIGURED,
     SY_CAUSE_NO_AUTH_CONFIG, 0},
    {4340, "ToolRouterV2_InternalServerError", SY_CODE_VENDOR_UNAVAILABLE, SY_CAUSE_VENDOR_5XX, 0},
    {10429, "HTTP_TooManyRequests", SY_CODE_RATE_LIMITED, SY_CAUSE_VENDOR_RATE, 0},
};

/* The slug is the newer and finer mark; older bodies have the code alone. */
static const struct error_row *find(struct sy_str slug, int64_t code)
{
    for (size_t i = 0; slug.len && i < SY_ARRAY_LEN(errors); i++)
        if (sy_str_eq(slug, sy_str_of(errors[i].slug)))
            return &errors[i];
    for (size_t i = 0; code && i < SY_ARRAY_LEN(errors); i++)
        if (errors[i].code == code)
            return &errors[i];
    return NULL;
}

void sy_composio_not_configured(const struct sy_turn *t, enum sy_cause cause,
                                struct sy_failure *ret_failure)
{
    struct sy_str slug = t->what->target.vendor_slug;

    *ret_failure = (struct sy_failure){
        .code = SY_CODE_TOOLKIT_NOT_CONFIGURED, .cause = cause, .not_applied = true};
    if (cause == SY_CAUSE_NO_MANAGED_AUTH)
        ret_failure->todo =
            SY_JOIN(t, SY_STR("Create an auth config for "), slug,
                    SY_STR(" with an OAuth app of your own in the Composio project."));
    else if (cause == SY_CAUSE_BAD_FIELD)
        ret_failure->todo = SY_JOIN(t, SY_STR("Set auth: none on the registry row of "), slug,
                                    SY_STR("; the toolkit needs no connection."));
    else if (cause == SY_CAUSE_CREDENTIALS_SCOPE)
        ret_failure->todo = SY_JOIN(t, SY_STR("Allow the toolkit "), slug,
                                    SY_STR(" for the gateway's key in the Composio project."));
    else
        ret_failure->todo =
            SY_JOIN(t, SY_STR("Enable an auth config for "), slug,
                    SY_STR(" in the Composio project, or set create_auth_configs: true."));
}

static enum sy_composio_move by_row(const struct sy_turn *t, const struct error_row *row,
                                    struct sy_str words, struct sy_failure *failure)
{
    if (row->failure == SY_CODE_TOOLKIT_NOT_CONFIGURED)
        sy_composio_not_configured(t, row->cause, failure);
    else
        *failure = (struct sy_failure){.code = row->failure,
                                       .cause = row->cause,
                                       .not_applied = row->failure != SY_CODE_VENDOR_UNAVAILABLE};
    if (row->failure != SY_CODE_VENDOR_AUTH)
        failure->detail = sy_turn_vendor_text(t, words);
    failure->retry_after_ms = sy_turn_retry_after_ms(t);
    if (row->failure == SY_CODE_RATE_LIMITED) {
        failure->limited_by = "vendor";
        failure->origin = SY_ORIGIN_VENDOR;
    }
    return row->move;
}

/* Statuses that mean more at Composio than elsewhere, when slug and code say nothing. */
static enum sy_composio_move by_status(const struct sy_turn *t, bool envelope, struct sy_str words,
                                       struct sy_failure *failure)
{
    bool execute = t->what->op == SY_OP_EXECUTE;

    sy_reply_failure(t, words, failure);
    switch (t->event->status) {
    case 403:
        if (sy_str_find_nocase(words, SY_STR("connected account does not have permission")) ==
            (size_t)-1)
            return COMPOSIO_ANSWER;
        failure->code = SY_CODE_CONNECTION_REQUIRED;
        failure->cause = SY_CAUSE_ACCOUNT_MISMATCH;
        return COMPOSIO_LINK;
    case 404:
        if (!envelope || !execute)
            return COMPOSIO_ANSWER;
        failure->code = SY_CODE_TOOL_NOT_FOUND;
        failure->cause = SY_CAUSE_ABSENT;
        return COMPOSIO_LOOK_TOOL;
    case 410:
        if (execute)
            failure->code = SY_CODE_TOOL_NOT_FOUND;
        return COMPOSIO_ANSWER;
    case 413: /* most often the provider's answer, seldom what was sent */
        if (execute && t->what->arguments.len < LARGE_ARGUMENTS) {
            failure->code = SY_CODE_RESPONSE_TOO_LARGE;
            failure->not_applied = false;
        }
        return COMPOSIO_ANSWER;
    case 422: /* the spec: the account is in a state that cannot execute */
        if (!execute || failure->code != SY_CODE_INVALID_ARGUMENTS)
            return COMPOSIO_ANSWER;
        failure->code = SY_CODE_CONNECTION_ERROR;
        failure->cause = SY_CAUSE_NOT_ACTIVE;
        failure->errors = (struct sy_str){0};
        return COMPOSIO_LOOK_ACCOUNT;
    default:
        return COMPOSIO_ANSWER;
    }
}

enum sy_composio_move sy_composio_error(const struct sy_turn *t, struct sy_failure *ret_failure)
{
    struct sy_json root = {0};
    struct sy_json error;
    struct sy_str words, slug;
    const struct error_row *row;
    enum sy_composio_move move;
    int64_t code = 0;

    sy_reply_object(t, &root);
    error = sy_json_get_z(root, "error");
    words = sy_json_words(t, error.type == SY_JSON_NONE ? root : error);
    slug = sy_json_text(sy_json_get_z(error, "slug"), t->facts->mem);
    sy_json_i64(sy_json_get_z(error, "code"), &code);
    row = find(slug, code);
    move = row ? by_row(t, row, words, ret_failure)
               : by_status(t, error.type == SY_JSON_OBJECT, words, ret_failure);
    if (ret_failure->code == SY_CODE_INVALID_ARGUMENTS) {
        struct sy_json list = sy_json_get_z(error, "errors");
        ret_failure->errors = sy_json_is_empty(list)
                                  ? sy_errors_one(t, (struct sy_str){0}, ret_failure->detail)
                                  : sy_errors_listed(t, list);
    }
    return move;
}

bool sy_composio_told(const struct sy_turn *t, struct sy_json *ret_root)
{
    if (t->event->kind != SY_EVENT_REPLY)
        sy_turn_fail_event(t);
    else if (!sy_reply_ok(t))
        sy_composio_error(t, &t->wish->failure);
    else if (!sy_reply_object(t, ret_root))
        sy_reply_nonsense(t, SY_CAUSE_BAD_VENDOR_JSON);
    else
        return true;
    return false;
}
