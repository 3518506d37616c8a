#include "registry/table.h"

#include <stdlib.h>
#include <string.h>

#define ITEM_ARENA_MAX (64u << 20)

void *sy_item_new(size_t size)
{
    struct sy_item *item = calloc(1, size);

    if (item)
        sy_arena_init(&item->arena, ITEM_ARENA_MAX);
    return item;
}

void *sy_item_new_tail(size_t size, size_t tail, char **ret_tail)
{
    char *item = tail < SIZE_MAX - size ? sy_item_new(size + tail) : NULL;

    if (item)
        *ret_tail = item + size;
    return item;
}

struct sy_str sy_item_text(char **tail, struct sy_str text)
{
    struct sy_str copy = {text.ptr ? *tail : NULL, text.len};

    if (text.len)
        memcpy(*tail, text.ptr, text.len);
    *tail += text.len;
    return copy;
}

bool sy_bag_add(struct sy_bag *bag, void *item)
{
    size_t cap = bag->cap ? bag->cap * 2 : 16;
    void **items;

    if (bag->count == bag->cap) {
        items = realloc(bag->items, cap * sizeof(void *));
        if (!items)
            return false;
        bag->items = items;
        bag->cap = cap;
    }
    bag->items[bag->count++] = item;
    return true;
}

void sy_bag_release(struct sy_bag *bag, bool items)
{
    for (size_t i = 0; items && i < bag->count; i++)
        sy_item_free(bag->items[i]);
    free(bag->items);
    *bag = (struct sy_bag){0};
}

void sy_item_free(void *item)
{
    struct sy_item *base = item;

    if (!base)
        return;
    sy_arena_release(&base->arena);
    free(base);
}

size_t sy_table_at(const struct sy_table *table, struct sy_str key, bool *ret_found)
{
    size_t low = 0, high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = sy_str_cmp(table->items[middle]->key, key);

        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found = false;
    return low;
}

void *sy_table_get(const struct sy_table *table, struct sy_str key)
{
    bool found;
    size_t at = sy_table_at(table, key, &found);

    return found ? table->items[at] : NULL;
}

bool sy_table_reserve(struct sy_table *table)
{
    size_t cap = table->cap ? table->cap * 2 : 16;
    struct sy_item **items;

    if (table->count < table->cap)
        return true;
    items = realloc(table->items, cap * sizeof(struct sy_item *));
    if (!items)
        return false;
    table->items = items;
    table->cap = cap;
    return true;
}

bool sy_table_put(struct sy_table *table, void *item, void **ret_old)
{
    struct sy_item *base = item;
    bool found;
    size_t at = sy_table_at(table, base->key, &found);

    *ret_old = found ? table->items[at] : NULL;
    if (!found) {
        if (!sy_table_reserve(table))
            return false;
        memmove(&table->items[at + 1], &table->items[at],
                (table->count - at) * sizeof(struct sy_item *));
        table->count++;
    }
    table->items[at] = base;
    return true;
}

void *sy_table_take(struct sy_table *table, struct sy_str key)
{
    bool found;
    size_t at = sy_table_at(table, key, &found);
    struct sy_item *item;

    if (!found)
        return NULL;
    item = table->items[at];
    table->count--;
    memmove(&table->items[at], &table->items[at + 1],
            (table->count - at) * sizeof(struct sy_item *));
    return item;
}

void sy_table_release(struct sy_table *table, bool items)
{
    for (size_t i = 0; items && i < table->count; i++)
        sy_item_free(table->items[i]);
    free(table->items);
    *table = (struct sy_table){0};
}

bool sy_table_copy(const struct sy_table *table, struct sy_table *ret_copy)
{
    struct sy_item **items = malloc((table->count + 1) * sizeof(struct sy_item *));

    if (!items)
        return false;
    if (table->count)
        memcpy(items, table->items, table->count * sizeof(struct sy_item *));
    *ret_copy = (struct sy_table){items, table->count, table->count + 1};
    return true;
}
