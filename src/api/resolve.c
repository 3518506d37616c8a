/* GET /v1/resolve and /v1/toolkits: decisions, nothing executed. */
#include "api/api_int.h"

#define ONE_DECISION_MAX ((size_t)4 << 20)

static bool check_names(struct api_request *rq)
{
    static const struct {
        enum api_query parameter;
        api_check_fn *check;
    } rules[] = {
        {API_Q_tool, api_check_tool},     {API_Q_toolkit, api_check_tool},
        {API_Q_vendor, api_check_tool},   {API_Q_user_id, api_check_user},
        {API_Q_tenant, api_check_tenant}, {API_Q_connection_id, api_check_visible},
    };
    struct api_errors errors = {.arena = rq->arena};

    for (size_t i = 0; i < SY_ARRAY_LEN(rules); i++) {
        struct sy_str value = rq->query[rules[i].parameter];
        const char *wrong = value.ptr ? rules[i].check(value) : NULL;

        if (!wrong)
            continue;
        api_error_in(&errors, "parameter", sy_str_of(api_queries[rules[i].parameter].name),
                     sy_str_of(wrong));
        errors.names++;
    }
    if (!rq->query[API_Q_tool].ptr && !rq->query[API_Q_toolkit].ptr)
        api_error_in(&errors, "parameter", SY_STR("tool"), SY_STR("tool or toolkit is required"));
    if (!errors.count)
        return true;
    api_fail_errors(rq, &errors);
    return false;
}

/* The tenant asked for, which only an admin may choose. */
static bool tenant_of(struct api_request *rq, struct sy_str *ret_tenant)
{
    struct sy_str tenant = rq->query[API_Q_tenant];

    *ret_tenant = rq->caller.tenant;
    if (!tenant.ptr || sy_str_eq(tenant, rq->caller.tenant))
        return true;
    if (!api_is_admin(rq)) {
        api_fail_code(rq, SY_CODE_FORBIDDEN, SY_CAUSE_SCOPE,
                      SY_STR("only an admin key may look at another tenant"));
        return false;
    }
    if (!sy_snapshot_tenant(sy_engine_snapshot(rq->al->engine), tenant)) {
        api_fail_code(rq, SY_CODE_NOT_FOUND, SY_CAUSE_NONE, SY_STR("there is no such tenant"));
        return false;
    }
    *ret_tenant = tenant;
    return true;
}

void api_resolve(struct api_request *rq)
{
    struct sy_resolve_request what = {
        .tool = rq->query[API_Q_tool],
        .toolkit = rq->query[API_Q_toolkit],
        .vendor = rq->query[API_Q_vendor],
        .user_id = rq->query[API_Q_user_id],
        .account = rq->query[API_Q_connection_id],
        .environment = rq->caller.environment,
    };
    struct sy_decision *decision;
    struct sy_json_writer w;
    struct sy_buf out;

    if (!check_names(rq) || !tenant_of(rq, &what.tenant))
        return;
    decision = sy_arena_zalloc(rq->arena, sizeof(*decision));
    if (!decision || sy_engine_resolve(rq->al->engine, &what, rq->arena, decision) != SY_OK) {
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
        return;
    }
    api_writer(rq, &out, &w);
    sy_jw_object(&w);
    sy_decision_write(&w, decision, api_query_bool(rq, API_Q_explain, true));
    sy_jw_object_end(&w);
    api_reply_json(rq, 200, &out);
}

/* ---- toolkits ---- */

static void write_route(struct sy_json_writer *w, const struct sy_decision *decision)
{
    const struct sy_candidate *first = decision->candidate_count ? &decision->candidates[0] : NULL;
    bool routed = decision->kind == SY_DECIDED && first;

    sy_jw_member_bool(w, "callable", routed && first->path != SY_PATH_PENDING);
    sy_jw_member_z(w, "path", routed ? sy_path_name(first->path) : NULL);
    sy_jw_member_str(w, "vendor", routed ? first->vendor : (struct sy_str){NULL, 0});
    sy_jw_member_z(w, "state", routed ? sy_row_state_name(first->state) : NULL);
    sy_jw_name(w, "because");
    sy_jw_array(w);
    for (unsigned i = 0; i < decision->because_count; i++)
        sy_jw_str(w, decision->because[i]);
    sy_jw_array_end(w);
    if (decision->kind == SY_DECIDED_NOT)
        sy_jw_member_z(w, "code", sy_code_name(decision->failure.code));
}

static void write_vendors(struct sy_json_writer *w, const struct sy_toolkit *toolkit)
{
    struct sy_row row;

    sy_jw_name(w, "vendors");
    sy_jw_array(w);
    for (size_t i = 0; sy_toolkit_row(toolkit, i, &row); i++)
        sy_jw_str(w, row.vendor);
    sy_jw_array_end(w);
    sy_jw_name(w, "aliases");
    sy_jw_array(w);
    for (size_t i = 0; i < toolkit->alias_count; i++)
        sy_jw_str(w, sy_toolkit_alias(toolkit, i));
    sy_jw_array_end(w);
    sy_jw_member_z(w, "criticality",
                   toolkit->has_criticality ? sy_criticality_name(toolkit->criticality) : NULL);
}

/* One toolkit as the caller's own calls would find it. */
static bool write_toolkit(struct api_request *rq, struct sy_json_writer *w,
                          const struct sy_toolkit *toolkit, struct sy_arena *scratch)
{
    struct sy_resolve_request what = {
        .toolkit = toolkit->name,
        .tenant = rq->caller.tenant,
        .environment = rq->caller.environment,
    };
    struct sy_decision *decision = sy_arena_zalloc(scratch, sizeof(*decision));

    if (!decision || sy_engine_resolve(rq->al->engine, &what, scratch, decision) != SY_OK)
        return false;
    sy_jw_object(w);
    sy_jw_member_str(w, "toolkit", toolkit->name);
    write_route(w, decision);
    write_vendors(w, toolkit);
    sy_jw_object_end(w);
    return true;
}

static bool is_wanted(const struct api_request *rq, const struct sy_toolkit *toolkit)
{
    struct sy_str search = rq->query[API_Q_search];

    return !search.ptr || sy_str_find_nocase(toolkit->name, search) != (size_t)-1;
}

void api_toolkits(struct api_request *rq)
{
    const struct sy_snapshot *snapshot = sy_engine_snapshot(rq->al->engine);
    unsigned limit = api_query_limit(rq), count = 0;
    struct sy_str after, last = {NULL, 0};
    struct sy_toolkit toolkit;
    struct sy_arena scratch;
    struct sy_json_writer w;
    struct sy_buf out;
    bool more = false, good = true;

    if (!api_query_cursor(rq, &after))
        return;
    api_writer(rq, &out, &w);
    sy_arena_init(&scratch, ONE_DECISION_MAX);
    api_list_begin(&w);
    for (; good && sy_snapshot_toolkit_after(snapshot, after, &toolkit); after = toolkit.name) {
        if (!is_wanted(rq, &toolkit))
            continue;
        more = count == limit;
        if (more)
            break;
        good = write_toolkit(rq, &w, &toolkit, &scratch);
        sy_arena_clear(&scratch);
        last = toolkit.name;
        count++;
    }
    sy_arena_release(&scratch);
    api_list_end(&w, more ? last : (struct sy_str){NULL, 0}, rq->arena);
    if (good)
        api_reply_json(rq, 200, &out);
    else
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
}

void api_toolkit(struct api_request *rq)
{
    struct sy_toolkit toolkit;
    struct sy_failure failure = {.code = SY_CODE_NOT_FOUND,
                                 .detail = SY_STR("the registry has no such toolkit")};
    struct sy_json_writer w;
    struct sy_buf out;

    if (!sy_snapshot_toolkit(sy_engine_snapshot(rq->al->engine), rq->captured[0], &toolkit)) {
        api_fail(rq, &failure);
        return;
    }
    api_writer(rq, &out, &w);
    if (write_toolkit(rq, &w, &toolkit, rq->arena))
        api_reply_json(rq, 200, &out);
    else
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
}
