/* PUT, PATCH, DELETE /v1/registry/toolkits/{toolkit}. */
#include "api/registry_change.h"

#include "registry/registry.h"

bool api_change_permitted(const struct change_input *in, int64_t version)
{
    struct sy_str rest = in->if_match, tag;

    if (in->if_none_match)
        return version == 0;
    if (version == 0)
        return false;
    while (sy_str_split(&rest, ',', &tag)) {
        int64_t wanted;

        tag = sy_str_trim(tag);
        if (sy_str_eq(tag, SY_STR("*")))
            return true;
        if (tag.len > 2 && tag.ptr[0] == '"' && tag.ptr[tag.len - 1] == '"' &&
            sy_str_to_i64(sy_str_from(tag.ptr + 1, tag.len - 2), &wanted) && wanted == version)
            return true;
    }
    return false;
}

/* ---- the rows that are to be ---- */

static bool read_rows(struct api_job *job, struct change_state *state, struct sy_str json)
{
    struct api_errors errors = {.arena = &job->mem};
    struct sy_row *rows = NULL;
    struct sy_failure failure;
    size_t count = 0;
    int status = sy_rows_from_json(json, state->toolkit, &job->mem, &rows, &count, &state->facts,
                                   api_errors_writer(&errors));

    if (status == SY_OK && count) {
        state->after = (struct api_rows){.rows = rows, .count = count, .facts = &state->facts};
        state->change.kind = SY_CHANGE_PUT_TOOLKIT;
        state->change.rows = rows;
        state->change.row_count = count;
        state->change.facts = &state->facts;
        return true;
    }
    if (status == SY_OK)
        api_error_at(&errors, SY_STR(""), "holds no row; DELETE removes a toolkit");
    failure = api_errors_failure(&errors);
    if (status != SY_OK && status != SY_INVALID)
        failure = api_failure_of(status, (struct sy_str){NULL, 0});
    api_job_fail(job, &failure);
    return false;
}

static bool patch_rows(struct api_job *job, struct change_state *state)
{
    const struct change_input *in = job->in;
    struct api_errors errors = {.arena = &job->mem};
    struct sy_str json = api_rows_patched(&state->before, in->body, &errors);
    struct sy_failure failure;

    if (json.ptr && !errors.count)
        return read_rows(job, state, json);
    failure = api_errors_failure(&errors);
    api_job_fail(job, &failure);
    return false;
}

static bool delete_rows(struct api_job *job, struct change_state *state)
{
    const struct change_input *in = job->in;
    struct sy_row *left = sy_arena_array(&job->mem, state->before.count + 1, sizeof(*left));
    struct sy_failure failure = {.code = SY_CODE_NOT_FOUND,
                                 .detail = SY_STR("the toolkit has no row at this vendor")};
    size_t count = 0;

    state->change.kind = SY_CHANGE_PUT_TOOLKIT;
    if (!in->vendor.ptr)
        return true;
    for (size_t i = 0; left && i < state->before.count; i++)
        if (!sy_str_eq_nocase(state->before.rows[i].vendor, in->vendor))
            left[count++] = state->before.rows[i];
        else
            state->deleted = state->before.rows[i];
    if (!left || count == state->before.count) {
        api_job_fail(job, &failure);
        return false;
    }
    state->after = (struct api_rows){.rows = left, .count = count, .facts = state->before.facts};
    if (!count)
        return true;
    state->change.kind = SY_CHANGE_DELETE_ROW;
    state->change.rows = &state->deleted;
    state->change.row_count = 1;
    return true;
}

static bool prepare(struct api_job *job, struct change_state *state)
{
    const struct change_input *in = job->in;

    state->change =
        (struct sy_change){.toolkit = state->toolkit, .expected_version = state->before.version};
    switch (in->kind) {
    case CHANGE_PUT:
        return read_rows(job, state, in->body);
    case CHANGE_PATCH:
        return patch_rows(job, state);
    case CHANGE_DELETE:
        return delete_rows(job, state);
    }
    return false;
}

/* ---- the work ---- */

static bool check_precondition(struct api_job *job, const struct change_state *state)
{
    const struct change_input *in = job->in;
    struct sy_failure failure = {.code = SY_CODE_NOT_FOUND,
                                 .detail = SY_STR("the registry has no such toolkit")};

    if (in->kind == CHANGE_PUT || state->before.count) {
        if (api_change_permitted(in, state->before.version))
            return true;
        failure.code = SY_CODE_PRECONDITION_FAILED;
        failure.detail =
            state->before.count
                ? sy_arena_printf(&job->mem, "the toolkit is at version \"%lld\"",
                                  (long long)state->before.version)
                : SY_STR("the toolkit does not exist; create it with If-None-Match: *");
    }
    api_job_fail(job, &failure);
    return false;
}

static void write_result(struct sy_store *store, struct api_job *job,
                         const struct change_state *state)
{
    struct sy_registry registry;
    struct api_rows now;

    if (job->failed || !state->after.count) {
        job->status = job->rq->route->status;
        return;
    }
    if (!api_job_load(job, store, &registry))
        return;
    now = api_rows_find(&registry, state->toolkit, &job->mem, NULL);
    if (((const struct change_input *)job->in)->kind != CHANGE_DELETE)
        api_rows_write(&job->w, &now);
    job->etag = sy_arena_printf(&job->mem, "\"%lld\"", (long long)now.version);
    if (!state->before.count)
        job->status = 201;
}

static void change_work(struct sy_store *store, struct api_job *job)
{
    const struct change_input *in = job->in;
    struct sy_err err = SY_ERR_INIT;
    struct change_state state = {0};
    int64_t version;

    if (!api_job_load(job, store, &state.registry))
        return;
    state.before = api_rows_find(&state.registry, in->toolkit, &job->mem, &state.toolkit);
    if (!check_precondition(job, &state) || !prepare(job, &state))
        return;
    if (!api_job_check(
            job,
            store->ops->apply(store, &state.change, 1, &job->note, in->dry_run, &version, &err),
            &err))
        return;
    if (in->dry_run)
        api_change_effect(job, &state);
    else if (api_job_publish(job, store))
        write_result(store, job, &state);
}

/* ---- the request ---- */

/* The vendors' health is the loop's to read; names are static. */
static void take_health(struct api_request *rq, struct change_input *in)
{
    struct sy_vendor_health all[SY_VENDORS_MAX];
    size_t count = sy_engine_vendors(rq->al->engine, all, SY_VENDORS_MAX);

    for (size_t i = 0; i < count; i++) {
        if (!all[i].present || all[i].unavailable || all[i].quarantined)
            in->absent[in->absent_count++] = all[i].name;
        else if (all[i].breaker_open)
            in->broken[in->broken_count++] = all[i].name;
    }
}

static bool take_preconditions(struct api_request *rq, struct change_input *in)
{
    static const struct sy_str if_match = SY_STR_INIT("if-match");
    static const struct sy_str if_none_match = SY_STR_INIT("if-none-match");

    if (sy_http_header_count(rq->head, if_match) == 1)
        in->if_match = sy_http_header_get(rq->head, if_match);
    in->if_none_match = in->kind == CHANGE_PUT && !in->if_match.ptr &&
                        sy_str_eq(sy_http_header_get(rq->head, if_none_match), SY_STR("*"));
    if (in->if_match.len || in->if_none_match)
        return true;
    api_fail_code(rq, SY_CODE_PRECONDITION_REQUIRED, SY_CAUSE_NONE,
                  in->kind == CHANGE_PUT
                      ? SY_STR("send If-Match with the ETag of the rows you read, or "
                               "If-None-Match: * to create the toolkit")
                      : SY_STR("send If-Match with the ETag of the rows you read"));
    return false;
}

static void change(struct api_request *rq, enum change_kind kind)
{
    struct change_input *in = sy_arena_zalloc(rq->arena, sizeof(*in));
    const char *wrong = api_check_tool(rq->captured[0]);

    if (!in) {
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
        return;
    }
    if (wrong) {
        api_fail_code(rq, SY_CODE_INVALID_REQUEST, SY_CAUSE_BAD_NAME,
                      sy_arena_printf(rq->arena, "the toolkit's name %s", wrong));
        return;
    }
    in->kind = kind;
    in->toolkit = rq->captured[0];
    in->body = sy_exchange_body(rq->x);
    in->vendor = rq->query[API_Q_vendor];
    in->dry_run = api_query_bool(rq, API_Q_dry_run, false);
    in->tenant = sy_arena_copy(rq->arena, rq->caller.tenant);
    in->environment = sy_arena_copy(rq->arena, rq->caller.environment);
    if (kind != CHANGE_DELETE && !api_expect_json(rq))
        return;
    if (!take_preconditions(rq, in))
        return;
    take_health(rq, in);
    api_job_start(rq, change_work, in, NULL);
}

void api_registry_put(struct api_request *rq)
{
    change(rq, CHANGE_PUT);
}

void api_registry_patch(struct api_request *rq)
{
    change(rq, CHANGE_PATCH);
}

void api_registry_delete(struct api_request *rq)
{
    change(rq, CHANGE_DELETE);
}
