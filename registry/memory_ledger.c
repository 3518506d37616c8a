#include "registry/block.h"
#include "registry/memory.h"

#include <stdlib.h>
#include <string.h>

struct ledger_item {
    struct sy_item item; /* the key is the call's id */
    struct sy_ledger_row row;
};

struct idempotency_item {
    struct sy_item item; /* the key is tenant, NUL, hash */
    struct sy_idempotency_row row;
};

/* ---- ledger ---- */

static int remember_place(struct sy_memory *memory, const struct sy_drained *place,
                          struct sy_err *err)
{
    struct sy_drained *places;
    size_t at = 0;

    while (at < memory->drained_count && memory->drained[at].journal < place->journal)
        at++;
    if (at < memory->drained_count && memory->drained[at].journal == place->journal) {
        memory->drained[at] = *place;
        return SY_OK;
    }
    places = realloc(memory->drained, (memory->drained_count + 1) * sizeof(*places));
    if (!places)
        return sy_memory_nomem(err);
    memory->drained = places;
    memmove(&places[at + 1], &places[at], (memory->drained_count - at) * sizeof(*places));
    places[at] = *place;
    memory->drained_count++;
    return SY_OK;
}

static int append_row(struct sy_memory *memory, const struct sy_ledger_row *row, struct sy_err *err)
{
    struct ledger_item *item;
    void *old = NULL;
    char *tail;

    if (sy_table_get(&memory->ledger, row->id))
        return SY_OK;
    item = sy_item_new_tail(sizeof(*item), row->id.len + row->tenant.len + row->json.len, &tail);
    if (!item)
        return sy_memory_nomem(err);
    item->row = (struct sy_ledger_row){.id = sy_item_text(&tail, row->id),
                                       .tenant = sy_item_text(&tail, row->tenant),
                                       .at_ms = row->at_ms,
                                       .json = sy_item_text(&tail, row->json)};
    item->item.key = item->row.id;
    if (!sy_table_put(&memory->ledger, item, &old)) {
        sy_item_free(item);
        return sy_memory_nomem(err);
    }
    return SY_OK;
}

int sy_memory_append_ledger(struct sy_store *store, const struct sy_ledger_row *rows, size_t count,
                            const struct sy_drained *drained, size_t drained_count,
                            struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    int rc = SY_OK;

    for (size_t i = 0; !rc && i < count; i++)
        rc = append_row(memory, &rows[i], err);
    for (size_t i = 0; !rc && i < drained_count; i++)
        rc = remember_place(memory, &drained[i], err);
    return rc;
}

int sy_memory_query_ledger(struct sy_store *store, const struct sy_ledger_query *query,
                           struct sy_arena *arena, struct sy_ledger_row **ret_rows,
                           size_t *ret_count, struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    struct sy_ledger_top top;

    if (sy_ledger_top_init(&top, arena, query->limit))
        return sy_memory_nomem(err);
    for (size_t i = memory->ledger.count; i && !sy_ledger_top_full(&top); i--) {
        const struct ledger_item *item = (const void *)memory->ledger.items[i - 1];
        struct sy_ledger_row *row;

        if (!sy_ledger_matches(&item->row, query))
            continue;
        row = &top.rows[top.count++];
        *row = (struct sy_ledger_row){.id = sy_arena_copy(arena, item->row.id),
                                      .tenant = sy_arena_copy(arena, item->row.tenant),
                                      .at_ms = item->row.at_ms,
                                      .json = sy_arena_copy(arena, item->row.json)};
    }
    if (arena->failed)
        return sy_memory_nomem(err);
    *ret_rows = top.rows;
    *ret_count = top.count;
    return SY_OK;
}

int sy_memory_drained(struct sy_store *store, struct sy_drained *places, size_t max,
                      size_t *ret_count, struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;

    (void)err;
    *ret_count = memory->drained_count < max ? memory->drained_count : max;
    if (*ret_count)
        memcpy(places, memory->drained, *ret_count * sizeof(*places));
    return SY_OK;
}

/* ---- idempotency ---- */

static struct sy_str idempotency_key(struct sy_arena *arena, struct sy_str tenant,
                                     const unsigned char hash[32])
{
    const struct sy_str parts[] = {tenant, {"", 1}, sy_str_from((const char *)hash, 32)};

    return sy_arena_join(arena, parts, SY_ARRAY_LEN(parts));
}

static struct idempotency_item *idempotency_find(struct sy_memory *memory, struct sy_str tenant,
                                                 const unsigned char hash[32], bool take)
{
    struct idempotency_item *item;
    struct sy_arena scratch;
    struct sy_str key;

    sy_arena_init(&scratch, 1u << 16);
    key = idempotency_key(&scratch, tenant, hash);
    item =
        take ? sy_table_take(&memory->idempotency, key) : sy_table_get(&memory->idempotency, key);
    sy_arena_release(&scratch);
    return item;
}

static int put_one(struct sy_memory *memory, const struct sy_idempotency_row *row,
                   struct sy_err *err)
{
    struct idempotency_item *item = sy_item_new(sizeof(*item));
    struct sy_arena *arena;
    void *old = NULL;

    if (!item)
        return sy_memory_nomem(err);
    arena = &item->item.arena;
    item->item.key = idempotency_key(arena, row->tenant, row->key_hash);
    item->row = *row;
    item->row.tenant = sy_arena_copy(arena, row->tenant);
    item->row.call_id = sy_arena_copy(arena, row->call_id);
    if (row->answer.ptr)
        item->row.answer = sy_arena_copy(arena, row->answer);
    if (arena->failed || !sy_table_put(&memory->idempotency, item, &old)) {
        sy_item_free(item);
        return sy_memory_nomem(err);
    }
    sy_item_free(old);
    return SY_OK;
}

int sy_memory_put_idempotency(struct sy_store *store, const struct sy_idempotency_row *rows,
                              size_t count, struct sy_err *err)
{
    int rc = SY_OK;

    for (size_t i = 0; !rc && i < count; i++)
        rc = put_one((struct sy_memory *)store, &rows[i], err);
    return rc;
}

int sy_memory_claim_idempotency(struct sy_store *store, const struct sy_idempotency_row *row,
                                int64_t now_ms, struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    const struct idempotency_item *item =
        idempotency_find(memory, row->tenant, row->key_hash, false);

    if (item && item->row.expires_at_ms > now_ms)
        return sy_err_set(err, SY_EXISTS, "the key is taken");
    return put_one(memory, row, err);
}

int sy_memory_drop_idempotency(struct sy_store *store, const struct sy_idempotency_row *row,
                               struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    struct idempotency_item *item = idempotency_find(memory, row->tenant, row->key_hash, false);

    (void)err;
    if (item && (!row->call_id.ptr || sy_str_eq(item->row.call_id, row->call_id)))
        sy_item_free(idempotency_find(memory, row->tenant, row->key_hash, true));
    return SY_OK;
}

int sy_memory_each_idempotency(struct sy_store *store, int64_t now_ms, sy_idempotency_fn *fn,
                               void *ctx, struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    bool more = true;

    (void)err;
    for (size_t i = 0; more && i < memory->idempotency.count; i++) {
        const struct idempotency_item *item = (const void *)memory->idempotency.items[i];
        struct sy_idempotency_row row = item->row;

        row.answer = (struct sy_str){NULL, 0};
        if (row.expires_at_ms > now_ms)
            more = fn(&row, ctx);
    }
    return SY_OK;
}

int sy_memory_get_idempotency(struct sy_store *store, struct sy_str tenant,
                              const unsigned char key_hash[32], struct sy_arena *arena,
                              struct sy_idempotency_row *ret, struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    const struct idempotency_item *item = idempotency_find(memory, tenant, key_hash, false);

    if (!item)
        return sy_err_set(err, SY_NOT_FOUND, "no answer is kept for this key");
    *ret = item->row;
    ret->tenant = sy_arena_copy(arena, item->row.tenant);
    ret->call_id = sy_arena_copy(arena, item->row.call_id);
    if (item->row.answer.ptr)
        ret->answer = sy_arena_copy(arena, item->row.answer);
    return arena->failed ? sy_memory_nomem(err) : SY_OK;
}

/* ---- trim ---- */

int sy_memory_trim(struct sy_store *store, int64_t before_ms, struct sy_err *err)
{
    struct sy_memory *memory = (struct sy_memory *)store;
    struct sy_table *ledger = &memory->ledger;
    struct sy_table *answers = &memory->idempotency;
    size_t kept = 0;

    (void)err;
    for (size_t i = 0; i < ledger->count; i++) {
        struct ledger_item *item = (struct ledger_item *)(void *)ledger->items[i];
        if (item->row.at_ms < before_ms)
            sy_item_free(item);
        else
            ledger->items[kept++] = &item->item;
    }
    ledger->count = kept;
    kept = 0;
    for (size_t i = 0; i < answers->count; i++) {
        struct idempotency_item *item = (struct idempotency_item *)(void *)answers->items[i];
        if (item->row.expires_at_ms < before_ms)
            sy_item_free(item);
        else
            answers->items[kept++] = &item->item;
    }
    answers->count = kept;
    return SY_OK;
}
