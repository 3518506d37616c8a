#include <stdlib.h>

#include "engine/engine_int.h"

#define LOOKUP_MS 10000
#define FLIGHT_ARENA_MAX ((size_t)40 << 20)

/* A sub-operation that serves a fact for everybody who waits for it. It outlives its asker. */
struct flight_run {
    struct sy_run run;
    struct sy_arena mem;
    struct sy_fact_flight *flight;
    struct sy_task close;
};

static void flight_close(struct sy_loop *loop, struct sy_task *task)
{
    struct flight_run *fly = task->ctx;
    struct sy_engine_loop *el = fly->run.el;

    (void)loop;
    sy_run_close(&fly->run);
    sy_arena_release(&fly->mem);
    free(fly);
    el->asks--;
    sy_engine_ended(el);
}

static void flight_done(struct sy_run *run, const struct sy_result *result,
                        const struct sy_failure *failure, void *ctx)
{
    struct flight_run *fly = ctx;

    sy_facts_landed(run->el->engine->facts, fly->flight,
                    result ? result->value : (struct sy_str){NULL, 0}, result ? result->ttl_ms : 0,
                    failure, sy_loop_now_ms(run->el->loop));
    fly->close.fn = flight_close;
    fly->close.ctx = fly;
    sy_loop_defer(run->el->loop, &fly->close);
}

static struct sy_target target_copy(const struct sy_target *target, struct sy_arena *mem)
{
    struct sy_target copy = *target;
    struct sy_str *slices[] = {&copy.toolkit,        &copy.vendor_slug,  &copy.connection,
                               &copy.auth_config_id, &copy.oauth_app_id, &copy.version,
                               &copy.endpoint,       &copy.issue_url};

    for (size_t i = 0; i < SY_ARRAY_LEN(slices); i++)
        if (slices[i]->ptr)
            *slices[i] = sy_arena_copy(mem, *slices[i]);
    return copy;
}

void sy_flight_start(struct sy_run *asker, const struct sy_need *need,
                     struct sy_fact_flight *flight)
{
    static const enum sy_op ops[] = {
        [SY_FACT_TOKEN] = SY_OP_MINT,        [SY_FACT_TOOL] = SY_OP_TOOL,
        [SY_FACT_ACCOUNTS] = SY_OP_ACCOUNTS, [SY_FACT_AUTH_CONFIG] = SY_OP_AUTH_CONFIG,
        [SY_FACT_LINK] = SY_OP_LINK,
    };
    static const struct sy_run_owner owner = {.done = flight_done};
    struct sy_engine_loop *el = asker->el;
    struct flight_run *fly = calloc(1, sizeof(*fly));
    struct sy_operation what = {.op = ops[need->kind]};
    struct sy_run_options options;
    struct sy_run_owner mine = owner;

    if (!fly) {
        struct sy_failure failure = {.code = SY_CODE_OVERLOADED, .cause = SY_CAUSE_MEMORY};

        sy_facts_landed(el->engine->facts, flight, (struct sy_str){NULL, 0}, 0, &failure,
                        sy_loop_now_ms(el->loop));
        return;
    }
    sy_arena_init(&fly->mem, FLIGHT_ARENA_MAX);
    fly->flight = flight;
    what.target = target_copy(&asker->what.target, &fly->mem);
    what.key = sy_arena_copy(&fly->mem, need->key);
    what.tenant = sy_arena_copy(&fly->mem, asker->what.tenant);
    what.user_id = sy_arena_copy(&fly->mem, asker->what.user_id);
    options = (struct sy_run_options){
        .vendor_index = asker->vendor_index,
        .what = &what,
        .subject = sy_arena_copy(&fly->mem, asker->facts.subject),
        .mem = &fly->mem,
        .deadline_ms = sy_loop_now_ms(el->loop) + LOOKUP_MS,
        .depth = asker->depth + 1,
    };
    mine.ctx = fly;
    el->asks++;
    if (sy_run_start(&fly->run, el, &options, &mine) != SY_OK) {
        struct sy_failure failure = {.code = SY_CODE_OVERLOADED, .cause = SY_CAUSE_MEMORY};

        flight_done(&fly->run, NULL, &failure, fly);
    }
}
