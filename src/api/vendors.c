/* /v1/vendors: health and the kill switch. */
#include "api/api_int.h"

struct switch_input {
    struct sy_str vendor;
    bool on;
};

static void write_vendor(struct sy_json_writer *w, const struct sy_vendor_health *health)
{
    sy_jw_object(w);
    sy_jw_member_str(w, "vendor", health->name);
    sy_jw_member_z(w, "path", sy_path_name(health->path));
    sy_jw_member_z(w, "state",
                   health->quarantined    ? "quarantined"
                   : !health->present     ? "absent"
                   : health->unavailable  ? "unavailable"
                   : health->breaker_open ? "breaker_open"
                                          : "ready");
    sy_jw_member_bool(w, "configured", health->present);
    sy_jw_member_bool(w, "unavailable", health->unavailable);
    sy_jw_member_bool(w, "quarantined", health->quarantined);
    sy_jw_member_bool(w, "breaker_open", health->breaker_open);
    sy_jw_opt_str(w, "why", health->why);
    sy_jw_name(w, "calls");
    sy_jw_u64(w, health->calls);
    sy_jw_name(w, "failures");
    sy_jw_u64(w, health->failures);
    sy_jw_object_end(w);
}

static const struct sy_vendor_health *health_of(const struct sy_vendor_health *all, size_t count,
                                                struct sy_str vendor)
{
    for (size_t i = 0; i < count; i++)
        if (sy_str_eq(all[i].name, vendor))
            return &all[i];
    return NULL;
}

void api_vendors(struct api_request *rq)
{
    struct sy_vendor_health all[SY_VENDORS_MAX];
    size_t count = sy_engine_vendors(rq->al->engine, all, SY_VENDORS_MAX);
    struct sy_json_writer w;
    struct sy_buf out;

    api_writer(rq, &out, &w);
    api_list_begin(&w);
    for (size_t i = 0; i < count; i++)
        write_vendor(&w, &all[i]);
    api_list_end(&w, (struct sy_str){NULL, 0}, rq->arena);
    api_reply_json(rq, 200, &out);
}

/* The switch works at once on every loop; the row makes it last. */
static void switch_work(struct sy_store *store, struct api_job *job)
{
    const struct switch_input *in = job->in;
    struct sy_err err = SY_ERR_INIT;

    if (!api_job_check(job,
                       store->ops->set_quarantine(store, in->vendor, in->on, job->note.at_ms,
                                                  job->note.actor, &err),
                       &err))
        return;
    sy_engine_quarantine(api_job_engine(job), in->vendor, in->on);
    (void)api_job_publish(job, store);
}

/* Health is the loop's to read. */
static void switched(struct api_job *job)
{
    const struct switch_input *in = job->in;
    struct sy_vendor_health all[SY_VENDORS_MAX];
    size_t count = sy_engine_vendors(job->rq->al->engine, all, SY_VENDORS_MAX);

    write_vendor(&job->w, health_of(all, count, in->vendor));
}

static void set_switch(struct api_request *rq, bool on)
{
    struct switch_input *in = sy_arena_zalloc(rq->arena, sizeof(*in));
    struct sy_vendor_health all[SY_VENDORS_MAX];
    size_t count = sy_engine_vendors(rq->al->engine, all, SY_VENDORS_MAX);

    if (!in) {
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
        return;
    }
    if (!health_of(all, count, rq->captured[0])) {
        api_fail_code(rq, SY_CODE_NOT_FOUND, SY_CAUSE_NONE, SY_STR("there is no such vendor"));
        return;
    }
    if (!api_read_body(rq, true, NULL, 0, in, NULL))
        return;
    *in = (struct switch_input){.vendor = rq->captured[0], .on = on};
    api_job_start(rq, switch_work, in, switched);
}

void api_vendor_quarantine(struct api_request *rq)
{
    set_switch(rq, true);
}

void api_vendor_release(struct api_request *rq)
{
    set_switch(rq, false);
}
