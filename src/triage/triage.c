#include "triage/triage.h"

#include <stdlib.h>
#include <string.h>

#include "registry/registry.h"
#include "triage/triage_int.h"

#define ASK_MS 5000
#define TRIAGE_ARENA_MAX ((size_t)16 << 20)

unsigned sy_triage_need_from_name(struct sy_str name)
{
    static const struct sy_str names[] = {SY_STR_INIT("latency"), SY_STR_INIT("signing"),
                                          SY_STR_INIT("residency")};

    for (unsigned i = 0; i < SY_ARRAY_LEN(names); i++)
        if (sy_str_eq(names[i], name))
            return 1u << i;
    return 0;
}

/* ---- the end ---- */

static void triage_free(struct sy_loop *loop, struct sy_task *task)
{
    struct triage *triage = task->ctx;

    (void)loop;
    sy_arena_release(&triage->mem);
    free(triage);
}

static void triage_end(struct triage *triage, const struct sy_failure *failure)
{
    struct sy_triage_answer answer = {.ok = !failure};

    if (failure)
        answer.failure = *failure;
    else
        answer.json = triage_write(triage);
    triage->done(&answer, triage->ctx);
    triage->task.fn = triage_free;
    sy_loop_defer(sy_engine_loop_of(triage->el), &triage->task);
}

/* ---- writing the row ---- */

static void apply_row(struct sy_store *store, struct sy_writer_job *job)
{
    struct triage *triage = job->ctx;
    struct sy_change change = {.kind = SY_CHANGE_PUT_ROW,
                               .toolkit = triage->row.toolkit,
                               .expected_version = -1,
                               .rows = &triage->row,
                               .row_count = 1,
                               .facts = &triage->facts};
    struct sy_change_note note = {.actor = triage->request.actor,
                                  .reason = SY_STR("triage"),
                                  .at_ms = triage->request.now_unix_ms};
    int64_t version;

    triage->apply_status =
        store->ops->apply(store, &change, 1, &note, false, &version, &triage->apply_err);
    if (triage->apply_status == SY_OK)
        triage->apply_status =
            sy_engine_reload(sy_engine_of(triage->el), store, &triage->apply_err);
}

static void row_applied(struct sy_loop *loop, struct sy_task *task)
{
    struct triage *triage = task->ctx;
    struct sy_failure failure = {.code = SY_CODE_CONFLICT};

    (void)loop;
    if (triage->apply_status == SY_OK) {
        triage->applied = true;
        triage_end(triage, NULL);
        return;
    }
    if (triage->apply_status == SY_UNAVAILABLE)
        failure = (struct sy_failure){.code = SY_CODE_OVERLOADED, .cause = SY_CAUSE_STORE};
    failure.detail = sy_str_of(triage->apply_err.text);
    triage_end(triage, &failure);
}

static void triage_apply(struct triage *triage)
{
    struct sy_failure failure = {.code = SY_CODE_OVERLOADED, .cause = SY_CAUSE_STORE};

    triage->job.work = apply_row;
    triage->job.ctx = triage;
    triage->job.loop = sy_engine_loop_of(triage->el);
    triage->job.done.fn = row_applied;
    triage->job.done.ctx = triage;
    if (!sy_writer_submit(sy_engine_writer(sy_engine_of(triage->el)), &triage->job))
        triage_end(triage, &failure);
}

/* ---- judging ---- */

static void triage_judge(struct triage *triage)
{
    const struct sy_policy *policy = sy_snapshot_policy(sy_engine_snapshot(triage->el));
    struct sy_failure failure = {.code = SY_CODE_VENDOR_UNAVAILABLE, .cause = SY_CAUSE_NOT_ASKED};

    triage->verdict =
        triage_decide(triage->evidence, triage->evidence_count, policy, triage->request.criticality,
                      triage->request.can_wait, triage->request.needs);
    if (triage->verdict.undecided) {
        failure.detail = sy_arena_printf(
            &triage->mem, "%.*s could not be asked, and the answer may be there; try again",
            SY_FMT(triage->verdict.blocked_by));
        triage_end(triage, &failure);
        return;
    }
    triage_make_row(triage);
    if (triage->request.apply && !triage->missing_count)
        triage_apply(triage);
    else
        triage_end(triage, NULL);
}

static void all_answered(struct triage *triage)
{
    if (!triage->remembered)
        triage_memory_put(triage_memory_of(sy_engine_of(triage->el)), triage->folded,
                          sy_loop_now_ms(sy_engine_loop_of(triage->el)), triage->evidence,
                          triage->evidence_count);
    triage_judge(triage);
}

/* ---- asking ---- */

static void suggest(struct triage *triage, struct triage_evidence *evidence, struct sy_str slug)
{
    for (unsigned i = 0; i < evidence->suggestion_count; i++)
        if (sy_str_eq(evidence->suggestions[i], slug))
            return;
    if (evidence->suggestion_count < TRIAGE_SUGGESTIONS_MAX)
        evidence->suggestions[evidence->suggestion_count++] = sy_arena_copy(&triage->mem, slug);
}

/* Scalekit's connectors to somebody's MCP server count only where a row names them. */
static bool counts(const struct triage_evidence *evidence, const struct sy_found *found)
{
    return !sy_str_eq(evidence->vendor, SY_STR("scalekit")) ||
           !sy_str_ends(found->slug, SY_STR("mcp"));
}

static void take_found(const struct triage_question *question, struct triage_evidence *evidence,
                       const struct sy_found *found)
{
    struct triage *triage = question->triage;

    if (!triage_is_same(triage, found->slug, found->name) || !counts(evidence, found)) {
        if (!question->is_piece)
            suggest(triage, evidence, found->slug);
        return;
    }
    if (evidence->hit)
        return;
    evidence->hit = true;
    evidence->slug = sy_arena_copy(&triage->mem, found->slug);
    evidence->name = sy_arena_copy(&triage->mem, found->name);
    evidence->connection = sy_arena_copy(&triage->mem, found->connection);
    evidence->configured = found->configured;
    evidence->connectable = found->connectable;
}

static void question_answered(struct sy_ask *ask, const struct sy_ask_result *result, void *ctx)
{
    struct triage_question *question = ctx;
    struct triage *triage = question->triage;
    struct triage_evidence *evidence = &triage->evidence[question->vendor];

    (void)ask;
    triage->answered++;
    if (!result->ok) {
        evidence->asked = TRIAGE_FAILED;
        evidence->why = sy_arena_copy(&triage->mem, result->failure->detail);
    } else {
        for (size_t i = 0; i < result->result->found_count; i++)
            take_found(question, evidence, &result->result->found[i]);
    }
    if (triage->answered == triage->asked)
        all_answered(triage);
}

static void ask(struct triage *triage, unsigned vendor, enum sy_op op, struct sy_str key,
                bool is_piece)
{
    struct triage_question *question = &triage->questions[triage->asked];
    struct sy_operation what = {.op = op, .key = key, .tenant = triage->request.tenant};
    struct sy_loop *loop = sy_engine_loop_of(triage->el);

    if (triage->asked == TRIAGE_QUESTIONS_MAX)
        return;
    what.target.toolkit = key;
    what.target.vendor_slug = key;
    *question = (struct triage_question){triage, vendor, is_piece};
    if (!sy_engine_ask(triage->el, triage->vendor_index[vendor], &what, (struct sy_str){NULL, 0},
                       sy_loop_now_ms(loop) + ASK_MS, question_answered, question)) {
        triage->evidence[vendor].asked = TRIAGE_FAILED;
        triage->evidence[vendor].why = SY_STR("the question could not be sent");
        return;
    }
    triage->asked++;
    triage->evidence[vendor].questions++;
    if (triage->evidence[vendor].asked == TRIAGE_NOT_ASKED)
        triage->evidence[vendor].asked = TRIAGE_ASKED;
}

static void ask_vendor(struct triage *triage, unsigned vendor,
                       const struct sy_vendor_health *health)
{
    struct triage_evidence *evidence = &triage->evidence[vendor];

    if (!health->present || health->unavailable) {
        /* Absent by configuration is an answer; unreadable credentials are not. */
        evidence->asked = health->present ? TRIAGE_FAILED : TRIAGE_NOT_ASKED;
        evidence->why =
            health->why.len ? sy_arena_copy(&triage->mem, health->why) : SY_STR("not configured");
        return;
    }
    for (unsigned i = 0; i < triage->slug_count; i++)
        ask(triage, vendor, SY_OP_PROBE, triage->slugs[i], false);
    for (unsigned i = 0; i < triage->word_count; i++)
        ask(triage, vendor, SY_OP_SEARCH, triage->words[i], false);
    for (unsigned i = 0; i < triage->piece_count; i++)
        ask(triage, vendor, SY_OP_SEARCH, triage->pieces[i], true);
}

/* The vendors that have catalogues, in the policy's order. */
static void list_vendors(struct triage *triage, struct sy_vendor_health *health, size_t count,
                         unsigned which[TRIAGE_VENDORS_MAX])
{
    const struct sy_policy *policy = sy_snapshot_policy(sy_engine_snapshot(triage->el));

    for (unsigned c = 0; c < policy->chain_count; c++) {
        const struct sy_order_entry *entry = &policy->chain[c];

        if (entry->path != SY_PATH_NATIVE && entry->path != SY_PATH_PIPEDREAM)
            continue;
        for (size_t i = 0; i < count && triage->evidence_count < TRIAGE_VENDORS_MAX; i++) {
            if (!sy_str_eq(health[i].name, entry->vendor))
                continue;
            which[triage->evidence_count] = (unsigned)i;
            triage->vendor_index[triage->evidence_count] = i;
            triage->evidence[triage->evidence_count++] = (struct triage_evidence){
                .vendor = sy_arena_copy(&triage->mem, entry->vendor), .path = entry->path};
        }
    }
}

static void triage_ask(struct triage *triage)
{
    struct sy_vendor_health health[SY_VENDORS_MAX];
    size_t count = sy_engine_vendors(triage->el, health, SY_VENDORS_MAX);
    unsigned which[TRIAGE_VENDORS_MAX];

    list_vendors(triage, health, count, which);
    for (unsigned i = 0; i < triage->evidence_count; i++)
        ask_vendor(triage, i, &health[which[i]]);
    if (triage->asked == 0)
        all_answered(triage);
}

/* ---- the registry first ---- */

static struct sy_row row_copy(const struct sy_row *row, struct sy_arena *arena)
{
    struct sy_row copy = *row;
    struct sy_str *slices[] = {&copy.toolkit,      &copy.vendor,     &copy.vendor_slug,
                               &copy.tool_prefix,  &copy.connection, &copy.auth_config_id,
                               &copy.oauth_app_id, &copy.version,    &copy.endpoint,
                               &copy.secret,       &copy.adr,        &copy.owner,
                               &copy.issue_url,    &copy.awaited,    &copy.notes};

    for (size_t i = 0; i < SY_ARRAY_LEN(slices); i++)
        *slices[i] = sy_arena_copy(arena, *slices[i]);
    copy.mcp_servers = NULL;
    copy.mcp_server_count = 0;
    copy.extra = NULL;
    copy.extra_count = 0;
    return copy;
}

/* A need that rules Pipedream out rules its row out, too. */
static bool is_ruled_out(const struct triage *triage, const struct sy_row *row)
{
    return triage->request.needs && sy_str_eq(row->vendor, SY_STR("pipedream"));
}

/* The row calls run on, else a blocked one: either is an answer. A pending row is not: a vendor may
 * have got the toolkit since. */
static const struct sy_row *best_row(const struct triage *triage)
{
    static const enum sy_row_state order[] = {SY_ROW_LIVE, SY_ROW_DISCOVERED, SY_ROW_DEPRECATED,
                                              SY_ROW_BLOCKED};

    for (size_t s = 0; s < SY_ARRAY_LEN(order); s++)
        for (unsigned i = 0; i < triage->row_count; i++)
            if (triage->rows[i].state == order[s] && !is_ruled_out(triage, &triage->rows[i]))
                return &triage->rows[i];
    return NULL;
}

static void add_alias(struct triage *triage, struct sy_str alias)
{
    if (alias.len && triage->alias_count < TRIAGE_ALIASES_MAX)
        triage->aliases[triage->alias_count++] = sy_arena_copy(&triage->mem, alias);
}

/* Every name that the registry knows the provider by is asked for. */
static void look_in_registry(struct triage *triage)
{
    struct sy_toolkit toolkit;
    struct sy_row row;

    if (!sy_snapshot_toolkit(sy_engine_snapshot(triage->el), triage->request.provider, &toolkit))
        return;
    triage->known = sy_arena_copy(&triage->mem, toolkit.name);
    for (size_t i = 0; triage->row_count < TRIAGE_ROWS_MAX && sy_toolkit_row(&toolkit, i, &row);
         i++)
        triage->rows[triage->row_count++] = row_copy(&row, &triage->mem);
    add_alias(triage, triage->known);
    for (unsigned i = 0; i < triage->row_count; i++)
        add_alias(triage, triage->rows[i].vendor_slug);
    for (size_t i = 0; i < toolkit.alias_count; i++)
        add_alias(triage, sy_toolkit_alias(&toolkit, i));
    triage->answer_row = best_row(triage);
}

static void triage_begin(struct sy_loop *loop, struct sy_task *task)
{
    struct triage *triage = task->ctx;
    struct sy_failure failure = {.code = SY_CODE_OVERLOADED, .cause = SY_CAUSE_MEMORY};
    char *folded = sy_arena_alloc(&triage->mem, triage->request.provider.len + 1);

    if (folded)
        triage->folded = sy_name_normalise(triage->request.provider, folded);
    look_in_registry(triage);
    if (!folded || triage_terms(triage) != SY_OK) {
        triage_end(triage, &failure);
        return;
    }
    if (triage->answer_row) {
        triage_end(triage, NULL);
        return;
    }
    triage->remembered = triage_memory_get(triage_memory_of(sy_engine_of(triage->el)),
                                           triage->folded, sy_loop_now_ms(loop), &triage->mem,
                                           triage->evidence, &triage->evidence_count);
    if (triage->remembered)
        triage_judge(triage);
    else
        triage_ask(triage);
}

int sy_triage_start(struct sy_engine_loop *el, const struct sy_triage_request *request,
                    sy_triage_done_fn *done, void *ctx)
{
    struct triage *triage = calloc(1, sizeof(*triage));

    if (!triage)
        return SY_NOMEM;
    sy_arena_init(&triage->mem, TRIAGE_ARENA_MAX);
    triage->el = el;
    triage->done = done;
    triage->ctx = ctx;
    triage->request = *request;
    triage->request.provider = sy_arena_copy(&triage->mem, request->provider);
    triage->request.actor = sy_arena_copy(&triage->mem, request->actor);
    triage->request.tenant = sy_arena_copy(&triage->mem, request->tenant);
    triage->task.fn = triage_begin;
    triage->task.ctx = triage;
    sy_loop_defer(sy_engine_loop_of(el), &triage->task);
    return SY_OK;
}
