/* /v1/tenants. */
#include "api/api_int.h"

struct tenant_input {
    struct sy_str name;
    struct api_pairs labels;
    bool disabled;
    bool has_labels, has_disabled;
    struct sy_str after;
    unsigned limit;
};

#define AT(member) offsetof(struct tenant_input, member)

static void write_tenant(struct sy_json_writer *w, const struct sy_tenant *tenant)
{
    sy_jw_object(w);
    sy_jw_member_str(w, "tenant", tenant->name);
    sy_jw_name(w, "labels");
    sy_jw_object(w);
    for (size_t i = 0; i < tenant->label_count; i++) {
        sy_jw_name_str(w, tenant->labels[i].name);
        sy_jw_str(w, tenant->labels[i].value);
    }
    sy_jw_object_end(w);
    sy_jw_member_bool(w, "disabled", tenant->disabled);
    sy_jw_object_end(w);
}

static struct tenant_input *input_new(struct api_request *rq)
{
    struct tenant_input *in = sy_arena_zalloc(rq->arena, sizeof(*in));

    if (!in)
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
    return in;
}

static const struct sy_tenant *find(const struct sy_registry *registry, struct sy_str name)
{
    for (size_t i = 0; i < registry->tenant_count; i++)
        if (sy_str_eq(registry->tenants[i].name, name))
            return &registry->tenants[i];
    return NULL;
}

static void missing(struct api_job *job)
{
    struct sy_failure failure = {.code = SY_CODE_NOT_FOUND,
                                 .detail = SY_STR("there is no such tenant")};

    api_job_fail(job, &failure);
}

/* The least name above `after`: lists are short, and their order is nobody's promise but ours. */
static const struct sy_tenant *next_after(const struct sy_registry *registry, struct sy_str after)
{
    const struct sy_tenant *least = NULL;

    for (size_t i = 0; i < registry->tenant_count; i++) {
        const struct sy_tenant *tenant = &registry->tenants[i];

        if (after.ptr && sy_str_cmp(tenant->name, after) <= 0)
            continue;
        if (!least || sy_str_cmp(tenant->name, least->name) < 0)
            least = tenant;
    }
    return least;
}

static void list_work(struct sy_store *store, struct api_job *job)
{
    const struct tenant_input *in = job->in;
    struct sy_str last = in->after;
    const struct sy_tenant *tenant;
    struct sy_registry registry;
    unsigned count = 0;

    if (!api_job_load(job, store, &registry))
        return;
    api_list_begin(&job->w);
    while (count < in->limit && (tenant = next_after(&registry, last))) {
        write_tenant(&job->w, tenant);
        last = tenant->name;
        count++;
    }
    api_list_end(&job->w, next_after(&registry, last) ? last : (struct sy_str){NULL, 0}, &job->mem);
}

void api_tenants(struct api_request *rq)
{
    struct tenant_input *in = input_new(rq);

    if (!in || !api_query_cursor(rq, &in->after))
        return;
    in->limit = api_query_limit(rq);
    api_job_start(rq, list_work, in, NULL);
}

static void one_work(struct sy_store *store, struct api_job *job)
{
    const struct tenant_input *in = job->in;
    const struct sy_tenant *tenant;
    struct sy_registry registry;

    if (!api_job_load(job, store, &registry))
        return;
    tenant = find(&registry, in->name);
    if (tenant)
        write_tenant(&job->w, tenant);
    else
        missing(job);
}

void api_tenant(struct api_request *rq)
{
    struct tenant_input *in = input_new(rq);

    if (!in)
        return;
    in->name = rq->captured[0];
    api_job_start(rq, one_work, in, NULL);
}

static void put(struct sy_store *store, struct api_job *job, const struct sy_tenant *tenant,
                bool create_only)
{
    struct sy_err err = SY_ERR_INIT;

    if (api_job_check(job, store->ops->put_tenant(store, tenant, create_only, &err), &err) &&
        api_job_publish(job, store))
        write_tenant(&job->w, tenant);
}

static void create_work(struct sy_store *store, struct api_job *job)
{
    const struct tenant_input *in = job->in;
    struct sy_tenant tenant = {.name = in->name,
                               .labels = in->labels.items,
                               .label_count = in->labels.count,
                               .disabled = in->disabled};

    put(store, job, &tenant, true);
}

void api_tenant_create(struct api_request *rq)
{
    static const struct api_field fields[] = {
        {.pointer = "/tenant",
         .kind = API_FIELD_TEXT,
         .required = true,
         .is_name = true,
         .offset = AT(name),
         .check = api_check_tenant},
        {.pointer = "/labels", .kind = API_FIELD_PAIRS, .offset = AT(labels)},
        {.pointer = "/disabled", .kind = API_FIELD_BOOL, .offset = AT(disabled)},
    };
    struct tenant_input *in = input_new(rq);

    if (in && api_read_body(rq, false, fields, SY_ARRAY_LEN(fields), in, NULL))
        api_job_start(rq, create_work, in, NULL);
}

static void patch_work(struct sy_store *store, struct api_job *job)
{
    const struct tenant_input *in = job->in;
    const struct sy_tenant *old;
    struct sy_registry registry;
    struct sy_tenant tenant;

    if (!api_job_load(job, store, &registry))
        return;
    old = find(&registry, in->name);
    if (!old) {
        missing(job);
        return;
    }
    tenant = *old;
    if (in->has_labels) {
        tenant.labels = in->labels.items;
        tenant.label_count = in->labels.count;
    }
    if (in->has_disabled)
        tenant.disabled = in->disabled;
    put(store, job, &tenant, false);
}

void api_tenant_patch(struct api_request *rq)
{
    static const struct api_field fields[] = {
        {.pointer = "/labels", .kind = API_FIELD_PAIRS, .offset = AT(labels)},
        {.pointer = "/disabled", .kind = API_FIELD_BOOL, .offset = AT(disabled)},
    };
    struct tenant_input *in = input_new(rq);
    uint32_t seen;

    if (!in || !api_read_body(rq, false, fields, SY_ARRAY_LEN(fields), in, &seen))
        return;
    in->name = rq->captured[0];
    in->has_labels = seen & 1u;
    in->has_disabled = seen & 2u;
    /* Nobody could enable it again with the key at hand. */
    if (in->has_disabled && in->disabled && sy_str_eq(in->name, rq->caller.tenant)) {
        api_fail_code(rq, SY_CODE_CONFLICT, SY_CAUSE_NONE,
                      SY_STR("the key belongs to this tenant; disable it with another tenant's"));
        return;
    }
    api_job_start(rq, patch_work, in, NULL);
}
