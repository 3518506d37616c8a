/* Pipedream's refusals: bare statuses with {"error": "…"}, and 200 with an error inside. */
#include "vendors/common/provider.h"
#include "vendors/pipedream/pipedream.h"

#define HOUR_MS INT64_C(3600000)

/* X-RateLimit-Reset (unix seconds) stands in where Retry-After is missing. */
static int64_t rate_reset_ms(const struct sy_turn *t)
{
    uint64_t at_s = 0;
    int64_t wait_ms;

    if (!sy_str_to_u64(sy_str_trim(sy_event_header(t->event, "x-ratelimit-reset")), &at_s) ||
        at_s > INT64_MAX / 1000)
        return 0;
    wait_ms = (int64_t)at_s * 1000 - t->facts->now_unix_ms;
    return wait_ms < 0 ? 0 : wait_ms > HOUR_MS ? HOUR_MS : wait_ms;
}

static void not_configured(const struct sy_turn *t, enum sy_cause cause, const char *todo,
                           struct sy_failure *failure)
{
    *failure = (struct sy_failure){
        .code = SY_CODE_TOOLKIT_NOT_CONFIGURED,
        .cause = cause,
        .not_applied = true,
        .detail = failure->detail,
        .todo =
            SY_JOIN(t, sy_str_of(todo), SY_STR(" (app "), t->what->target.vendor_slug, SY_STR(")")),
    };
}

void sy_pipedream_error(const struct sy_turn *t, struct sy_failure *ret_failure)
{
    struct sy_json root = {0};
    struct sy_json error;
    struct sy_str text, message;

    sy_reply_object(t, &root);
    error = sy_json_get_z(root, "error");
    text = sy_json_words(t, error);
    message = sy_json_text(sy_json_get_z(root, "message"), t->facts->mem);
    sy_reply_failure(t, message.ptr ? message : text, ret_failure);
    if (ret_failure->code == SY_CODE_RATE_LIMITED && !ret_failure->retry_after_ms)
        ret_failure->retry_after_ms = rate_reset_ms(t);
    if (sy_str_eq(text, SY_STR("account_limit_reached")))
        not_configured(t, SY_CAUSE_ACCOUNT_LIMIT,
                       "Raise the limit on accounts and users of the Pipedream plan", ret_failure);
    else if (t->event->status == 400 && sy_str_eq(text, SY_STR("App record not found")))
        not_configured(t, SY_CAUSE_CREDENTIALS_SCOPE, "The app is switched off for the project",
                       ret_failure);
}

bool sy_pipedream_told(const struct sy_turn *t, struct sy_json *ret_root)
{
    if (t->event->kind != SY_EVENT_REPLY)
        sy_turn_fail_event(t);
    else if (!sy_reply_ok(t))
        sy_pipedream_error(t, &t->wish->failure);
    else if (!sy_reply_object(t, ret_root))
        sy_reply_nonsense(t, SY_CAUSE_BAD_VENDOR_JSON);
    else
        return true;
    return false;
}

/* ---- a run that answered 200 and failed ---- */

static bool is_error_observation(struct sy_json observation)
{
    return sy_json_name_is(sy_json_get_z(observation, "k").raw, SY_STR("error")) &&
           sy_json_get_z(observation, "k").type == SY_JSON_STRING;
}

/* The first error among the observations, as {name, message, response…}; NONE if there is none. */
static struct sy_json observed_error(struct sy_json root, bool *ret_any)
{
    struct sy_json_iter iter = sy_json_iter(sy_json_get_z(root, "os"));
    struct sy_json observation;
    struct sy_str name;

    *ret_any = false;
    while (sy_json_next(&iter, &name, &observation))
        if (is_error_observation(observation)) {
            struct sy_json err = sy_json_get_z(observation, "err");
            *ret_any = true;
            return err.type == SY_JSON_NONE ? sy_json_get_z(observation, "msg") : err;
        }
    return (struct sy_json){0};
}

bool sy_pipedream_run_has_error(struct sy_json root)
{
    bool any;

    observed_error(root, &any);
    return any || !sy_json_is_empty(sy_json_get_z(root, "error"));
}

static int status_of(struct sy_json error)
{
    static const char *const places[] = {"response.status", "status", "statusCode",
                                         "response.statusCode"};
    int64_t status = 0;

    for (size_t i = 0; i < SY_ARRAY_LEN(places); i++)
        if (sy_json_i64(sy_json_path(error, places[i]), &status) && status >= 400 && status < 600)
            return (int)status;
    return 0;
}

static int64_t retry_after_ms(const struct sy_turn *t, struct sy_json error)
{
    struct sy_json value = sy_json_path(error, "response.headers.retry-after");
    struct sy_header header = {.name = SY_STR("retry-after")};
    struct sy_event event = {.headers = &header, .header_count = 1};
    struct sy_turn inner = *t;

    header.value = value.type == SY_JSON_NUMBER ? value.raw : sy_json_text(value, t->facts->mem);
    inner.event = &event;
    return sy_turn_retry_after_ms(&inner);
}

/*
 * The component ran without the account it was bound to: either its definition has changed under
 * the cached one, or the account has lost its credentials.
 */
static bool ran_without_account(struct sy_str words)
{
    return sy_str_find(words, SY_STR("oauth_access_token")) != (size_t)-1 &&
           sy_str_find(words, SY_STR("undefined")) != (size_t)-1;
}

enum sy_step sy_pipedream_run_failed(struct sy_pipedream_op *op, const struct sy_turn *t,
                                     struct sy_json root)
{
    bool any;
    struct sy_json observed = observed_error(root, &any);
    struct sy_json error = sy_json_get_z(root, "error");
    struct sy_provider_said said = {0};
    struct sy_failure failure;
    struct sy_str key = sy_pipedream_connection_key(t);

    if (sy_json_is_empty(error))
        error = observed;
    said.status = status_of(observed);
    if (!said.status)
        said.status = status_of(error);
    said.words = sy_json_words(t, error);
    said.body = sy_json_path(observed, "response.data");
    if (sy_json_is_empty(said.body))
        said.body = sy_json_path(error, "response.data");
    if (sy_json_is_empty(said.body))
        said.body = error;
    said.more = said.body.raw;
    said.retry_after_ms = retry_after_ms(t, observed);
    said.threw = said.status == 0;
    if (ran_without_account(said.words)) {
        t->wish->forget.accounts = t->wish->forget.tool = true;
        failure = (struct sy_failure){.code = SY_CODE_CONNECTION_REQUIRED,
                                      .cause = SY_CAUSE_NO_ACCOUNT,
                                      .detail = sy_turn_vendor_text(t, said.words)};
        return sy_connect_fail(&op->connect, t, &failure, key);
    }
    if (!sy_provider_failure(t, &said, &failure))
        return sy_turn_fail_with(t, &failure);
    t->wish->forget.accounts = failure.code == SY_CODE_CONNECTION_EXPIRED;
    if (op->account.len) {
        failure.connection_id = SY_JOIN(t, SY_STR("pipedream:"), op->account);
        key = SY_JOIN(t, key, SY_STR("#"), op->account);
    }
    return sy_connect_fail(&op->connect, t, &failure, key);
}
