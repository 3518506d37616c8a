/* /v1/cases: missing toolkits by demand. */
#include "api/api_int.h"

struct case_input {
    struct sy_str state; /* absent: all */
    struct sy_str id;
    struct sy_str resolution;
    unsigned offset, limit;
};

static void write_case(struct sy_json_writer *w, const struct sy_case *the_case)
{
    sy_jw_object(w);
    sy_jw_member_str(w, "id", the_case->id);
    sy_jw_member_str(w, "name", the_case->name);
    sy_jw_member_str(w, "state", the_case->state);
    sy_jw_opt_str(w, "resolution", the_case->resolution);
    sy_jw_name(w, "calls");
    sy_jw_u64(w, the_case->calls);
    sy_jw_member_time(w, "opened_at", the_case->opened_at_ms);
    sy_jw_member_time(w, "last_seen", the_case->last_seen_ms);
    sy_jw_member_time(w, "closed_at", the_case->closed_at_ms);
    sy_jw_opt_str(w, "last_tool", the_case->last_tool);
    sy_jw_name(w, "tenants");
    sy_jw_object(w);
    for (size_t i = 0; i < the_case->tenant_count; i++) {
        int64_t calls = 0;

        (void)sy_str_to_i64(the_case->tenants[i].value, &calls);
        sy_jw_name_str(w, the_case->tenants[i].name);
        sy_jw_i64(w, calls);
    }
    sy_jw_object_end(w);
    sy_jw_object_end(w);
}

static struct case_input *input_new(struct api_request *rq)
{
    struct case_input *in = sy_arena_zalloc(rq->arena, sizeof(*in));

    if (!in)
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
    return in;
}

static void list_work(struct sy_store *store, struct api_job *job)
{
    const struct case_input *in = job->in;
    struct sy_err err = SY_ERR_INIT;
    struct sy_str position = {NULL, 0};
    struct sy_case *cases = NULL;
    size_t count = 0;

    if (!api_job_check(job,
                       store->ops->list_cases(store, in->state, in->offset, in->limit + 1,
                                              &job->mem, &cases, &count, &err),
                       &err))
        return;
    api_list_begin(&job->w);
    for (size_t i = 0; i < count && i < in->limit; i++)
        write_case(&job->w, &cases[i]);
    if (count > in->limit)
        position = sy_arena_printf(&job->mem, "%u", in->offset + in->limit);
    api_list_end(&job->w, position, &job->mem);
}

void api_cases(struct api_request *rq)
{
    struct case_input *in = input_new(rq);
    struct sy_str state = rq->query[API_Q_state], position;
    uint64_t offset = 0;

    if (!in || !api_query_cursor(rq, &position))
        return;
    if (position.ptr && (!sy_str_to_u64(position, &offset) || offset > 1000000)) {
        api_fail_parameter(rq, API_Q_cursor, "is not a next_cursor of ours");
        return;
    }
    in->state = state.ptr ? state : SY_STR("open");
    if (sy_str_eq(in->state, SY_STR("all"))) {
        in->state = (struct sy_str){NULL, 0};
    } else if (!sy_str_eq(in->state, SY_STR("open")) && !sy_str_eq(in->state, SY_STR("closed"))) {
        api_fail_parameter(rq, API_Q_state, "must be open, closed or all");
        return;
    }
    in->offset = (unsigned)offset;
    in->limit = api_query_limit(rq);
    api_job_start(rq, list_work, in, NULL);
}

static bool show(struct sy_store *store, struct api_job *job, struct sy_str id)
{
    struct sy_err err = SY_ERR_INIT;
    struct sy_case the_case;

    if (!api_job_check(job, store->ops->get_case(store, id, &job->mem, &the_case, &err), &err))
        return false;
    write_case(&job->w, &the_case);
    return true;
}

static void one_work(struct sy_store *store, struct api_job *job)
{
    const struct case_input *in = job->in;

    (void)show(store, job, in->id);
}

void api_case(struct api_request *rq)
{
    struct case_input *in = input_new(rq);

    if (!in)
        return;
    in->id = rq->captured[0];
    api_job_start(rq, one_work, in, NULL);
}

static void close_work(struct sy_store *store, struct api_job *job)
{
    const struct case_input *in = job->in;
    struct sy_err err = SY_ERR_INIT;
    struct sy_case the_case;

    if (!api_job_check(job, store->ops->get_case(store, in->id, &job->mem, &the_case, &err), &err))
        return;
    if (sy_str_eq(the_case.state, SY_STR("closed"))) {
        struct sy_failure closed = {.code = SY_CODE_CONFLICT,
                                    .detail = SY_STR("the case is closed already")};

        api_job_fail(job, &closed);
        return;
    }
    if (api_job_check(
            job, store->ops->close_case(store, the_case.id, in->resolution, job->note.at_ms, &err),
            &err))
        (void)show(store, job, the_case.id);
}

void api_case_close(struct api_request *rq)
{
    static const struct api_field fields[] = {
        {.pointer = "/resolution",
         .kind = API_FIELD_TEXT,
         .offset = offsetof(struct case_input, resolution),
         .check = api_check_line,
         .max = 1000},
    };
    struct case_input *in = input_new(rq);

    if (!in || !api_read_body(rq, true, fields, SY_ARRAY_LEN(fields), in, NULL))
        return;
    in->id = rq->captured[0];
    if (!in->resolution.ptr)
        in->resolution = SY_STR("closed by hand");
    api_job_start(rq, close_work, in, NULL);
}
