#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "registry/registry.h"

/* ---- two vendors made for the purpose ---- */

struct test_op {
    int sends;
};

static struct sy_failure failure_of(int status)
{
    if (status == 503)
        return (struct sy_failure){
            .code = SY_CODE_VENDOR_UNAVAILABLE, .cause = SY_CAUSE_VENDOR_5XX, .not_applied = true};
    if (status == 500)
        return (struct sy_failure){.code = SY_CODE_VENDOR_UNAVAILABLE,
                                   .cause = SY_CAUSE_VENDOR_5XX};
    if (status == 404)
        return (struct sy_failure){.code = SY_CODE_TOOLKIT_NOT_CONFIGURED,
                                   .cause = SY_CAUSE_NO_AUTH_CONFIG,
                                   .not_applied = true};
    if (status == 424)
        return (struct sy_failure){.code = SY_CODE_CONNECTION_REQUIRED, .not_applied = true};
    return (struct sy_failure){.code = SY_CODE_TOOL_FAILED,
                               .cause = SY_CAUSE_PROVIDER_ERROR,
                               .provider_status = status,
                               .not_applied = true};
}

static enum sy_step test_send(const struct sy_operation *what, const struct sy_facts *facts,
                              const char *path, struct sy_wish *wish)
{
    static const struct sy_str base = SY_STR_INIT("https://vendor.test/");
    const struct sy_str parts[3] = {base, sy_str_of(path), facts->subject};

    wish->request.url = sy_arena_join(facts->mem, parts, 3);
    wish->request.verb = SY_VERB_POST;
    wish->request.bound = facts->subject;
    wish->request.purpose = what->op == SY_OP_EXECUTE ? SY_FOR_EXECUTE : SY_FOR_LOOKUP;
    if (what->op == SY_OP_EXECUTE) {
        wish->request.body[0] = what->arguments;
        wish->request.body_count = 1;
        wish->request.effect = what->effect == SY_EFFECT_READ ? SY_REQUEST_NONE : SY_REQUEST_WRITE;
    }
    return SY_STEP_SEND;
}

/* EXECUTE first needs a token; a 401 rejects it once. */
static enum sy_step test_start(void *op, const struct sy_operation *what,
                               const struct sy_facts *facts, struct sy_wish *wish)
{
    (void)op;
    if (what->op == SY_OP_MINT)
        return test_send(what, facts, "mint/", wish);
    if (what->op == SY_OP_ACCOUNTS)
        return test_send(what, facts, "accounts/", wish);
    if (what->op == SY_OP_PROBE)
        return test_send(what, facts, "probe/", wish);
    wish->need.kind = SY_FACT_TOKEN;
    wish->need.key = SY_STR("");
    return SY_STEP_NEED;
}

static enum sy_step test_reply(struct test_op *op, const struct sy_operation *what,
                               const struct sy_event *event, const struct sy_facts *facts,
                               struct sy_wish *wish)
{
    static const struct sy_found found = {.slug = SY_STR_INIT("newkit"),
                                          .name = SY_STR_INIT("New Kit")};

    if (event->status == 401 && what->op == SY_OP_EXECUTE && op->sends == 1) {
        wish->need.kind = SY_FACT_TOKEN;
        wish->need.key = SY_STR("");
        wish->forget.token = true;
        wish->need.reject_generation = sy_fact_find(facts, SY_FACT_TOKEN, SY_STR(""))->generation;
        return SY_STEP_NEED;
    }
    if (event->status >= 400) {
        wish->failure = failure_of(event->status);
        return SY_STEP_FAIL;
    }
    if (what->op == SY_OP_EXECUTE && event->status == 206) {
        wish->result.vendor_reply = event->body;
    } else if (what->op == SY_OP_EXECUTE) {
        wish->result.data = event->body;
    } else if (what->op == SY_OP_PROBE) {
        wish->result.found = &found;
        wish->result.found_count = event->body.len > 2;
    } else {
        wish->result.value = event->body;
        wish->result.ttl_ms = what->op == SY_OP_MINT ? 3600000 : 0;
    }
    return SY_STEP_DONE;
}

static enum sy_step test_resume(void *state, const struct sy_operation *what,
                                const struct sy_event *event, const struct sy_facts *facts,
                                struct sy_wish *wish)
{
    struct test_op *op = state;

    if (event->kind == SY_EVENT_FACT) {
        op->sends++;
        return test_send(what, facts, "run/", wish);
    }
    if (event->kind == SY_EVENT_REPLY)
        return test_reply(op, what, event, facts, wish);
    wish->failure = *event->failure;
    return SY_STEP_FAIL;
}

static struct sy_str test_tool_name(struct sy_str slug, struct sy_str action, struct sy_arena *mem)
{
    const struct sy_str parts[3] = {slug, SY_STR_INIT("_"), action};

    return sy_arena_join(mem, parts, 3);
}

static const struct sy_setting no_settings[] = {{NULL, NULL, 0, NULL}};

#define TEST_VENDOR(vendor_name)                                                                   \
    {                                                                                              \
        .abi = SY_VENDOR_ABI, .name = vendor_name, .path = SY_PATH_NATIVE,                         \
        .can = SY_CAN(SY_OP_EXECUTE) | SY_CAN(SY_OP_MINT) | SY_CAN(SY_OP_ACCOUNTS) |               \
               SY_CAN(SY_OP_PROBE),                                                                \
        .user_connection = true, .op_size = sizeof(struct test_op), .settings = no_settings,       \
        .start = test_start, .resume = test_resume, .tool_name = test_tool_name,                   \
    }
static const struct sy_vendor alpha = TEST_VENDOR("composio");
static const struct sy_vendor beta = TEST_VENDOR("scalekit");

/* ---- transfers that answer from the script ---- */

struct scripted_transfer {
    struct harness *h;
    struct scripted what;
    struct sy_timer timer;
    sy_transfer_done_fn *done;
    void *ctx;
};

static void deliver(struct sy_loop *loop, struct sy_timer *timer)
{
    struct scripted_transfer *t = timer->ctx;
    struct sy_transfer_result result = {
        .failure = t->what.failure,
        .cause = t->what.cause,
        .started = t->what.started || t->what.failure == SY_NET_OK,
        .sends = t->what.sends,
        .status = t->what.status,
        .body = sy_str_of(t->what.body),
    };

    (void)loop;
    t->done((struct sy_transfer *)(void *)t, &result, t->ctx);
}

static void remember(struct harness *h, const struct sy_request *request)
{
    struct sent *sent = &h->sent[h->sent_count++];

    assert_true(h->sent_count <= SCRIPT_MAX);
    snprintf(sent->url, sizeof(sent->url), "%.*s", SY_FMT(request->url));
    if (request->body_count)
        snprintf(sent->body, sizeof(sent->body), "%.*s", SY_FMT(request->body[0]));
    sent->verb = request->verb;
    sent->effect = request->effect;
}

static struct sy_transfer *script_start(void *self, const struct sy_transfer_request *what,
                                        sy_transfer_done_fn *done, void *ctx)
{
    struct harness *h = self;
    struct scripted_transfer *t = calloc(1, sizeof(*t));

    assert_non_null(t);
    remember(h, what->request);
    h->sent[h->sent_count - 1].sends_max = what->sends_max;
    t->h = h;
    t->what = h->script_at < h->script_count
                  ? h->script[h->script_at++]
                  : (struct scripted){.status = 200, .body = "{\"default\":true}"};
    t->done = done;
    t->ctx = ctx;
    t->timer.fn = deliver;
    t->timer.ctx = t;
    if (t->what.delay_ms >= 0)
        assert_int_equal(
            sy_timer_set(h->loop, &t->timer, sy_loop_now_ms(h->loop) + t->what.delay_ms), SY_OK);
    return (struct sy_transfer *)(void *)t;
}

static bool script_cancel(void *self, struct sy_transfer *transfer)
{
    struct scripted_transfer *t = (struct scripted_transfer *)(void *)transfer;
    struct harness *h = self;

    sy_timer_cancel(h->loop, &t->timer);
    return t->what.started;
}

static void script_release(void *self, struct sy_transfer *transfer)
{
    (void)self;
    free(transfer);
}

static const struct sy_transfers_ops script_ops = {
    .start = script_start, .cancel = script_cancel, .release = script_release};

/* ---- life ---- */

static void seed(struct harness *h, struct sy_store *store, const char *rows)
{
    struct sy_change_note note = {.actor = SY_STR("test"), .at_ms = 1};
    struct sy_err err = SY_ERR_INIT;
    struct sy_import import;
    struct sy_arena arena;
    struct sy_buf faults;
    int64_t version;

    (void)h;
    sy_arena_init(&arena, (size_t)1 << 20);
    sy_buf_init(&faults, 65536);
    if (sy_registry_read(sy_str_of(rows), SY_STR("rows.yaml"), SY_FORMAT_YAML, &arena, &import,
                         &faults) != SY_OK)
        fail_msg("%.*s", SY_FMT(sy_buf_str(&faults)));
    if (store->ops->apply(store, import.changes, import.change_count, &note, false, &version,
                          &err) != SY_OK)
        fail_msg("%s", err.text);
    sy_buf_release(&faults);
    sy_arena_release(&arena);
}

struct reload {
    struct harness *h;
    struct sy_err err;
    int status;
};

static void reload_work(struct sy_store *store, struct sy_writer_job *job)
{
    struct reload *reload = job->ctx;

    reload->status = sy_engine_reload(reload->h->engine, store, &reload->err);
}

static void load_policy(struct harness *h, const char *text)
{
    static const struct sy_str names[] = {SY_STR_INIT("composio"),  SY_STR_INIT("scalekit"),
                                          SY_STR_INIT("pipedream"), SY_STR_INIT("worker"),
                                          SY_STR_INIT("pending"),   SY_STR_INIT("session")};
    struct sy_policy_source source = {SY_STR("policy.yaml"), sy_str_of(text)};
    struct reload reload = {.h = h, .err = SY_ERR_INIT};
    struct sy_policy *policy;
    struct sy_faults faults;
    struct sy_arena arena;

    sy_faults_init(&faults);
    sy_arena_init(&arena, (size_t)4 << 20);
    policy = sy_arena_zalloc(&arena, sizeof(*policy));
    if (sy_policy_load(&source, 1, names, SY_ARRAY_LEN(names), &arena, policy, &faults) != SY_OK)
        fail_msg("%.*s", SY_FMT(sy_buf_str(&faults.text)));
    sy_faults_release(&faults);
    sy_engine_set_policy(h->engine, &arena, policy);
    sy_writer_run(h->writer, reload_work, &reload);
    if (reload.status != SY_OK)
        fail_msg("%s", reload.err.text);
}

void harness_start(struct harness *h, const char *policy, const char *rows)
{
    struct sy_store_options store_options = {.url = SY_STR("memory:")};
    struct sy_ledger_options ledger = {.journal_bytes = (size_t)64 << 20};
    struct sy_vendor_runtime runtimes[] = {{.vendor = &alpha, .present = true},
                                           {.vendor = &beta, .present = true}};
    struct sy_engine_options options = {
        .vendors = runtimes, .vendor_count = 2, .memory = (size_t)64 << 20};
    struct sy_transfers transfers = {.ops = &script_ops, .self = h};
    struct sy_err err = SY_ERR_INIT;
    struct sy_store *store;
    unsigned lost;

    memset(h, 0, sizeof(*h));
    snprintf(h->folder, sizeof(h->folder), "/tmp/sy-engine-XXXXXX");
    assert_non_null(mkdtemp(h->folder));
    assert_int_equal(sy_loop_create(0, &h->loop, &err), SY_OK);
    assert_int_equal(sy_store_open(&store_options, &store, &err), SY_OK);
    seed(h, store, rows);
    assert_int_equal(sy_writer_create(store, &h->writer, &err), SY_OK);
    ledger.directory = sy_str_of(h->folder);
    assert_int_equal(sy_ledger_create(&ledger, h->writer, 2, &h->ledger, &lost, &err), SY_OK);
    assert_int_equal(sy_metrics_create(&h->metrics, &err), SY_OK);
    options.writer = h->writer;
    options.ledger = h->ledger;
    options.metrics = h->metrics;
    assert_int_equal(sy_engine_create(&options, &h->engine, &err), SY_OK);
    load_policy(h, policy);
    assert_int_equal(sy_engine_attach(h->engine, h->loop, transfers, &h->el, &err), SY_OK);
}

void harness_stop(struct harness *h)
{
    char path[128];

    harness_run_ms(h, 1);
    sy_engine_detach(h->el);
    sy_ledger_destroy(h->ledger);
    sy_engine_free(h->engine);
    sy_writer_destroy(h->writer);
    sy_metrics_free(h->metrics);
    sy_loop_destroy(h->loop);
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s/journal-%d%s", h->folder, i / 2, i % 2 ? "b" : "");
        unlink(path);
    }
    rmdir(h->folder);
}

void harness_answer_with(struct harness *h, struct scripted what)
{
    assert_true(h->script_count < SCRIPT_MAX);
    h->script[h->script_count++] = what;
}

static void answered(struct sy_call *call, const struct sy_call_answer *answer, void *ctx)
{
    struct harness *h = ctx;
    struct sy_json root;
    struct sy_buf whole;

    (void)call;
    assert_true(h->answer_count < SCRIPT_MAX);
    h->answers[h->answer_count].status = answer->status;
    h->answers[h->answer_count].replayed = answer->replayed;
    h->answers[h->answer_count].retry_after_ms = answer->retry_after_ms;
    snprintf(h->answers[h->answer_count].call_id, sizeof(h->answers[0].call_id), "%.*s",
             SY_FMT(answer->call_id));
    sy_buf_init(&whole, (size_t)64 << 20);
    for (unsigned i = 0; i < answer->body_count; i++)
        sy_buf_append(&whole, answer->body[i]);
    h->answers[h->answer_count].bytes = whole.len;
    h->answers[h->answer_count].valid = sy_json_read(sy_buf_str(&whole), 64, &root, NULL) == SY_OK;
    snprintf(h->answers[h->answer_count].body, sizeof(h->answers[0].body), "%.*s",
             SY_FMT(sy_buf_str(&whole)));
    sy_buf_release(&whole);
    h->answer_count++;
    if (--h->waiting == 0)
        sy_loop_stop(h->loop);
}

struct sy_call *harness_call(struct harness *h, const char *tool, const char *key,
                             int64_t timeout_ms)
{
    struct sy_call_request request = {
        .caller = {.tenant = SY_STR("acme"),
                   .key_id = SY_STR("key_1"),
                   .environment = SY_STR("production"),
                   .scopes = SY_SCOPE_CALL},
        .tool = sy_str_of(tool),
        .user_id = SY_STR("u1"),
        .idempotency_key = sy_str_of(key),
        .arguments = SY_STR("{\"n\":12345678901234567890}"),
        .body = sy_str_of(tool),
        .timeout_ms = timeout_ms,
    };
    struct sy_call *call = sy_engine_execute(h->el, &request, answered, h);

    assert_non_null(call);
    h->waiting++;
    return call;
}

void harness_run(struct harness *h)
{
    if (h->waiting)
        sy_loop_run(h->loop);
    assert_int_equal(h->waiting, 0);
}

static void stop_now(struct sy_loop *loop, struct sy_timer *timer)
{
    (void)timer;
    sy_loop_stop(loop);
}

void harness_run_ms(struct harness *h, int64_t ms)
{
    struct sy_timer timer = {.fn = stop_now};

    assert_int_equal(sy_timer_set(h->loop, &timer, sy_clock_ms() + ms), SY_OK);
    sy_loop_run(h->loop);
    sy_timer_cancel(h->loop, &timer);
}

struct sy_str harness_member(struct harness *h, unsigned n, const char *path)
{
    struct sy_json root;

    assert_true(n < h->answer_count);
    assert_int_equal(sy_json_read(sy_str_of(h->answers[n].body), 64, &root, NULL), SY_OK);
    return sy_json_path(root, path).raw;
}

struct ledger_read {
    struct harness *h;
    struct sy_arena *arena;
    struct sy_str text;
};

static void ledger_work(struct sy_store *store, struct sy_writer_job *job)
{
    struct ledger_read *read = job->ctx;
    struct sy_ledger_query query = {.limit = 100};
    struct sy_err err = SY_ERR_INIT;
    struct sy_ledger_row *rows;
    struct sy_buf text;
    size_t count;

    sy_ledger_catch_up(read->h->ledger, store);
    sy_buf_init_arena(&text, read->arena, (size_t)1 << 20);
    if (store->ops->query_ledger(store, &query, read->arena, &rows, &count, &err) == SY_OK)
        for (size_t i = 0; i < count; i++) {
            sy_buf_append(&text, rows[i].json);
            sy_buf_append_char(&text, '\n');
        }
    read->text = sy_buf_str(&text);
}

struct sy_str harness_ledger(struct harness *h, struct sy_arena *arena)
{
    struct ledger_read read = {.h = h, .arena = arena};

    sy_writer_run(h->writer, ledger_work, &read);
    return read.text;
}
