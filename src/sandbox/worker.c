/*
 * A worker that speaks the worker protocol: a small billing service. It verifies the signature and
 * the timestamp, answers a repeated Idempotency-Key with the first answer, and echoes tools whose
 * name ends in "echo" or begins with "echo_".
 */
#include "sandbox/internal.h"

#include "base/crypto.h"
#include "base/encode.h"
#include "sandbox/credentials.h"

#define CLOCK_SKEW_S 300
#define REPLAYS_MAX 10000u

struct replay {
    struct sy_str key, body;
    int status;
};

static void problem(struct sy_sb_request *r, int status, const char *code, const char *detail)
{
    sy_buf_clear(&r->out);
    sy_jw_init(&r->w, &r->out);
    sy_jw_object(&r->w);
    sy_jw_member_z(&r->w, "type", "about:blank");
    sy_jw_member_z(&r->w, "title", code);
    sy_jw_member_i64(&r->w, "status", status);
    sy_jw_member_z(&r->w, "code", code);
    sy_jw_member_z(&r->w, "detail", detail);
    sy_jw_object_end(&r->w);
    sy_sb_send_as(r, status, "application/problem+json", sy_buf_str(&r->out));
}

void sy_sb_worker_unauthorized(struct sy_sb_request *r)
{
    problem(r, 401, "unauthorized", "The signature is missing or wrong.");
}

void sy_sb_worker_limited(struct sy_sb_request *r)
{
    problem(r, 429, "rate_limited", "Too many requests.");
}

static bool signed_well(struct sy_sb_request *r)
{
    struct sy_str stamp = sy_sb_header(r, "x-switchyard-timestamp");
    struct sy_str given = sy_sb_header(r, "x-switchyard-signature");
    const struct sy_str parts[3] = {stamp, SY_STR("."), r->body};
    unsigned char mac[SY_SHA256_SIZE];
    struct sy_buf expected;
    int64_t at;
    if (!sy_str_to_i64(stamp, &at))
        return false;
    int64_t skew = sy_sb_now(r->sb) / 1000 - at;
    sy_hmac_sha256(SY_STR(SY_SB_WORKER_SECRET), parts, 3, mac);
    sy_buf_init_arena(&expected, r->mem, 128);
    sy_buf_append_z(&expected, "v1=");
    sy_hex(&expected, sy_str_from((const char *)mac, sizeof(mac)));
    return skew <= CLOCK_SKEW_S && skew >= -CLOCK_SKEW_S &&
           sy_secret_eq(sy_buf_str(&expected), given);
}

/* ---- the service ---- */

static struct sy_str text_arg(struct sy_sb_request *r, struct sy_json arguments, const char *name)
{
    return sy_json_text(sy_json_get_z(arguments, name), r->mem);
}

static void write_invoice(struct sy_sb_request *r, struct sy_str id, struct sy_json arguments,
                          const char *status)
{
    struct sy_json_writer *w = &r->w;
    struct sy_json amount = sy_json_get_z(arguments, "amount");
    struct sy_json customer = sy_json_get_z(arguments, "customer");
    sy_jw_object(w);
    sy_jw_member_str(w, "invoice_id", id);
    sy_jw_member_raw(w, "customer",
                     customer.type == SY_JSON_NONE ? SY_STR("\"cus_northwind\"") : customer.raw);
    sy_jw_member_raw(w, "amount", amount.type == SY_JSON_NONE ? SY_STR("4200") : amount.raw);
    sy_jw_member_z(w, "currency", "eur");
    sy_jw_member_z(w, "status", status);
    sy_jw_object_end(w);
}

typedef bool tool_fn(struct sy_sb_request *r, struct sy_json arguments);

static bool create_invoice(struct sy_sb_request *r, struct sy_json arguments)
{
    if (sy_json_get_z(arguments, "customer").type != SY_JSON_STRING) {
        problem(r, 422, "invalid_arguments", "customer is required and a string.");
        return false;
    }
    write_invoice(r, sy_sb_new_id(r->sb, r->mem, "inv_", 8), arguments, "open");
    return true;
}

static bool get_invoice(struct sy_sb_request *r, struct sy_json arguments)
{
    struct sy_str id = text_arg(r, arguments, "invoice_id");
    if (!id.ptr || sy_str_eq(id, SY_STR("missing"))) {
        problem(r, 422, "tool_failed", "No such invoice.");
        return false;
    }
    write_invoice(r, id, arguments, "open");
    return true;
}

static bool list_invoices(struct sy_sb_request *r, struct sy_json arguments)
{
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "invoices");
    sy_jw_array(&r->w);
    write_invoice(r, SY_STR("inv_1001"), arguments, "paid");
    write_invoice(r, SY_STR("inv_1002"), arguments, "open");
    sy_jw_array_end(&r->w);
    sy_jw_object_end(&r->w);
    return true;
}

static bool void_invoice(struct sy_sb_request *r, struct sy_json arguments)
{
    struct sy_str id = text_arg(r, arguments, "invoice_id");
    if (sy_str_eq(id, SY_STR("inv_1001"))) {
        problem(r, 422, "tool_failed", "A paid invoice cannot be voided.");
        return false;
    }
    write_invoice(r, id.ptr ? id : SY_STR("inv_1002"), arguments, "void");
    return true;
}

static const struct {
    const char *name; /* the end of the tool's name */
    tool_fn *run;
} tools[] = {
    {"create_invoice", create_invoice},
    {"get_invoice", get_invoice},
    {"list_invoices", list_invoices},
    {"void_invoice", void_invoice},
};

/* Writes the data; false after answering a problem. */
static bool run_tool(struct sy_sb_request *r)
{
    struct sy_json arguments = sy_json_get_z(r->json, "arguments");
    if (sy_str_ends(r->tool, SY_STR("echo")) || sy_str_starts(r->tool, SY_STR("echo_"))) {
        sy_jw_raw(&r->w, arguments.type == SY_JSON_NONE ? SY_STR("null") : arguments.raw);
        return true;
    }
    for (size_t i = 0; i < SY_ARRAY_LEN(tools); i++) {
        if (sy_str_ends(r->tool, sy_str_of(tools[i].name)))
            return tools[i].run(r, arguments);
    }
    problem(r, 404, "tool_not_found", "This worker has no such tool.");
    return false;
}

static void remember(struct sy_sb_request *r, struct sy_str key)
{
    struct replay *replay = sy_arena_zalloc(&r->sb->state, sizeof(*replay));
    if (!key.len || !replay || r->sb->replays.count >= REPLAYS_MAX ||
        !sy_sb_list_add(&r->sb->replays, replay))
        return;
    replay->key = sy_arena_copy(&r->sb->state, key);
    replay->body = sy_arena_copy(&r->sb->state, sy_buf_str(&r->out));
    replay->status = 200;
    sy_sb_index_put(&r->sb->replay_by_key, replay->key, replay);
}

void sy_sb_worker(struct sy_sb_request *r)
{
    struct sy_str key = sy_sb_header(r, "idempotency-key");
    const struct replay *before = sy_sb_index_get(&r->sb->replay_by_key, key);
    if (r->head->method != SY_HTTP_POST) {
        problem(r, 405, "method_not_allowed", "POST a call.");
        return;
    }
    if (!signed_well(r)) {
        sy_sb_worker_unauthorized(r);
        return;
    }
    if (r->json.type != SY_JSON_OBJECT || !r->tool.ptr) {
        problem(r, 400, "invalid_request", "The body is not a call.");
        return;
    }
    if (before) {
        sy_sb_add_header(r, "Idempotent-Replayed", SY_STR("true"));
        sy_sb_send_as(r, before->status, "application/json", before->body);
        return;
    }
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "data");
    if (!run_tool(r))
        return;
    sy_jw_object_end(&r->w);
    remember(r, key);
    sy_sb_send(r, 200);
}
