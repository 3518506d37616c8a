/*
 * One suite over both backends: cases, the ledger, idempotency answers.
 */
#include "support.h"

/* ---- cases ---- */

static int bump(struct fixture *f, const char *name, const char *tenant, int64_t at,
                struct sy_case *ret)
{
    char out[64];
    const struct sy_case_bump what = {.name = z(name),
                                      .normalised = sy_name_normalise(z(name), out),
                                      .tenant = z(tenant),
                                      .tool = SY_STR("obscure_do"),
                                      .at_ms = at,
                                      .daily_cap = 3};

    return f->store->ops->bump_case(f->store, &what, &f->arena, ret, &f->err);
}

static void spellings_share_a_case_that_counts_calls_and_tenants(void **state)
{
    struct fixture *f = *state;
    struct sy_case got, again;

    assert_int_equal(bump(f, "Obscure CRM", "ascend", NOW, &got), 0);
    assert_true(sy_str_starts(got.id, SY_STR("case_")));
    assert_int_equal(got.id.len, 31);
    assert_int_equal(bump(f, "obscure-crm", "ascend", NOW + 5, &again), 0);
    assert_int_equal(bump(f, "OBSCURE_CRM", "kahuna", NOW + 3, &again), 0);
    assert_true(sy_str_eq(got.id, again.id));
    assert_text(again.name, "Obscure CRM");
    assert_text(again.normalised, "obscurecrm");
    assert_text(again.state, "open");
    assert_text(again.last_tool, "obscure_do");
    assert_int_equal(again.calls, 3);
    assert_int_equal(again.opened_at_ms, NOW);
    assert_int_equal(again.last_seen_ms, NOW + 5);
    assert_int_equal(again.tenant_count, 2);
    assert_text(again.tenants[0].name, "ascend");
    assert_text(again.tenants[0].value, "2");
    assert_text(again.tenants[1].value, "1");
}

static void a_tenant_opens_no_more_cases_a_day_than_its_cap(void **state)
{
    struct fixture *f = *state;
    const int64_t day = 24 * 3600 * 1000;
    struct sy_case got;

    assert_int_equal(bump(f, "one", "ascend", NOW, &got), 0);
    assert_int_equal(bump(f, "two", "ascend", NOW, &got), 0);
    assert_int_equal(bump(f, "three", "ascend", NOW, &got), 0);
    assert_int_equal(bump(f, "four", "ascend", NOW, &got), SY_DENIED);
    assert_int_equal(bump(f, "one", "ascend", NOW, &got), 0);
    assert_int_equal(bump(f, "four", "kahuna", NOW, &got), 0);
    assert_int_equal(bump(f, "five", "ascend", NOW + day, &got), 0);
}

static void cases_are_listed_by_demand(void **state)
{
    static const char *const calls[] = {"rare", "often", "often", "often", "some", "some", "fresh"};
    struct fixture *f = *state;
    struct sy_case got, *cases;
    size_t count;

    for (size_t i = 0; i < SY_ARRAY_LEN(calls); i++)
        assert_int_equal(bump(f, calls[i], i % 2 ? "ascend" : "kahuna", NOW + (int64_t)i, &got), 0);
    assert_int_equal(f->store->ops->list_cases(f->store, (struct sy_str){NULL, 0}, 0, 10, &f->arena,
                                               &cases, &count, NULL),
                     0);
    assert_int_equal(count, 4);
    assert_text(cases[0].name, "often");
    assert_text(cases[1].name, "some");
    assert_text(cases[2].name, "fresh");
    assert_text(cases[3].name, "rare");
    assert_int_equal(cases[0].tenant_count, 2);
    assert_int_equal(
        f->store->ops->list_cases(f->store, z("open"), 1, 2, &f->arena, &cases, &count, NULL), 0);
    assert_int_equal(count, 2);
    assert_text(cases[0].name, "some");
    assert_int_equal(
        f->store->ops->list_cases(f->store, z("closed"), 0, 9, &f->arena, &cases, &count, NULL), 0);
    assert_int_equal(count, 0);
}

static void a_closed_case_stays_and_a_new_call_opens_another(void **state)
{
    struct fixture *f = *state;
    const struct sy_store_ops *ops = f->store->ops;
    struct sy_case first, second, got;

    assert_int_equal(bump(f, "obscure", "ascend", NOW, &first), 0);
    assert_int_equal(ops->close_case(f->store, first.id, z("row added"), NOW + 1, NULL), 0);
    assert_int_equal(ops->close_case(f->store, first.id, z("again"), NOW + 2, NULL), SY_CONFLICT);
    assert_int_equal(ops->close_case(f->store, z("case_0"), z("x"), NOW, NULL), SY_NOT_FOUND);
    assert_int_equal(ops->get_case(f->store, first.id, &f->arena, &got, NULL), 0);
    assert_text(got.state, "closed");
    assert_text(got.resolution, "row added");
    assert_int_equal(got.closed_at_ms, NOW + 1);
    assert_int_equal(bump(f, "obscure", "ascend", NOW + 10, &second), 0);
    assert_false(sy_str_eq(first.id, second.id));
    assert_int_equal(ops->get_case(f->store, z("Ob-Scure"), &f->arena, &got, NULL), 0);
    assert_true(sy_str_eq(got.id, second.id));
    assert_int_equal(ops->get_case(f->store, z("nothing"), &f->arena, &got, NULL), SY_NOT_FOUND);
}

/* ---- ledger ---- */

/* Rows "call_000007" at NOW + 7, of tenant t0…t2, in the arena. */
static struct sy_ledger_row call(struct fixture *f, unsigned number)
{
    struct sy_json_writer w;
    struct sy_buf json;

    sy_buf_init_arena(&json, &f->arena, 4096);
    sy_jw_init(&w, &json);
    sy_jw_object(&w);
    sy_jw_member_i64(&w, "n", number);
    if (number % 5 == 0)
        sy_jw_member_z(&w, "code", "vendor_timeout");
    sy_jw_name(&w, "route");
    sy_jw_object(&w);
    sy_jw_member_z(&w, "toolkit", number % 2 ? "gmail" : "slack");
    sy_jw_member_z(&w, "vendor", number % 3 ? "composio" : "scalekit");
    sy_jw_object_end(&w);
    sy_jw_object_end(&w);
    return (struct sy_ledger_row){.id = sy_arena_printf(&f->arena, "call_%06u", number),
                                  .tenant = sy_arena_printf(&f->arena, "t%u", number % 3),
                                  .at_ms = NOW + number,
                                  .json = sy_buf_str(&json)};
}

static void append(struct fixture *f, unsigned from, unsigned to)
{
    struct sy_ledger_row *rows = sy_arena_array(&f->arena, to - from + 1, sizeof(*rows));

    for (unsigned i = from; i < to; i++)
        rows[i - from] = call(f, i);
    f->err = (struct sy_err)SY_ERR_INIT;
    if (f->store->ops->append_ledger(f->store, rows, to - from, NULL, 0, &f->err))
        fail_msg("%s", f->err.text);
}

static size_t query(struct fixture *f, const struct sy_ledger_query *what,
                    struct sy_ledger_row **ret_rows)
{
    size_t count;

    if (f->store->ops->query_ledger(f->store, what, &f->arena, ret_rows, &count, &f->err))
        fail_msg("%s", f->err.text);
    return count;
}

static void rows_come_back_newest_first_and_whole(void **state)
{
    struct fixture *f = *state;
    struct sy_ledger_row *rows, wanted;

    append(f, 0, 30);
    assert_int_equal(query(f, &(struct sy_ledger_query){.limit = 10}, &rows), 10);
    for (unsigned i = 0; i < 10; i++) {
        wanted = call(f, 29 - i);
        assert_true(sy_str_eq(rows[i].id, wanted.id));
        assert_true(sy_str_eq(rows[i].tenant, wanted.tenant));
        assert_true(sy_str_eq(rows[i].json, wanted.json));
        assert_int_equal(rows[i].at_ms, wanted.at_ms);
    }
}

static void a_cursor_walks_over_every_row_once(void **state)
{
    struct fixture *f = *state;
    struct sy_ledger_query what = {.limit = 97};
    struct sy_ledger_row *rows;
    unsigned seen = 0;
    size_t count;

    /* Blocks of many sizes whose ranges overlap: evens first, then odds. */
    for (unsigned half = 0; half < 2; half++)
        for (unsigned at = half; at < 2600;) {
            struct sy_ledger_row some[64];
            unsigned used = 0, most = 1 + at % 64;

            for (; used < most && at < 2600; at += 2)
                some[used++] = call(f, at);
            assert_int_equal(f->store->ops->append_ledger(f->store, some, used, NULL, 0, NULL), 0);
        }
    while ((count = query(f, &what, &rows))) {
        for (size_t i = 0; i < count; i++, seen++)
            assert_true(sy_str_eq(rows[i].id, call(f, 2599 - seen).id));
        what.before = rows[count - 1].id;
    }
    assert_int_equal(seen, 2600);
}

static void appending_twice_keeps_one(void **state)
{
    struct fixture *f = *state;
    struct sy_ledger_row *rows, twice[2], other = call(f, 3);

    append(f, 0, 20);
    append(f, 10, 30);
    other.json = SY_STR("{}");
    assert_int_equal(f->store->ops->append_ledger(f->store, &other, 1, NULL, 0, NULL), 0);
    twice[0] = twice[1] = call(f, 40);
    assert_int_equal(f->store->ops->append_ledger(f->store, twice, 2, NULL, 0, NULL), 0);
    assert_int_equal(query(f, &(struct sy_ledger_query){.limit = 100}, &rows), 31);
    assert_true(sy_str_eq(rows[27].json, call(f, 3).json));
}

static void filters_narrow_a_query(void **state)
{
    static const struct {
        const char *tenant, *id, *toolkit, *vendor, *code;
        size_t wanted;
    } cases[] = {
        {"t1", NULL, NULL, NULL, NULL, 20},
        {NULL, "call_000007", NULL, NULL, NULL, 1},
        {"t1", "call_000007", NULL, NULL, NULL, 1},
        {"t0", "call_000007", NULL, NULL, NULL, 0},
        {NULL, NULL, "gmail", NULL, NULL, 30},
        {NULL, NULL, NULL, "scalekit", NULL, 20},
        {NULL, NULL, NULL, NULL, "vendor_timeout", 12},
        {NULL, NULL, "gmail", "scalekit", NULL, 10},
        {"t9", NULL, NULL, NULL, NULL, 0},
        {NULL, "call_999999", NULL, NULL, NULL, 0},
    };
    struct fixture *f = *state;
    struct sy_ledger_row *rows;

    append(f, 0, 60);
    for (size_t i = 0; i < SY_ARRAY_LEN(cases); i++) {
        const struct sy_ledger_query what = {.tenant = z(cases[i].tenant),
                                             .id = z(cases[i].id),
                                             .toolkit = z(cases[i].toolkit),
                                             .vendor = z(cases[i].vendor),
                                             .code = z(cases[i].code),
                                             .limit = 100};
        assert_int_equal(query(f, &what, &rows), cases[i].wanted);
    }
    assert_int_equal(query(f, &(struct sy_ledger_query){0}, &rows), 50);
}

static void drained_places_are_kept_with_the_rows(void **state)
{
    struct fixture *f = *state;
    const struct sy_drained first[] = {{.journal = 1, .generation = 7, .sequence = 100},
                                       {.journal = 0, .generation = 7, .sequence = 5}};
    const struct sy_drained second[] = {{.journal = 1, .generation = 8, .sequence = 3}};
    struct sy_ledger_row row = call(f, 1);
    struct sy_drained got[4];
    size_t count;

    assert_int_equal(f->store->ops->append_ledger(f->store, &row, 1, first, 2, NULL), 0);
    assert_int_equal(f->store->ops->append_ledger(f->store, NULL, 0, second, 1, NULL), 0);
    assert_int_equal(f->store->ops->drained(f->store, got, 4, &count, NULL), 0);
    assert_int_equal(count, 2);
    assert_int_equal(got[0].journal, 0);
    assert_int_equal(got[0].sequence, 5);
    assert_int_equal(got[1].generation, 8);
    assert_int_equal(got[1].sequence, 3);
    assert_int_equal(f->store->ops->drained(f->store, got, 1, &count, NULL), 0);
    assert_int_equal(count, 1);
}

/* A commit whose answer was lost is done again, with what came meanwhile. */
static void rows_stand_once_however_often_they_are_handed_over(void **state)
{
    static const struct {
        struct sy_drained place;
        unsigned from, to;
    } steps[] = {
        {{.generation = 7, .sequence = 4, .rows_are_new = true}, 0, 4},
        {{.generation = 7, .sequence = 4}, 0, 4},
        {{.generation = 7, .sequence = 9}, 0, 9},
        {{.generation = 7, .sequence = 12, .rows_are_new = true}, 9, 12},
        {{.generation = 8, .sequence = 3}, 2, 16},
    };
    struct fixture *f = *state;
    struct sy_ledger_row *rows, given[16];

    for (unsigned i = 0; i < 16; i++)
        given[i] = call(f, i);
    for (size_t i = 0; i < SY_ARRAY_LEN(steps); i++) {
        size_t count = steps[i].to - steps[i].from;

        assert_int_equal(f->store->ops->append_ledger(f->store, given + steps[i].from, count,
                                                      &steps[i].place, 1, NULL),
                         0);
        assert_int_equal(query(f, &(struct sy_ledger_query){.limit = 100}, &rows), steps[i].to);
    }
}

static void trimming_drops_what_is_older_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct sy_ledger_row *rows;

    append(f, 0, 10);
    append(f, 10, 1500);
    append(f, 1500, 1600);
    assert_int_equal(f->store->ops->trim(f->store, NOW + 1234, NULL), 0);
    assert_int_equal(query(f, &(struct sy_ledger_query){.limit = 1000}, &rows), 366);
    assert_int_equal(rows[365].at_ms, NOW + 1234);
    assert_int_equal(f->store->ops->trim(f->store, NOW + 99999, NULL), 0);
    assert_int_equal(query(f, &(struct sy_ledger_query){.limit = 1000}, &rows), 0);
    append(f, 0, 3);
    assert_int_equal(query(f, &(struct sy_ledger_query){.limit = 1000}, &rows), 3);
}

/* ---- idempotency ---- */

static struct sy_idempotency_row answer_of(const char *tenant, unsigned char key,
                                           const char *call_id)
{
    struct sy_idempotency_row row = {.tenant = z(tenant),
                                     .call_id = z(call_id),
                                     .expires_at_ms = NOW + 1000,
                                     .status = 200,
                                     .answer = SY_STR("{}")};

    memset(row.key_hash, key, 32);
    memset(row.body_hash, key + 1, 32);
    return row;
}

static void an_answer_is_kept_under_tenant_and_key(void **state)
{
    struct fixture *f = *state;
    const struct sy_store_ops *ops = f->store->ops;
    struct sy_idempotency_row row = answer_of("ascend", 1, "call_1"), got;

    row.answer = sy_str_from("{\"\0\"}", 5);
    assert_int_equal(ops->put_idempotency(f->store, &row, 1, NULL), 0);
    assert_int_equal(
        ops->get_idempotency(f->store, z("ascend"), row.key_hash, &f->arena, &got, NULL), 0);
    assert_text(got.tenant, "ascend");
    assert_memory_equal(got.key_hash, row.key_hash, 32);
    assert_memory_equal(got.body_hash, row.body_hash, 32);
    assert_text(got.call_id, "call_1");
    assert_int_equal(got.expires_at_ms, NOW + 1000);
    assert_false(got.unknown);
    assert_int_equal(got.status, 200);
    assert_true(sy_str_eq(got.answer, row.answer));
    assert_int_equal(
        ops->get_idempotency(f->store, z("kahuna"), row.key_hash, &f->arena, &got, NULL),
        SY_NOT_FOUND);
}

static void a_later_answer_takes_the_place_of_an_earlier(void **state)
{
    struct fixture *f = *state;
    struct sy_idempotency_row rows[2] = {answer_of("ascend", 1, "call_1"),
                                         answer_of("ascend", 1, "call_2")};
    struct sy_idempotency_row got;

    rows[0].unknown = true;
    rows[0].answer = (struct sy_str){NULL, 0};
    rows[1].status = 422;
    assert_int_equal(f->store->ops->put_idempotency(f->store, rows, 2, NULL), 0);
    assert_int_equal(f->store->ops->get_idempotency(f->store, z("ascend"), rows[0].key_hash,
                                                    &f->arena, &got, NULL),
                     0);
    assert_text(got.call_id, "call_2");
    assert_int_equal(got.status, 422);
    assert_false(got.unknown);
}

static void a_key_is_dropped_only_by_the_call_that_holds_it(void **state)
{
    struct fixture *f = *state;
    const struct sy_store_ops *ops = f->store->ops;
    struct sy_idempotency_row row = answer_of("ascend", 1, "call_1");
    struct sy_idempotency_row other = answer_of("ascend", 1, "call_0"), got;

    assert_int_equal(ops->put_idempotency(f->store, &row, 1, NULL), 0);
    assert_int_equal(ops->drop_idempotency(f->store, &other, NULL), 0);
    assert_int_equal(
        ops->get_idempotency(f->store, row.tenant, row.key_hash, &f->arena, &got, NULL), 0);
    other.call_id = (struct sy_str){NULL, 0};
    assert_int_equal(ops->drop_idempotency(f->store, &other, NULL), 0);
    assert_int_equal(
        ops->get_idempotency(f->store, row.tenant, row.key_hash, &f->arena, &got, NULL),
        SY_NOT_FOUND);
    assert_int_equal(ops->drop_idempotency(f->store, &other, NULL), 0);
}

static void a_key_is_claimed_by_one_and_by_another_when_that_has_expired(void **state)
{
    struct fixture *f = *state;
    const struct sy_store_ops *ops = f->store->ops;
    struct sy_idempotency_row row = answer_of("ascend", 1, "call_1");
    struct sy_idempotency_row other = answer_of("ascend", 1, "call_2"), got;
    int64_t alive_ms = row.expires_at_ms - 1;

    assert_int_equal(ops->claim_idempotency(f->store, &row, alive_ms, NULL), 0);
    assert_int_equal(ops->claim_idempotency(f->store, &other, alive_ms, NULL), SY_EXISTS);
    assert_int_equal(
        ops->get_idempotency(f->store, row.tenant, row.key_hash, &f->arena, &got, NULL), 0);
    assert_text(got.call_id, "call_1");
    assert_int_equal(ops->claim_idempotency(f->store, &other, row.expires_at_ms, NULL), 0);
    assert_int_equal(
        ops->get_idempotency(f->store, row.tenant, row.key_hash, &f->arena, &got, NULL), 0);
    assert_text(got.call_id, "call_2");
}

static bool count_row(const struct sy_idempotency_row *row, void *ctx)
{
    unsigned *count = ctx;

    assert_null(row->answer.ptr);
    assert_text(row->tenant, "ascend");
    return ++*count < 3;
}

static void the_index_lists_what_has_not_expired_without_answers(void **state)
{
    struct fixture *f = *state;
    const struct sy_store_ops *ops = f->store->ops;
    struct sy_idempotency_row rows[4];
    unsigned count = 0;

    for (unsigned char i = 0; i < 4; i++) {
        rows[i] = answer_of("ascend", i, "call_1");
        rows[i].expires_at_ms = NOW + i;
    }
    assert_int_equal(ops->put_idempotency(f->store, rows, 4, NULL), 0);
    assert_int_equal(ops->each_idempotency(f->store, NOW + 1, count_row, &count, NULL), 0);
    assert_int_equal(count, 2);
    count = 0;
    assert_int_equal(ops->each_idempotency(f->store, NOW - 1, count_row, &count, NULL), 0);
    assert_int_equal(count, 3);
}

static void trimming_drops_answers_that_expired_before(void **state)
{
    struct fixture *f = *state;
    struct sy_idempotency_row row = answer_of("ascend", 1, "call_1"), got;

    assert_int_equal(f->store->ops->put_idempotency(f->store, &row, 1, NULL), 0);
    assert_int_equal(f->store->ops->trim(f->store, NOW + 1000, NULL), 0);
    assert_int_equal(
        f->store->ops->get_idempotency(f->store, row.tenant, row.key_hash, &f->arena, &got, NULL),
        0);
    assert_int_equal(f->store->ops->trim(f->store, NOW + 1001, NULL), 0);
    assert_int_equal(
        f->store->ops->get_idempotency(f->store, row.tenant, row.key_hash, &f->arena, &got, NULL),
        SY_NOT_FOUND);
}

#define SUITE(backend)                                                                             \
    FOR(backend, spellings_share_a_case_that_counts_calls_and_tenants),                            \
        FOR(backend, a_tenant_opens_no_more_cases_a_day_than_its_cap),                             \
        FOR(backend, cases_are_listed_by_demand),                                                  \
        FOR(backend, a_closed_case_stays_and_a_new_call_opens_another),                            \
        FOR(backend, rows_come_back_newest_first_and_whole),                                       \
        FOR(backend, a_cursor_walks_over_every_row_once), FOR(backend, appending_twice_keeps_one), \
        FOR(backend, filters_narrow_a_query), FOR(backend, drained_places_are_kept_with_the_rows), \
        FOR(backend, rows_stand_once_however_often_they_are_handed_over),                          \
        FOR(backend, trimming_drops_what_is_older_and_nothing_else),                               \
        FOR(backend, an_answer_is_kept_under_tenant_and_key),                                      \
        FOR(backend, a_later_answer_takes_the_place_of_an_earlier),                                \
        FOR(backend, a_key_is_dropped_only_by_the_call_that_holds_it),                             \
        FOR(backend, a_key_is_claimed_by_one_and_by_another_when_that_has_expired),                \
        FOR(backend, the_index_lists_what_has_not_expired_without_answers),                        \
        FOR(backend, trimming_drops_answers_that_expired_before)

int main(void)
{
    const struct CMUnitTest memory[] = {SUITE("memory")};
    const struct CMUnitTest sqlite[] = {SUITE("sqlite")};
    int failed = cmocka_run_group_tests_name("memory", memory, NULL, NULL);

    return failed + cmocka_run_group_tests_name("sqlite", sqlite, NULL, NULL);
}
