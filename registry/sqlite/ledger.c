/*
 * Ledger rows in blocks. Small appends join: a block as small as the rows that come is taken in
 * front of them, so that a quiet gateway's blocks grow like a binary counter, up to the maximum.
 */
#include "registry/block.h"
#include "registry/press.h"
#include "registry/sqlite/sqlite.h"

#include <stdlib.h>

/* One row may be larger than a block of many should be. */
#define ROW_BYTES_MAX (32u << 20)

/* ledger_blocks.form */
enum block_form { FORM_PLAIN, FORM_PACKED };

/* ---- a block's rows ---- */

/* The rows a statement stands at, as columns `column` (form) and the next: the library's until it
 * is reset, or in `plain`, which the caller began and releases. */
static int read_rows(sqlite3_stmt *st, int column, struct sy_buf *plain, struct sy_str *ret,
                     struct sy_err *err)
{
    int64_t form = sqlite3_column_int64(st, column);
    struct sy_str stored = sy_sql_blob(st, column + 1, NULL);

    if (form == FORM_PLAIN) {
        *ret = stored;
        return SY_OK;
    }
    if (form != FORM_PACKED)
        return sy_err_set(err, SY_INVALID,
                          "store: a block of the ledger has form %lld, this program knows up to "
                          "%d: use the newer program",
                          (long long)form, FORM_PACKED);
    /* Of a damaged one what can be read, as of a plain one. */
    if (!sy_unpress(plain, stored, ROW_BYTES_MAX) && !sy_buf_ok(plain))
        return sy_err_set(err, SY_NOMEM, "out of memory");
    *ret = sy_buf_str(plain);
    return SY_OK;
}

/* ---- writing blocks ---- */

struct block_facts {
    struct sy_str min_id, max_id;
    int64_t min_at, max_at;
    size_t count;
};

static void widen(struct block_facts *facts, const struct sy_ledger_row *row)
{
    bool first = facts->count++ == 0;

    if (first || sy_str_cmp(row->id, facts->min_id) < 0)
        facts->min_id = row->id;
    if (first || sy_str_cmp(row->id, facts->max_id) > 0)
        facts->max_id = row->id;
    if (first || row->at_ms < facts->min_at)
        facts->min_at = row->at_ms;
    if (first || row->at_ms > facts->max_at)
        facts->max_at = row->at_ms;
}

static struct block_facts facts_of(struct sy_str rows)
{
    struct block_facts facts = {0};
    struct sy_ledger_row row;

    while (sy_block_next(&rows, &row))
        widen(&facts, &row);
    return facts;
}

static unsigned char *filter_of(struct sy_str rows, size_t count, size_t *ret_size)
{
    size_t size = sy_filter_size(count);
    unsigned char *filter = calloc(1, size);
    struct sy_str tenant = {NULL, 0};
    struct sy_ledger_row row;

    while (filter && sy_block_next(&rows, &row)) {
        sy_filter_add(filter, size, row.id);
        if (!sy_str_eq(row.tenant, tenant))
            sy_filter_add(filter, size, row.tenant);
        tenant = row.tenant;
    }
    *ret_size = size;
    return filter;
}

/* Inserts a block, or with `id` puts it in that block's place. */
static int write_block(struct sy_sqlite *self, struct sy_str rows, int64_t id, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, id ? SY_SQL_BLOCK_UPDATE : SY_SQL_BLOCK_ADD, err);
    struct block_facts facts = facts_of(rows);
    unsigned char *filter;
    struct sy_buf packed;
    bool shorter;
    size_t size;
    int rc;

    if (!st)
        return sy_sql_lost(self);
    filter = filter_of(rows, facts.count, &size);
    if (!filter)
        return sy_err_set(err, SY_NOMEM, "out of memory");
    sy_buf_init(&packed, rows.len); /* what comes out longer stays as it is */
    sy_press(&packed, rows);
    shorter = sy_buf_ok(&packed);
    sy_sql_bind(st, 1, facts.min_id);
    sy_sql_bind(st, 2, facts.max_id);
    sy_sql_bind_i64(st, 3, facts.min_at);
    sy_sql_bind_i64(st, 4, facts.max_at);
    sy_sql_bind_i64(st, 5, (int64_t)facts.count);
    sy_sql_bind_i64(st, 6, (int64_t)rows.len);
    sy_sql_bind_blob(st, 7, sy_str_from((const char *)filter, size));
    sy_sql_bind_i64(st, 8, shorter ? FORM_PACKED : FORM_PLAIN);
    sy_sql_bind_blob(st, 9, shorter ? sy_buf_str(&packed) : rows);
    if (id)
        sy_sql_bind_i64(st, 10, id);
    rc = sy_sql_run(self, st, err);
    sy_buf_release(&packed);
    free(filter);
    return rc;
}

static int delete_block(struct sy_sqlite *self, int64_t id, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_BLOCK_DELETE, err);

    if (!st)
        return sy_sql_lost(self);
    sy_sql_bind_i64(st, 1, id);
    return sy_sql_run(self, st, err);
}

/* Takes the newest block in front of `rows` if it is no larger than they are and both fit into one.
 * 1: done, 0: it stays. */
static int join_last(struct sy_sqlite *self, struct sy_buf *rows, size_t *count, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_BLOCK_LAST, err);
    int rc = st ? sy_sql_step(self, st, err) : sy_sql_lost(self);
    struct sy_buf joined;
    struct sy_str last;
    size_t last_count;
    bool whole;
    int64_t id;

    if (rc <= 0)
        return rc;
    id = sqlite3_column_int64(st, 0);
    last_count = (size_t)sqlite3_column_int64(st, 1);
    if (last_count > *count || last_count + *count > SY_BLOCK_ROWS_MAX ||
        (uint64_t)sqlite3_column_int64(st, 2) + rows->len > SY_BLOCK_BYTES_MAX) {
        sy_sql_reset(st);
        return 0;
    }
    sy_buf_init(&joined, ROW_BYTES_MAX);
    rc = read_rows(st, 3, &joined, &last, err);
    /* One that cannot be read to its end stays: nothing behind the damage would be found. */
    whole = !rc && facts_of(last).count == last_count;
    if (!rc && !joined.len)
        sy_buf_append(&joined, last);
    sy_sql_reset(st);
    sy_buf_append(&joined, sy_buf_str(rows));
    if (!rc && !sy_buf_ok(&joined))
        rc = sy_err_set(err, SY_NOMEM, "out of memory");
    if (rc || !whole) {
        sy_buf_release(&joined);
        return rc;
    }
    sy_buf_release(rows);
    *rows = joined;
    *count += last_count;
    rc = delete_block(self, id, err);
    return rc ? rc : 1;
}

static int add_block(struct sy_sqlite *self, struct sy_buf *rows, size_t count, struct sy_err *err)
{
    int rc;

    if (!sy_buf_ok(rows))
        return sy_err_set(err, SY_NOMEM, "a ledger row is too large for a block");
    while ((rc = join_last(self, rows, &count, err)) > 0)
        continue;
    return rc ? rc : write_block(self, sy_buf_str(rows), 0, err);
}

/* ---- rows that are there already ---- */

struct fresh {
    const struct sy_ledger_row **rows; /* by id */
    bool *known;
    size_t count;
};

static int by_id(const void *left, const void *right)
{
    const struct sy_ledger_row *a = *(const struct sy_ledger_row *const *)left;
    const struct sy_ledger_row *b = *(const struct sy_ledger_row *const *)right;
    int order = sy_str_cmp(a->id, b->id);

    return order ? order : (a > b) - (a < b);
}

static void mark_in_block(struct fresh *fresh, struct sy_str rows)
{
    struct sy_ledger_row row;

    while (sy_block_next(&rows, &row)) {
        size_t low = 0, high = fresh->count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (sy_str_cmp(fresh->rows[middle]->id, row.id) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        if (low < fresh->count && sy_str_eq(fresh->rows[low]->id, row.id))
            fresh->known[low] = true;
    }
}

static bool may_hold(const struct fresh *fresh, struct sy_str min_id, struct sy_str max_id,
                     struct sy_str filter)
{
    for (size_t i = 0; i < fresh->count && sy_str_cmp(fresh->rows[i]->id, max_id) <= 0; i++)
        if (sy_str_cmp(fresh->rows[i]->id, min_id) >= 0 &&
            sy_filter_has((const unsigned char *)filter.ptr, filter.len, fresh->rows[i]->id))
            return true;
    return false;
}

/* Opens a block's rows. Then reset `*ret_st` and release `plain`, in any order, when done with
 * them; after an error there is nothing to do. */
static int open_block(struct sy_sqlite *self, int64_t id, sqlite3_stmt **ret_st,
                      struct sy_buf *plain, struct sy_str *ret_rows, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_BLOCK_ROWS, err);
    int rc;

    if (!st)
        return sy_sql_lost(self);
    sy_sql_bind_i64(st, 1, id);
    rc = sy_sql_step(self, st, err);
    if (rc <= 0)
        return rc ? rc : sy_err_set(err, SY_ERR, "store: a ledger block is gone");
    *ret_st = st;
    sy_buf_init(plain, ROW_BYTES_MAX);
    rc = read_rows(st, 0, plain, ret_rows, err);
    if (rc) {
        sy_sql_reset(st);
        sy_buf_release(plain);
    }
    return rc;
}

static int mark_known(struct sy_sqlite *self, struct fresh *fresh, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_BLOCKS_OVERLAPPING, err);
    sqlite3_stmt *block;
    struct sy_buf plain;
    struct sy_str rows;
    int rc;

    if (!st)
        return sy_sql_lost(self);
    for (size_t i = 1; i < fresh->count; i++)
        fresh->known[i] = sy_str_eq(fresh->rows[i]->id, fresh->rows[i - 1]->id);
    sy_sql_bind(st, 1, fresh->rows[0]->id);
    sy_sql_bind(st, 2, fresh->rows[fresh->count - 1]->id);
    while ((rc = sy_sql_step(self, st, err)) > 0) {
        if (!may_hold(fresh, sy_sql_text(st, 1, NULL), sy_sql_text(st, 2, NULL),
                      sy_sql_blob(st, 3, NULL)))
            continue;
        rc = open_block(self, sqlite3_column_int64(st, 0), &block, &plain, &rows, err);
        if (rc)
            break;
        mark_in_block(fresh, rows);
        sy_sql_reset(block);
        sy_buf_release(&plain);
    }
    sy_sql_reset(st);
    return rc < 0 ? rc : SY_OK;
}

/* ---- append ---- */

static int write_fresh(struct sy_sqlite *self, const struct fresh *fresh, struct sy_err *err)
{
    size_t count = 0, expected = 0;
    struct sy_buf rows;
    int rc = SY_OK;

    sy_buf_init(&rows, ROW_BYTES_MAX);
    for (size_t i = 0; i < fresh->count && i < SY_BLOCK_ROWS_MAX; i++)
        expected += sy_block_row_size(fresh->rows[i]);
    sy_buf_reserve(&rows, expected < SY_BLOCK_BYTES_MAX ? expected : SY_BLOCK_BYTES_MAX);
    for (size_t i = 0; !rc && i < fresh->count; i++) {
        if (fresh->known[i])
            continue;
        if (count == SY_BLOCK_ROWS_MAX ||
            (count && rows.len + sy_block_row_size(fresh->rows[i]) > SY_BLOCK_BYTES_MAX)) {
            rc = add_block(self, &rows, count, err);
            sy_buf_clear(&rows);
            count = 0;
        }
        sy_block_add(&rows, fresh->rows[i]);
        count++;
    }
    if (!rc && count)
        rc = add_block(self, &rows, count, err);
    sy_buf_release(&rows);
    return rc;
}

static bool are_new(const struct sy_drained *places, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!places[i].rows_are_new)
            return false;
    return count > 0;
}

/* Marks those that are here already, or stand twice among them. */
static int find_known(struct sy_sqlite *self, struct fresh *fresh, struct sy_err *err)
{
    qsort(fresh->rows, fresh->count, sizeof(struct sy_ledger_row *), by_id);
    return mark_known(self, fresh, err);
}

static int append_rows(struct sy_sqlite *self, const struct sy_ledger_row *rows, size_t count,
                       const struct sy_drained *places, size_t place_count, struct sy_err *err)
{
    struct fresh fresh = {calloc(count + 1, sizeof(struct sy_ledger_row *)),
                          calloc(count + 1, sizeof(bool)), count};
    int rc = fresh.rows && fresh.known ? SY_OK : sy_err_set(err, SY_NOMEM, "out of memory");

    for (size_t i = 0; !rc && i < count; i++) {
        fresh.rows[i] = &rows[i];
        if (rows[i].at_ms > self->newest_ms)
            self->newest_ms = rows[i].at_ms;
    }
    if (!rc && count && !are_new(places, place_count))
        rc = find_known(self, &fresh, err);
    if (!rc)
        rc = write_fresh(self, &fresh, err);
    free(fresh.rows);
    free(fresh.known);
    return rc;
}

static int put_drained(struct sy_sqlite *self, const struct sy_drained *place, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_DRAINED_PUT, err);

    if (!st)
        return sy_sql_lost(self);
    sy_sql_bind_i64(st, 1, place->journal);
    sy_sql_bind_i64(st, 2, (int64_t)place->generation);
    sy_sql_bind_i64(st, 3, (int64_t)place->sequence);
    return sy_sql_run(self, st, err);
}

int sy_sqlite_append_ledger(struct sy_store *store, const struct sy_ledger_row *rows, size_t count,
                            const struct sy_drained *drained, size_t drained_count,
                            struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    int rc = sy_sqlite_begin(self, err);

    if (rc)
        return rc;
    rc = append_rows(self, rows, count, drained, drained_count, err);
    for (size_t i = 0; !rc && i < drained_count; i++)
        rc = put_drained(self, &drained[i], err);
    return sy_sqlite_end(self, rc, err);
}

int sy_sqlite_drained(struct sy_store *store, struct sy_drained *places, size_t max,
                      size_t *ret_count, struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_DRAINED, err);
    size_t count = 0;
    int rc = SY_OK;

    if (!st)
        return sy_sql_lost(self);
    while (count < max && (rc = sy_sql_step(self, st, err)) > 0)
        places[count++] = (struct sy_drained){.journal = (unsigned)sqlite3_column_int64(st, 0),
                                              .generation = (uint64_t)sqlite3_column_int64(st, 1),
                                              .sequence = (uint64_t)sqlite3_column_int64(st, 2)};
    sy_sql_reset(st);
    *ret_count = count;
    return rc < 0 ? rc : SY_OK;
}

/* ---- query ---- */

static int search_block(struct sy_sqlite *self, int64_t id, const struct sy_ledger_query *query,
                        struct sy_ledger_top *top, struct sy_arena *arena, struct sy_err *err)
{
    struct sy_ledger_row row;
    struct sy_str rows, rest;
    struct sy_buf plain;
    sqlite3_stmt *st;
    int rc = open_block(self, id, &st, &plain, &rows, err);

    if (rc)
        return rc;
    rest = rows;
    while (sy_block_next(&rest, &row))
        if (sy_ledger_matches(&row, query))
            sy_ledger_top_add(top, &row);
    if (sy_ledger_top_keep(top, rows, arena))
        rc = sy_err_set(err, SY_NOMEM, "out of memory");
    sy_sql_reset(st);
    sy_buf_release(&plain);
    return rc;
}

/* The statement that lists the blocks a query may find something in, newest first. */
static sqlite3_stmt *candidates(struct sy_sqlite *self, const struct sy_ledger_query *query,
                                struct sy_err *err)
{
    sqlite3_stmt *st =
        sy_sql_get(self, query->id.ptr ? SY_SQL_BLOCKS_OVERLAPPING : SY_SQL_BLOCKS_BELOW, err);

    if (st)
        sy_sql_bind(st, 1, query->id.ptr ? query->id : query->before);
    if (st && query->id.ptr)
        sy_sql_bind(st, 2, query->id);
    return st;
}

int sy_sqlite_query_ledger(struct sy_store *store, const struct sy_ledger_query *query,
                           struct sy_arena *arena, struct sy_ledger_row **ret_rows,
                           size_t *ret_count, struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    sqlite3_stmt *st = candidates(self, query, err);
    struct sy_ledger_top top;
    int rc;

    if (!st)
        return sy_sql_lost(self);
    if (sy_ledger_top_init(&top, arena, query->limit))
        return sy_err_set(err, SY_NOMEM, "out of memory");
    while ((rc = sy_sql_step(self, st, err)) > 0) {
        struct sy_str filter = sy_sql_blob(st, 3, NULL);
        const unsigned char *bits = (const unsigned char *)filter.ptr;

        if (!query->id.ptr && sy_ledger_top_full(&top) &&
            sy_str_cmp(sy_sql_text(st, 2, NULL), top.rows[top.count - 1].id) < 0)
            break;
        if ((query->tenant.ptr && !sy_filter_has(bits, filter.len, query->tenant)) ||
            (query->id.ptr && !sy_filter_has(bits, filter.len, query->id)))
            continue;
        rc = search_block(self, sqlite3_column_int64(st, 0), query, &top, arena, err);
        if (rc)
            break;
    }
    sy_sql_reset(st);
    if (rc < 0)
        return rc;
    *ret_rows = top.rows;
    *ret_count = top.count;
    return SY_OK;
}

/* ---- trim ---- */

/* Rewrites one block that holds rows of both sides. 1: there was one. */
static int trim_mixed(struct sy_sqlite *self, int64_t before_ms, struct sy_err *err)
{
    sqlite3_stmt *st = sy_sql_get(self, SY_SQL_BLOCKS_MIXED, err);
    struct sy_ledger_row row;
    struct sy_buf plain, kept;
    struct sy_str rest;
    int64_t id;
    int rc;

    if (!st)
        return sy_sql_lost(self);
    sy_sql_bind_i64(st, 1, before_ms);
    rc = sy_sql_step(self, st, err);
    if (rc <= 0)
        return rc;
    id = sqlite3_column_int64(st, 0);
    sy_buf_init(&plain, ROW_BYTES_MAX);
    sy_buf_init(&kept, ROW_BYTES_MAX);
    rc = read_rows(st, 1, &plain, &rest, err);
    while (!rc && sy_block_next(&rest, &row))
        if (row.at_ms >= before_ms)
            sy_block_add(&kept, &row);
    sy_sql_reset(st);
    sy_buf_release(&plain);
    if (!rc && !sy_buf_ok(&kept))
        rc = sy_err_set(err, SY_NOMEM, "out of memory");
    if (!rc)
        rc = kept.len ? write_block(self, sy_buf_str(&kept), id, err) : delete_block(self, id, err);
    sy_buf_release(&kept);
    return rc ? rc : 1;
}

static int trim(struct sy_sqlite *self, int64_t before_ms, struct sy_err *err)
{
    static const enum sy_sql deletes[] = {SY_SQL_BLOCKS_TRIM, SY_SQL_IDEMPOTENCY_TRIM};
    int rc = SY_OK;

    for (size_t i = 0; !rc && i < SY_ARRAY_LEN(deletes); i++) {
        sqlite3_stmt *st = sy_sql_get(self, deletes[i], err);
        if (!st)
            return sy_sql_lost(self);
        sy_sql_bind_i64(st, 1, before_ms);
        rc = sy_sql_run(self, st, err);
    }
    while (!rc && (rc = trim_mixed(self, before_ms, err)) > 0)
        rc = SY_OK;
    return rc;
}

int sy_sqlite_trim(struct sy_store *store, int64_t before_ms, struct sy_err *err)
{
    struct sy_sqlite *self = (struct sy_sqlite *)store;
    int rc = sy_sqlite_begin(self, err);

    return rc ? rc : sy_sqlite_end(self, trim(self, before_ms, err), err);
}
