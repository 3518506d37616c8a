/* GET /v1/registry/…: the rows with all their columns, from the store. */
#include "api/api_int.h"

#include "registry/registry.h"

struct read_input {
    struct sy_str toolkit;
    struct sy_str after, vendor, search;
    bool by_state;
    enum sy_row_state state;
    unsigned limit;
    enum sy_registry_format format;
};

static struct read_input *input_new(struct api_request *rq)
{
    struct read_input *in = sy_arena_zalloc(rq->arena, sizeof(*in));

    if (!in) {
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
        return NULL;
    }
    in->toolkit = rq->captured[0];
    in->vendor = rq->query[API_Q_vendor];
    in->search = rq->query[API_Q_search];
    in->limit = api_query_limit(rq);
    return in;
}

/* ---- list ---- */

static bool is_wanted(const struct read_input *in, const struct api_rows *rows)
{
    struct sy_str name = rows->rows[0].toolkit;

    if ((in->after.ptr && sy_str_cmp(name, in->after) <= 0) ||
        (in->search.ptr && sy_str_find_nocase(name, in->search) == (size_t)-1))
        return false;
    if (!in->vendor.ptr && !in->by_state)
        return true;
    for (size_t i = 0; i < rows->count; i++)
        if ((!in->vendor.ptr || sy_str_eq_nocase(rows->rows[i].vendor, in->vendor)) &&
            (!in->by_state || rows->rows[i].state == in->state))
            return true;
    return false;
}

/* The rows of the toolkit that starts at `first`; facts stand in the rows' order. */
static struct api_rows group_at(const struct sy_registry *registry, size_t first, size_t *facts_at)
{
    struct api_rows group = {.rows = &registry->rows[first]};
    struct sy_str name = group.rows[0].toolkit;

    while (first + group.count < registry->row_count &&
           sy_str_eq(registry->rows[first + group.count].toolkit, name)) {
        int64_t version = registry->rows[first + group.count].version_number;

        group.version = version > group.version ? version : group.version;
        group.count++;
    }
    for (size_t tried = 0; tried < registry->toolkit_count; tried++) {
        size_t at = (*facts_at + tried) % registry->toolkit_count;

        if (!sy_str_eq(registry->toolkits[at].toolkit, name))
            continue;
        group.facts = &registry->toolkits[at];
        *facts_at = at + 1;
        break;
    }
    return group;
}

static void write_group(struct sy_json_writer *w, const struct api_rows *group)
{
    sy_jw_object(w);
    sy_jw_member_str(w, "toolkit", group->rows[0].toolkit);
    sy_jw_member_i64(w, "version", group->version);
    sy_jw_name(w, "rows");
    api_rows_write(w, group);
    sy_jw_object_end(w);
}

static void list_work(struct sy_store *store, struct api_job *job)
{
    const struct read_input *in = job->in;
    struct sy_str last = {NULL, 0};
    struct sy_registry registry;
    size_t facts_at = 0;
    unsigned count = 0;
    bool more = false;

    if (!api_job_load(job, store, &registry))
        return;
    api_list_begin(&job->w);
    for (size_t i = 0; i < registry.row_count && !more;) {
        struct api_rows group = group_at(&registry, i, &facts_at);

        i += group.count;
        if (!is_wanted(in, &group))
            continue;
        more = count == in->limit;
        if (more)
            break;
        write_group(&job->w, &group);
        last = group.rows[0].toolkit;
        count++;
    }
    api_list_end(&job->w, more ? last : (struct sy_str){NULL, 0}, &job->mem);
}

void api_registry_list(struct api_request *rq)
{
    struct read_input *in = input_new(rq);

    if (!in || !api_query_cursor(rq, &in->after))
        return;
    in->by_state = rq->query[API_Q_status].ptr != NULL;
    if (in->by_state && !sy_row_state_from_name(rq->query[API_Q_status], &in->state)) {
        api_fail_parameter(rq, API_Q_status, "must be a row's state, such as LIVE");
        return;
    }
    api_job_start(rq, list_work, in, NULL);
}

/* ---- one ---- */

static void missing(struct api_job *job)
{
    struct sy_failure failure = {.code = SY_CODE_NOT_FOUND,
                                 .detail = SY_STR("the registry has no such toolkit")};

    api_job_fail(job, &failure);
}

static void get_work(struct sy_store *store, struct api_job *job)
{
    const struct read_input *in = job->in;
    struct sy_registry registry;
    struct api_rows rows;

    if (!api_job_load(job, store, &registry))
        return;
    rows = api_rows_find(&registry, in->toolkit, &job->mem, NULL);
    if (!rows.count) {
        missing(job);
        return;
    }
    api_rows_write(&job->w, &rows);
    job->etag = sy_arena_printf(&job->mem, "\"%lld\"", (long long)rows.version);
}

void api_registry_get(struct api_request *rq)
{
    struct read_input *in = input_new(rq);

    if (in)
        api_job_start(rq, get_work, in, NULL);
}

static void history_work(struct sy_store *store, struct api_job *job)
{
    const struct read_input *in = job->in;
    struct sy_str name, json = {NULL, 0};
    struct sy_err err = SY_ERR_INIT;
    struct sy_registry registry;
    struct api_rows rows;
    struct sy_json list;

    if (!api_job_load(job, store, &registry))
        return;
    rows = api_rows_find(&registry, in->toolkit, &job->mem, &name);
    if (!api_job_check(job, store->ops->history(store, name, in->limit, &job->mem, &json, &err),
                       &err))
        return;
    if (sy_json_read(json, SY_JSON_DEPTH_MAX, &list, NULL) != SY_OK ||
        (!rows.count && !sy_json_count(list))) {
        missing(job);
        return;
    }
    sy_jw_object(&job->w);
    sy_jw_member_str(&job->w, "toolkit", name);
    sy_jw_member_raw(&job->w, "items", list.raw);
    sy_jw_member_str(&job->w, "next_cursor", (struct sy_str){NULL, 0});
    sy_jw_object_end(&job->w);
}

void api_registry_history(struct api_request *rq)
{
    struct read_input *in = input_new(rq);

    if (in)
        api_job_start(rq, history_work, in, NULL);
}

/* ---- export ---- */

static const struct {
    enum sy_registry_format format;
    struct sy_str content_type;
} export_types[] = {
    {SY_FORMAT_YAML, SY_STR_INIT("application/yaml")},
    {SY_FORMAT_JSON, SY_STR_INIT("application/json")},
    {SY_FORMAT_MARKDOWN, SY_STR_INIT("text/markdown; charset=utf-8")},
};

static void export_work(struct sy_store *store, struct api_job *job)
{
    const struct read_input *in = job->in;
    struct sy_registry registry;

    if (!api_job_load(job, store, &registry))
        return;
    for (size_t i = 0; i < SY_ARRAY_LEN(export_types); i++)
        if (export_types[i].format == in->format)
            job->content_type = export_types[i].content_type;
    sy_registry_write(&job->body, &registry, in->format);
}

void api_registry_export(struct api_request *rq)
{
    struct read_input *in = input_new(rq);
    struct sy_str format = rq->query[API_Q_format];

    if (!in)
        return;
    in->format = SY_FORMAT_JSON;
    if (format.ptr && !sy_registry_format_from_name(format, &in->format)) {
        api_fail_parameter(rq, API_Q_format, "must be md, yaml or json");
        return;
    }
    api_job_start(rq, export_work, in, NULL);
}
