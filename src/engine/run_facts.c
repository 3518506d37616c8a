/* What a run NEEDs: from the cache, from a flight, and for how long it waits for either. */
#include "engine/run_int.h"

static void run_remember(struct sy_run *run, enum sy_fact_kind kind, struct sy_str key)
{
    size_t slot = run->facts.fact_count;

    for (size_t i = 0; i < run->facts.fact_count; i++)
        if (run->have[i].kind == kind && sy_str_eq(run->have[i].key, key))
            slot = i;
    if (slot == RUN_FACTS_MAX)
        slot = RUN_FACTS_MAX - 1;
    /* A replaced value stays until the run closes: adapters may hold slices of it. */
    if (slot < run->facts.fact_count) {
        struct sy_str copy = sy_arena_copy(run->facts.mem, sy_blob_str(run->wait.blob));

        sy_blob_unref(run->wait.blob);
        run->have[slot].value = copy;
    } else {
        run->held[slot] = run->wait.blob;
        run->have[slot].value = sy_blob_str(run->wait.blob);
        run->facts.fact_count++;
    }
    run->wait.blob = NULL;
    run->have[slot].kind = kind;
    run->have[slot].key = key;
    run->have[slot].generation = run->wait.generation;
}

/* Most calls find it said already: one read of a line that nobody writes. */
void sy_run_token_taken(struct sy_run *run)
{
    for (size_t i = 0; i < run->facts.fact_count; i++)
        if (run->have[i].kind == SY_FACT_TOKEN && run->held[i] &&
            run->have[i].value.ptr == run->held[i]->bytes &&
            !atomic_load_explicit(&run->held[i]->proven, memory_order_relaxed))
            atomic_store(&run->held[i]->proven, true);
}

void sy_run_take_fact(struct sy_run *run)
{
    struct sy_event event = {.kind = SY_EVENT_FACT};

    if (run->wait.failure.code != SY_CODE_NONE) {
        struct sy_blob *blob = run->wait.failure_blob;

        run->failure = run->wait.failure;
        /* Its slices must live as long as the operation. */
        sy_failure_copy(&run->failure, run->facts.mem);
        sy_blob_unref(blob);
        run->wait.failure_blob = NULL;
        event = (struct sy_event){.kind = SY_EVENT_FACT_FAILED, .failure = &run->failure};
        sy_run_step(run, &event);
        return;
    }
    run_remember(run, run->need.kind, run->need.key);
    event.fact = sy_fact_find(&run->facts, run->need.kind, run->need.key);
    sy_run_step(run, &event);
}

static struct sy_fact_scope run_scope(const struct sy_run *run)
{
    return (struct sy_fact_scope){
        .vendor_index = run->vendor_index,
        .credentials = run->runtime->generation,
        .tenant = run->what.tenant,
        .subject = run->facts.subject,
        .target = &run->what.target,
    };
}

static void count_fact(struct sy_run *run, enum sy_fact_kind kind, const char *result)
{
    static const char *const kinds[] = {"token", "tool", "accounts", "auth_config", "link"};
    struct sy_str labels[2] = {sy_str_of(kinds[kind]), sy_str_of(result)};

    sy_metric_add(run->el->metrics, SY_METRIC_FACTS, labels, 1);
}

/* The flight may be somebody else's, with more time than this run has. */
static void need_is_late(struct sy_loop *loop, struct sy_timer *timer)
{
    struct sy_failure failure = {.code = SY_CODE_VENDOR_TIMEOUT,
                                 .cause = SY_CAUSE_DEADLINE,
                                 .detail = sy_str_of(sy_cause_text(SY_CAUSE_DEADLINE))};

    (void)loop;
    sy_run_cancel(timer->ctx, &failure);
}

static void run_waits_for_fact(struct sy_run *run)
{
    run->timer.fn = need_is_late;
    run->timer.ctx = run;
    /* Without memory for a timer the flight's own deadline is the bound. */
    (void)sy_timer_set(run->el->loop, &run->timer, run->deadline_ms);
    sy_run_waits(run, RUN_NEEDING);
}

static void run_fact_came(struct sy_loop *loop, struct sy_task *task)
{
    struct sy_run *run = task->ctx;

    sy_timer_cancel(loop, &run->timer);
    if (run->cancelled)
        sy_run_end_cancelled(run);
    else
        sy_run_take_fact(run);
}

static bool run_forgets(const struct sy_forget *forget, enum sy_fact_kind kind)
{
    const bool asked[SY_FACT_KIND_COUNT] = {
        [SY_FACT_TOKEN] = forget->token,       [SY_FACT_TOOL] = forget->tool,
        [SY_FACT_ACCOUNTS] = forget->accounts, [SY_FACT_AUTH_CONFIG] = forget->auth_config,
        [SY_FACT_LINK] = forget->link,
    };

    return asked[kind];
}

/*
 * What the adapter asks us to forget in the same breath is not good enough from the cache: not the
 * one it has, but one that came since is. Without one in hand none in the cache will do.
 */
static uint64_t generation_in_hand(const struct sy_run *run, const struct sy_need *need)
{
    const struct sy_fact *fact = sy_fact_find(&run->facts, need->kind, need->key);

    return fact ? fact->generation : UINT64_MAX;
}

void sy_run_need(struct sy_run *run)
{
    struct sy_fact_scope scope = run_scope(run);
    struct sy_fact_flight *flight;
    struct sy_need need = run->wish.need;
    bool refresh;

    if (run_forgets(&run->wish.forget, need.kind) && !need.reject_generation)
        need.reject_generation = generation_in_hand(run, &need);

    if (run->depth >= SY_FACT_DEPTH_MAX + 1) {
        sy_run_fail(run, SY_CODE_INTERNAL, SY_CAUSE_BUG, SY_STR("facts nest too deep"));
        return;
    }
    run->need = need;
    run->wait.task.fn = run_fact_came;
    run->wait.task.ctx = run;
    run->wait.loop = run->el->loop;
    switch (sy_facts_ask(run->el->engine->facts, &scope, need.kind, need.key,
                         need.reject_generation, sy_loop_now_ms(run->el->loop), &run->wait,
                         &refresh, &flight)) {
    case SY_FACT_HIT:
        count_fact(run, need.kind, "hit");
        if (refresh)
            sy_flight_start(run, &need, flight);
        sy_run_goes_on(run, AGAIN_FACT);
        return;
    case SY_FACT_FLY:
        count_fact(run, need.kind, "miss");
        run_waits_for_fact(run);
        sy_flight_start(run, &need, flight);
        return;
    case SY_FACT_WAIT:
        count_fact(run, need.kind, "joined");
        run_waits_for_fact(run);
        return;
    case SY_FACT_NOMEM:
        sy_run_fail(run, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
        return;
    }
}

void sy_run_forget(struct sy_run *run)
{
    static const enum sy_fact_kind kinds[] = {SY_FACT_TOKEN, SY_FACT_ACCOUNTS, SY_FACT_TOOL,
                                              SY_FACT_AUTH_CONFIG, SY_FACT_LINK};
    const struct sy_forget *forget = &run->wish.forget;
    const bool asked[] = {forget->token, forget->accounts, forget->tool, forget->auth_config,
                          forget->link};
    struct sy_fact_scope scope = run_scope(run);

    for (size_t k = 0; k < SY_ARRAY_LEN(kinds); k++) {
        if (!asked[k])
            continue;
        for (size_t i = 0; i < run->facts.fact_count; i++)
            if (run->have[i].kind == kinds[k])
                sy_facts_forget(run->el->engine->facts, &scope, kinds[k], run->have[i].key,
                                run->have[i].generation);
    }
}
