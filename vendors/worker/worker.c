/* A worker of our own: one signed POST, problem documents pass through. */
#include "base/crypto.h"
#include "base/encode.h"
#include "vendors/common/found.h"
#include "vendors/common/reply.h"
#include "vendors/common/send.h"
#include "vendors/vendors.h"

static const struct sy_setting settings[] = {{0}};

static enum sy_step not_configured(const struct sy_turn *t, const char *todo)
{
    sy_turn_fail(t, SY_CODE_TOOLKIT_NOT_CONFIGURED, SY_CAUSE_NO_CREDENTIALS, (struct sy_str){0});
    t->wish->failure.todo = sy_str_of(todo);
    return SY_STEP_FAIL;
}

/* v1=<hex HMAC-SHA256(secret, timestamp "." body)> over the very slices that are sent. */
static void sign(struct sy_send *s, struct sy_str timestamp)
{
    struct sy_str parts[2 + SY_REQUEST_SLICES_MAX] = {timestamp, SY_STR(".")};
    unsigned char mac[SY_SHA256_SIZE];
    struct sy_buf hex;

    for (unsigned i = 0; i < s->request->body_count; i++)
        parts[2 + i] = s->request->body[i];
    sy_hmac_sha256(s->turn->facts->row_secret, parts, 2 + s->request->body_count, mac);
    sy_buf_init_arena(&hex, s->turn->facts->mem, 128);
    sy_buf_append_z(&hex, "v1=");
    sy_hex(&hex, sy_str_from((const char *)mac, sizeof(mac)));
    sy_send_header(s, "x-switchyard-timestamp", timestamp);
    sy_send_header(s, "x-switchyard-signature", sy_buf_str(&hex));
}

static enum sy_step start(void *op, const struct sy_operation *what, const struct sy_facts *facts,
                          struct sy_wish *wish)
{
    const struct sy_turn t = {&sy_vendor_worker, what, NULL, facts, wish};
    struct sy_json_writer *w;
    struct sy_send s;
    struct sy_buf timestamp;

    (void)op;
    if (what->op != SY_OP_EXECUTE)
        return sy_turn_fail(&t, SY_CODE_INTERNAL, SY_CAUSE_BUG, (struct sy_str){0});
    if (!sy_url_is_web(what->target.endpoint))
        return not_configured(&t, "Give the registry row an http or https endpoint.");
    if (!facts->row_secret.len)
        return not_configured(&t, "Declare the secret the registry row names under secrets.named.");
    sy_send_begin(&s, &t, SY_VERB_POST, SY_FOR_EXECUTE,
                  what->effect == SY_EFFECT_READ ? SY_REQUEST_NONE : SY_REQUEST_WRITE,
                  what->target.endpoint);
    s.request->from_row = true;
    w = sy_send_json(&s);
    sy_jw_member_str(w, "call_id", what->call_id);
    sy_jw_member_str(w, "tool", what->canonical_tool.len ? what->canonical_tool : what->tool);
    sy_jw_member_str(w, "tenant", what->tenant);
    sy_jw_member_str(w, "user_id", what->user_id);
    sy_jw_name(w, "arguments");
    sy_send_splice(&s, what->arguments.len ? what->arguments : SY_STR("{}"));
    sy_send_header(&s, "idempotency-key", facts->idempotency_key);
    sy_buf_init_arena(&timestamp, facts->mem, 32);
    sy_buf_append_i64(&timestamp, facts->now_unix_ms / 1000);
    if (sy_send_done(&s) != SY_STEP_SEND)
        return SY_STEP_FAIL;
    sign(&s, sy_buf_str(&timestamp));
    return s.refused || facts->mem->failed
               ? sy_turn_fail(&t, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){0})
               : SY_STEP_SEND;
}

static struct sy_str raw_of(struct sy_json root, const char *name, enum sy_json_type type)
{
    struct sy_json value = sy_json_get_z(root, name);

    return value.type == type ? value.raw : (struct sy_str){0};
}

static struct sy_str web_of(const struct sy_turn *t, struct sy_json root, const char *name)
{
    struct sy_str url = sy_json_text(sy_json_get_z(root, name), t->facts->mem);

    return sy_url_is_web(url) ? url : (struct sy_str){0};
}

/*
 * Whose move it is. A code means here what it means in the worker, whose caller is the gateway: its
 * bad key is ours, and its own trouble is the vendor's.
 */
static enum sy_origin origin_of(enum sy_code code)
{
    if (code == SY_CODE_UNAUTHORIZED || code == SY_CODE_FORBIDDEN)
        return SY_ORIGIN_GATEWAY;
    if (code == SY_CODE_RATE_LIMITED)
        return SY_ORIGIN_PROVIDER;
    return sy_code_origin(code) == SY_ORIGIN_GATEWAY ? SY_ORIGIN_VENDOR : SY_ORIGIN_DEFAULT;
}

static enum sy_cause cause_of(enum sy_code code)
{
    return code == SY_CODE_UNAUTHORIZED ? SY_CAUSE_CREDENTIALS_REFUSED
           : code == SY_CODE_FORBIDDEN  ? SY_CAUSE_CREDENTIALS_SCOPE
                                        : SY_CAUSE_PROVIDER_ERROR;
}

static void pass_numbers(const struct sy_turn *t, struct sy_json root, struct sy_failure *failure)
{
    struct sy_json retryable = sy_json_get_z(root, "retryable");
    int64_t number = 0;

    if (sy_json_i64(sy_json_get_z(root, "provider_status"), &number) && number >= 100 &&
        number < 600)
        failure->provider_status = (int)number;
    if (retryable.type == SY_JSON_TRUE || retryable.type == SY_JSON_FALSE)
        failure->retryable = retryable.type == SY_JSON_TRUE ? SY_TRI_YES : SY_TRI_NO;
    failure->not_applied = sy_json_get_z(root, "maybe_applied").type == SY_JSON_FALSE;
    failure->retry_after_ms = sy_turn_retry_after_ms(t);
    failure->origin = origin_of(failure->code);
    if (failure->code == SY_CODE_RATE_LIMITED)
        failure->limited_by = "provider";
    if (failure->code == SY_CODE_SCOPE_MISSING)
        failure->fix = "reconsent";
}

/* A problem document with one of our codes goes on as it came; nothing else is understood. */
static enum sy_step refused(const struct sy_turn *t)
{
    struct sy_arena *mem = t->facts->mem;
    struct sy_failure failure = {0};
    struct sy_json root;

    if (t->event->status < 400 || !sy_reply_object(t, &root))
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    failure.code = sy_code_from_name(sy_json_text(sy_json_get_z(root, "code"), mem));
    if (failure.code == SY_CODE_NONE)
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    failure.cause = cause_of(failure.code);
    failure.detail = sy_turn_vendor_text(t, sy_json_text(sy_json_get_z(root, "detail"), mem));
    failure.connect_url = web_of(t, root, "connect_url");
    failure.issue_url = web_of(t, root, "issue_url");
    failure.todo = sy_turn_vendor_text(t, sy_json_text(sy_json_get_z(root, "todo"), mem));
    failure.errors = raw_of(root, "errors", SY_JSON_ARRAY);
    failure.suggestions = raw_of(root, "suggestions", SY_JSON_ARRAY);
    failure.missing_scopes = raw_of(root, "missing_scopes", SY_JSON_ARRAY);
    failure.renamed_to = sy_json_text(sy_json_get_z(root, "renamed_to"), mem);
    failure.provider_body = sy_turn_vendor_json(t, sy_json_get_z(root, "provider_body"));
    pass_numbers(t, root, &failure);
    return sy_turn_fail_with(t, &failure);
}

static enum sy_step read_reply(const struct sy_turn *t)
{
    struct sy_json root, data;

    if (t->event->kind != SY_EVENT_REPLY)
        return sy_turn_fail_event(t);
    if (t->event->status != 200)
        return refused(t);
    if (!sy_reply_object(t, &root))
        return sy_reply_nonsense(t, SY_CAUSE_BAD_VENDOR_JSON);
    data = sy_json_get_z(root, "data");
    if (data.type == SY_JSON_NONE)
        return sy_reply_nonsense(t, SY_CAUSE_WRONG_TYPE);
    t->wish->result =
        (struct sy_result){.data = data.raw, .vendor_reply = sy_reply_others(t, root, "data")};
    return SY_STEP_DONE;
}

static enum sy_step resume(void *op, const struct sy_operation *what, const struct sy_event *event,
                           const struct sy_facts *facts, struct sy_wish *wish)
{
    const struct sy_turn t = {&sy_vendor_worker, what, event, facts, wish};

    (void)op;
    return sy_turn_said(&t, read_reply(&t));
}

const struct sy_vendor sy_vendor_worker = {
    .abi = SY_VENDOR_ABI,
    .name = "worker",
    .path = SY_PATH_WORKER,
    .can = SY_CAN(SY_OP_EXECUTE),
    .settings = settings,
    .start = start,
    .resume = resume,
    .tool_name = sy_snake_tool_name,
};
