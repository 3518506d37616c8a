#include <stdlib.h>

#include "engine/engine_int.h"

#define ASK_ARENA_MAX ((size_t)40 << 20)

/* One operation on somebody's behalf: triage, probes, doctor, a fallback's account. */
struct sy_ask {
    struct sy_run run;
    struct sy_arena mem;
    sy_ask_done_fn *done;
    void *ctx;
    struct sy_task close;
};

static void ask_close(struct sy_loop *loop, struct sy_task *task)
{
    struct sy_ask *ask = task->ctx;
    struct sy_engine_loop *el = ask->run.el;

    (void)loop;
    sy_run_close(&ask->run);
    sy_arena_release(&ask->mem);
    free(ask);
    el->asks--;
    sy_engine_ended(el);
}

static void ask_done(struct sy_run *run, const struct sy_result *result,
                     const struct sy_failure *failure, void *ctx)
{
    struct sy_ask *ask = ctx;
    struct sy_ask_result answer = {.ok = result != NULL, .result = result, .failure = failure};

    ask->done(ask, &answer, ask->ctx);
    ask->close.fn = ask_close;
    ask->close.ctx = ask;
    sy_loop_defer(run->el->loop, &ask->close);
}

static void copy_slices(struct sy_operation *what, struct sy_arena *mem)
{
    struct sy_str *slices[] = {&what->target.toolkit,
                               &what->target.vendor_slug,
                               &what->target.connection,
                               &what->target.auth_config_id,
                               &what->target.oauth_app_id,
                               &what->target.version,
                               &what->target.endpoint,
                               &what->target.issue_url,
                               &what->key,
                               &what->tool,
                               &what->canonical_tool,
                               &what->arguments,
                               &what->call_id,
                               &what->tenant,
                               &what->user_id,
                               &what->account,
                               &what->traceparent};

    for (size_t i = 0; i < SY_ARRAY_LEN(slices); i++)
        if (slices[i]->ptr)
            *slices[i] = sy_arena_copy(mem, *slices[i]);
}

struct sy_ask *sy_engine_ask(struct sy_engine_loop *el, size_t vendor_index,
                             const struct sy_operation *what, struct sy_str subject,
                             int64_t deadline_ms, sy_ask_done_fn *done, void *ctx)
{
    struct sy_ask *ask;
    struct sy_operation copy = *what;
    struct sy_run_options options = {
        .vendor_index = vendor_index, .what = &copy, .deadline_ms = deadline_ms};
    struct sy_run_owner owner = {.done = ask_done};
    const struct sy_runtime_node *runtime;

    if (vendor_index >= el->engine->vendor_count)
        return NULL;
    runtime = sy_engine_runtime(el->engine, vendor_index);
    if (!runtime->runtime.present || runtime->runtime.unavailable ||
        !(runtime->runtime.vendor->can & SY_CAN(what->op)))
        return NULL;
    ask = calloc(1, sizeof(*ask));
    if (!ask)
        return NULL;
    sy_arena_init(&ask->mem, ASK_ARENA_MAX);
    ask->done = done;
    ask->ctx = ctx;
    copy_slices(&copy, &ask->mem);
    options.subject = sy_arena_copy(&ask->mem, subject);
    options.mem = &ask->mem;
    owner.ctx = ask;
    if (sy_run_start(&ask->run, el, &options, &owner) != SY_OK) {
        sy_arena_release(&ask->mem);
        free(ask);
        return NULL;
    }
    el->asks++;
    return ask;
}
