/* Work on the writer thread, and the reply that follows it. */
#include "api/api_int.h"

static void run(struct sy_store *store, struct sy_writer_job *job)
{
    struct api_job *this = job->ctx;

    this->work(store, this);
}

static void unlink_job(struct api_job *job)
{
    *job->at = job->next;
    if (job->next)
        job->next->at = job->at;
}

static void reply(struct api_job *job)
{
    struct api_request *rq = job->rq;
    struct sy_str body = sy_buf_str(&job->body);

    if (!job->failed && !sy_buf_ok(&job->body)) {
        struct sy_failure failure = api_failure_of(SY_NOMEM, (struct sy_str){NULL, 0});

        api_job_fail(job, &failure);
    }
    if (job->failed) {
        api_fail(rq, &job->failure);
        return;
    }
    api_header(rq, SY_STR("ETag"), job->etag);
    api_reply(rq, job->status, body.len ? job->content_type : (struct sy_str){NULL, 0}, &body,
              body.len ? 1 : 0);
}

static void end(struct api_job *job)
{
    struct sy_arena mem = job->mem;
    struct sy_buf body = job->body;

    unlink_job(job);
    reply(job);
    /* The job itself lived in the exchange, which the reply has ended. */
    sy_arena_release(&mem);
    sy_buf_release(&body);
}

static void done(struct sy_loop *loop, struct sy_task *task)
{
    struct api_job *job = task->ctx;

    (void)loop;
    if (!job->failed && job->finish)
        job->finish(job);
    end(job);
}

void api_job_start(struct api_request *rq, api_work_fn *work, const void *in,
                   void (*finish)(struct api_job *job))
{
    struct api_job *job = sy_arena_zalloc(rq->arena, sizeof(*job));

    if (!job || !api_keep_caller(rq)) {
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
        return;
    }
    job->job = (struct sy_writer_job){.work = run, .loop = rq->al->loop, .ctx = job};
    job->job.done.fn = done;
    job->job.done.ctx = job;
    job->rq = rq;
    job->work = work;
    job->finish = finish;
    job->in = in;
    job->note = (struct sy_change_note){.actor = rq->caller.key_id,
                                        .reason = rq->query[API_Q_reason],
                                        .at_ms = sy_loop_unix_ms(rq->al->loop)};
    job->status = rq->route->status;
    job->content_type = SY_STR("application/json");
    sy_arena_init(&job->mem, API_JOB_MEMORY_MAX);
    sy_buf_init(&job->body, API_ANSWER_MAX);
    sy_jw_init(&job->w, &job->body);
    if (!sy_writer_submit(sy_engine_writer(rq->al->api->engine), &job->job)) {
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_STORE,
                      SY_STR("too many requests wait for the store"));
        return;
    }
    job->next = rq->al->jobs;
    job->at = &rq->al->jobs;
    if (job->next)
        job->next->at = &job->next;
    rq->al->jobs = job;
}

void api_job_fail(struct api_job *job, const struct sy_failure *failure)
{
    job->failed = true;
    job->failure = *failure;
    /* What was found wrong with half a document says nothing about the whole. */
    if (job->mem.failed)
        job->failure = (struct sy_failure){
            .code = SY_CODE_OVERLOADED, .cause = SY_CAUSE_MEMORY, .retry_after_ms = 1000};
}

bool api_job_check(struct api_job *job, int status, const struct sy_err *err)
{
    struct sy_failure failure;

    if (status == SY_OK)
        return true;
    failure = api_failure_of(status, sy_arena_copy(&job->mem, sy_str_of(err->text)));
    api_job_fail(job, &failure);
    return false;
}

bool api_job_publish(struct api_job *job, struct sy_store *store)
{
    struct sy_err err = SY_ERR_INIT;
    int status = sy_engine_reload(api_job_engine(job), store, &err);
    struct sy_failure failure = {.code = SY_CODE_INTERNAL, .cause = SY_CAUSE_STORE};

    if (status == SY_OK)
        return true;
    failure.detail = sy_arena_printf(
        &job->mem, "the change is stored, but could not be put to use: %s", err.text);
    api_job_fail(job, &failure);
    return false;
}

bool api_job_load(struct api_job *job, struct sy_store *store, struct sy_registry *ret)
{
    struct sy_err err = SY_ERR_INIT;

    *ret = (struct sy_registry){0};
    return api_job_check(job, store->ops->load(store, &job->mem, ret, &err), &err);
}

struct sy_engine *api_job_engine(const struct api_job *job)
{
    return job->rq->al->api->engine;
}

void api_jobs_abandon(struct sy_api_loop *al)
{
    while (al->jobs)
        end(al->jobs);
}
