/* POST /v1/registry/import. */
#include "api/api_int.h"

#include "registry/registry.h"

#define FAULTS_MAX ((size_t)256 << 10)

struct import_input {
    struct sy_str text;
    enum sy_registry_format format;
    bool dry_run;
};

/* One "name:line:column: what" a line, each an error of its own. */
static void refuse(struct api_job *job, struct sy_str faults)
{
    struct api_errors errors = {.arena = &job->mem};
    struct sy_failure failure;
    struct sy_str line;

    while (sy_str_split(&faults, '\n', &line))
        if (line.len)
            api_error_at(&errors, SY_STR(""), "%.*s", SY_FMT(line));
    failure = api_errors_failure(&errors);
    failure.detail = SY_STR("the document cannot be imported; nothing was changed");
    api_job_fail(job, &failure);
}

static void import_work(struct sy_store *store, struct api_job *job)
{
    const struct import_input *in = job->in;
    struct sy_err err = SY_ERR_INIT;
    struct sy_import import = {0};
    struct sy_buf faults;
    int64_t before = 0, version = 0;
    int status;

    sy_buf_init_arena(&faults, &job->mem, FAULTS_MAX);
    status = sy_registry_read(in->text, SY_STR("import"), in->format, &job->mem, &import, &faults);
    if (status == SY_INVALID) {
        refuse(job, sy_buf_str(&faults));
        return;
    }
    /* No changes make no version: this is the one in force. */
    if (status == SY_OK)
        status = store->ops->apply(store, NULL, 0, &job->note, true, &before, &err);
    if (status == SY_OK)
        status = store->ops->apply(store, import.changes, import.change_count, &job->note,
                                   in->dry_run, &version, &err);
    if (!api_job_check(job, status, &err) || (!in->dry_run && !api_job_publish(job, store)))
        return;
    sy_jw_object(&job->w);
    sy_jw_member_bool(&job->w, "dry_run", in->dry_run);
    sy_jw_member_i64(&job->w, "version", version);
    sy_jw_member_bool(&job->w, "changed", version != before);
    sy_jw_member_i64(&job->w, "rows", (int64_t)import.rows);
    sy_jw_member_i64(&job->w, "maps", (int64_t)import.maps);
    sy_jw_member_i64(&job->w, "changes", (int64_t)import.change_count);
    sy_jw_object_end(&job->w);
}

/* ?format= wins over the content type. */
static bool find_format(struct api_request *rq, enum sy_registry_format *ret)
{
    struct sy_str name = rq->query[API_Q_format];

    if (name.ptr) {
        if (sy_registry_format_from_name(name, ret))
            return true;
        api_fail_parameter(rq, API_Q_format, "must be md, yaml or json");
        return false;
    }
    switch (api_body_kind(rq->head)) {
    case API_BODY_JSON:
        *ret = SY_FORMAT_JSON;
        return true;
    case API_BODY_YAML:
        *ret = SY_FORMAT_YAML;
        return true;
    case API_BODY_MARKDOWN:
        *ret = SY_FORMAT_MARKDOWN;
        return true;
    case API_BODY_NONE:
    case API_BODY_OTHER:
        break;
    }
    api_fail_code(
        rq, SY_CODE_UNSUPPORTED_MEDIA_TYPE, SY_CAUSE_NONE,
        SY_STR("say what the document is: Content-Type text/markdown, application/yaml or "
               "application/json, or ?format=md|yaml|json"));
    return false;
}

void api_registry_import(struct api_request *rq)
{
    struct import_input *in = sy_arena_zalloc(rq->arena, sizeof(*in));

    if (!in) {
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
        return;
    }
    if (!find_format(rq, &in->format))
        return;
    in->text = sy_exchange_body(rq->x);
    in->dry_run = api_query_bool(rq, API_Q_dry_run, false);
    api_job_start(rq, import_work, in, NULL);
}
