#include "engine/unlisted.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#include "engine/engine_int.h"

#define PROBE_MS 3000
#define HIT_MS ((int64_t)3600 * 1000)
#define MISS_MS ((int64_t)600 * 1000)
#define MEMORY_MAX 10000u

/* What is remembered of one name, and who waits for it. */
struct probe {
    UT_hash_handle hh;
    int64_t until_ms; /* monotonic; 0 while flying */
    enum sy_unlisted_result result;
    struct sy_unlisted_wait *waiters;
    size_t name_len;
    char name[];
};

struct sy_prober {
    struct sy_engine *engine;
    pthread_mutex_t lock;
    struct probe *probes;
};

/* One round of questions; lives on the loop that began it. */
struct round {
    struct sy_engine_loop *el;
    struct probe *probe;
    struct sy_arena mem;
    struct sy_str slug;
    unsigned asked, answered, failed;
    struct sy_str vendors[SY_CANDIDATES_MAX];
    struct sy_found found[SY_CANDIDATES_MAX];
    bool has[SY_CANDIDATES_MAX];
    struct question {
        struct round *round;
        unsigned index;
    } questions[SY_CANDIDATES_MAX];
    struct sy_writer_job job;
    int64_t at_ms; /* wall clock, read on the loop: the writer thread may not */
    int stored;
};

int sy_prober_create(struct sy_engine *engine, struct sy_prober **ret, struct sy_err *err)
{
    struct sy_prober *unlisted = calloc(1, sizeof(*unlisted));

    if (!unlisted)
        return sy_err_set(err, SY_NOMEM, "no memory for probes");
    unlisted->engine = engine;
    pthread_mutex_init(&unlisted->lock, NULL);
    *ret = unlisted;
    return SY_OK;
}

void sy_prober_free(struct sy_prober *unlisted)
{
    struct probe *probe, *next;

    if (!unlisted)
        return;
    HASH_ITER (hh, unlisted->probes, probe, next) {
        HASH_DEL(unlisted->probes, probe);
        free(probe);
    }
    pthread_mutex_destroy(&unlisted->lock);
    free(unlisted);
}

static void round_land(struct round *round, enum sy_unlisted_result result)
{
    static const char *const names[] = {"hit", "miss", "unavailable"};
    struct sy_prober *unlisted = round->el->engine->unlisted;
    struct sy_str label = sy_str_of(names[result]);
    struct sy_unlisted_wait *waiters;
    int64_t keep_ms = result == SY_UNLISTED_HIT ? HIT_MS : result == SY_UNLISTED_MISS ? MISS_MS : 0;

    sy_metric_add(round->el->metrics, SY_METRIC_PROBES, &label, 1);
    pthread_mutex_lock(&unlisted->lock);
    round->probe->result = result;
    round->probe->until_ms = sy_loop_now_ms(round->el->loop) + keep_ms;
    waiters = round->probe->waiters;
    round->probe->waiters = NULL;
    while (waiters) {
        struct sy_unlisted_wait *next = waiters->next;

        waiters->waiting = false;
        waiters->result = result;
        sy_loop_post(waiters->loop, &waiters->task);
        waiters = next;
    }
    pthread_mutex_unlock(&unlisted->lock);
    round->el->asks--;
    sy_engine_ended(round->el);
    sy_arena_release(&round->mem);
    free(round);
}

static void row_stored(struct sy_loop *loop, struct sy_task *task)
{
    struct round *round = task->ctx;

    (void)loop;
    round_land(round, round->stored == SY_OK ? SY_UNLISTED_HIT : SY_UNLISTED_UNAVAILABLE);
}

/* Writer thread: the first vendor in the policy's order that has it becomes a DISCOVERED row. */
static void store_row(struct sy_store *store, struct sy_writer_job *job)
{
    struct round *round = job->ctx;
    struct sy_row row = {.state = SY_ROW_DISCOVERED, .version = SY_STR("latest")};
    struct sy_change change = {
        .kind = SY_CHANGE_PUT_ROW, .expected_version = -1, .rows = &row, .row_count = 1};
    struct sy_change_note note = {.actor = SY_STR("probe"),
                                  .reason = SY_STR("found by a call for an unlisted toolkit"),
                                  .at_ms = round->at_ms};
    struct sy_err err = SY_ERR_INIT;
    int64_t version;
    unsigned i = 0;

    while (!round->has[i])
        i++;
    row.toolkit = round->slug;
    row.vendor = round->vendors[i];
    row.vendor_slug = round->found[i].slug;
    row.connection = round->found[i].connection;
    row.notes = round->found[i].name;
    row.changed_at_ms = note.at_ms;
    change.toolkit = row.toolkit;
    round->stored = store->ops->apply(store, &change, 1, &note, false, &version, &err);
    if (round->stored == SY_OK)
        round->stored = sy_engine_reload(round->el->engine, store, &err);
}

static void round_judge(struct round *round)
{
    bool any = false;

    for (unsigned i = 0; i < round->asked; i++)
        any = any || round->has[i];
    if (!any) {
        round_land(round, round->failed ? SY_UNLISTED_UNAVAILABLE : SY_UNLISTED_MISS);
        return;
    }
    round->at_ms = sy_loop_unix_ms(round->el->loop);
    round->job.work = store_row;
    round->job.loop = round->el->loop;
    round->job.ctx = round;
    round->job.done.fn = row_stored;
    round->job.done.ctx = round;
    if (!sy_writer_submit(round->el->engine->options.writer, &round->job))
        round_land(round, SY_UNLISTED_UNAVAILABLE);
}

static void question_answered(struct sy_ask *ask, const struct sy_ask_result *result, void *ctx)
{
    struct question *question = ctx;
    struct round *round = question->round;
    unsigned i = question->index;

    (void)ask;
    round->answered++;
    if (!result->ok) {
        round->failed++;
    } else if (result->result->found_count > 0) {
        const struct sy_found *found = &result->result->found[0];

        round->has[i] = true;
        round->found[i].slug = sy_arena_copy(&round->mem, found->slug);
        round->found[i].name = sy_arena_copy(&round->mem, found->name);
        round->found[i].connection = sy_arena_copy(&round->mem, found->connection);
    }
    if (round->answered == round->asked)
        round_judge(round);
}

static void round_ask(struct round *round, const struct sy_decision *decision)
{
    struct sy_operation what = {.op = SY_OP_PROBE, .key = round->slug};
    int64_t deadline_ms = sy_loop_now_ms(round->el->loop) + PROBE_MS;
    unsigned refused = 0;

    what.target.toolkit = round->slug;
    what.target.vendor_slug = round->slug;
    round->asked = decision->probe_count;
    for (unsigned i = 0; i < decision->probe_count; i++) {
        int index = sy_engine_vendor_index(round->el->engine, decision->probe_vendors[i]);

        round->vendors[i] = sy_arena_copy(&round->mem, decision->probe_vendors[i]);
        round->questions[i] = (struct question){round, i};
        if (index < 0 || !sy_engine_ask(round->el, (size_t)index, &what, (struct sy_str){NULL, 0},
                                        deadline_ms, question_answered, &round->questions[i]))
            refused++;
    }
    round->answered = refused;
    round->failed = refused;
    if (refused == round->asked)
        round_judge(round);
}

static struct probe *probe_get(struct sy_prober *unlisted, struct sy_str name)
{
    struct probe *probe = NULL, *old, *next;

    HASH_FIND(hh, unlisted->probes, name.ptr, name.len, probe);
    if (probe)
        return probe;
    if (HASH_COUNT(unlisted->probes) >= MEMORY_MAX) {
        HASH_ITER (hh, unlisted->probes, old, next) {
            if (old->until_ms) {
                HASH_DEL(unlisted->probes, old);
                free(old);
                break;
            }
        }
    }
    probe = calloc(1, sizeof(*probe) + name.len);
    if (!probe)
        return NULL;
    probe->name_len = name.len;
    probe->until_ms = -1; /* never asked */
    memcpy(probe->name, name.ptr, name.len);
    HASH_ADD_KEYPTR(hh, unlisted->probes, probe->name, probe->name_len, probe);
    if (SY_HASH_ADDED(probe))
        return probe;
    free(probe);
    return NULL;
}

static struct round *round_new(struct sy_engine_loop *el, struct probe *probe, struct sy_str slug)
{
    struct round *round = calloc(1, sizeof(*round));

    if (!round)
        return NULL;
    sy_arena_init(&round->mem, (size_t)1 << 20);
    round->el = el;
    round->probe = probe;
    round->slug = sy_arena_copy(&round->mem, slug);
    el->asks++;
    return round;
}

bool sy_unlisted_ask(struct sy_engine_loop *el, const struct sy_decision *decision,
                     struct sy_unlisted_wait *wait, enum sy_unlisted_result *ret_result)
{
    struct sy_prober *unlisted = el->engine->unlisted;
    char folded[SY_NAME_MAX];
    struct sy_str name = sy_name_normalise(decision->probe_slug, folded);
    struct round *round = NULL;
    struct probe *probe;
    bool known = false;

    pthread_mutex_lock(&unlisted->lock);
    probe = probe_get(unlisted, name);
    if (!probe) {
        *ret_result = SY_UNLISTED_UNAVAILABLE;
        known = true;
    } else if (probe->until_ms > sy_loop_now_ms(el->loop) && probe->result == SY_UNLISTED_MISS) {
        *ret_result = SY_UNLISTED_MISS;
        known = true;
    } else {
        if (probe->until_ms != 0 && (round = round_new(el, probe, decision->probe_slug)) == NULL) {
            *ret_result = SY_UNLISTED_UNAVAILABLE;
            known = true;
        } else {
            probe->until_ms = 0;
            wait->waiting = true;
            wait->probe = probe;
            wait->next = probe->waiters;
            probe->waiters = wait;
        }
    }
    pthread_mutex_unlock(&unlisted->lock);
    if (round)
        round_ask(round, decision);
    return known;
}

bool sy_unlisted_cancel(struct sy_prober *unlisted, struct sy_unlisted_wait *wait)
{
    struct sy_unlisted_wait **at = NULL;
    bool found = false;

    pthread_mutex_lock(&unlisted->lock);
    /* One who waits is on the list of a probe that flies, and those stay. */
    if (wait->waiting)
        at = &wait->probe->waiters;
    while (at && *at && *at != wait)
        at = &(*at)->next;
    if (at && *at) {
        *at = wait->next;
        wait->waiting = false;
        found = true;
    }
    pthread_mutex_unlock(&unlisted->lock);
    return found;
}
