/* GET /v1/calls: ledger rows, of one's own tenant unless an admin asks. */
#include "api/api_int.h"

static struct sy_ledger_query *query_new(struct api_request *rq)
{
    struct sy_ledger_query *query = sy_arena_zalloc(rq->arena, sizeof(*query));

    if (!query) {
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
        return NULL;
    }
    query->tenant = sy_arena_copy(rq->arena, rq->caller.tenant);
    return query;
}

static bool run_query(struct sy_store *store, struct api_job *job, struct sy_ledger_row **ret_rows,
                      size_t *ret_count)
{
    struct sy_err err = SY_ERR_INIT;

    *ret_rows = NULL;
    *ret_count = 0;
    /* Rows answered a moment ago may still stand in a journal. */
    sy_ledger_catch_up(sy_engine_ledger(api_job_engine(job)), store);
    return api_job_check(
        job, store->ops->query_ledger(store, job->in, &job->mem, ret_rows, ret_count, &err), &err);
}

static void list_work(struct sy_store *store, struct api_job *job)
{
    const struct sy_ledger_query *query = job->in;
    struct sy_str last = {NULL, 0};
    struct sy_ledger_row *rows;
    size_t count, shown;

    if (!run_query(store, job, &rows, &count))
        return;
    shown = count < query->limit ? count : query->limit - 1;
    api_list_begin(&job->w);
    for (size_t i = 0; i < shown; i++)
        sy_jw_raw(&job->w, rows[i].json);
    if (shown < count && shown)
        last = rows[shown - 1].id;
    api_list_end(&job->w, last, &job->mem);
}

void api_calls(struct api_request *rq)
{
    struct sy_ledger_query *query = query_new(rq);
    struct sy_str tenant = rq->query[API_Q_tenant];

    if (!query || !api_query_cursor(rq, &query->before))
        return;
    if (tenant.ptr && !sy_str_eq(tenant, rq->caller.tenant) && !api_is_admin(rq)) {
        api_fail_code(rq, SY_CODE_FORBIDDEN, SY_CAUSE_SCOPE,
                      SY_STR("only an admin key may look at another tenant"));
        return;
    }
    if (tenant.ptr)
        query->tenant = tenant;
    query->toolkit = rq->query[API_Q_toolkit];
    query->vendor = rq->query[API_Q_vendor];
    query->code = rq->query[API_Q_code];
    query->limit = api_query_limit(rq) + 1;
    api_job_start(rq, list_work, query, NULL);
}

static void one_work(struct sy_store *store, struct api_job *job)
{
    struct sy_failure missing = {.code = SY_CODE_NOT_FOUND,
                                 .detail = SY_STR("there is no such call")};
    struct sy_ledger_row *rows;
    size_t count;

    if (!run_query(store, job, &rows, &count))
        return;
    if (count)
        sy_jw_raw(&job->w, rows[0].json);
    else
        api_job_fail(job, &missing);
}

void api_call(struct api_request *rq)
{
    struct sy_ledger_query *query = query_new(rq);

    if (!query)
        return;
    /* Another tenant's call does not exist for anybody but an admin. */
    if (api_is_admin(rq))
        query->tenant = (struct sy_str){NULL, 0};
    query->id = rq->captured[0];
    query->limit = 1;
    api_job_start(rq, one_work, query, NULL);
}
