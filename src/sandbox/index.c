/* Text to pointer, and growing lists of pointers. A sandbox serves tests: the maxima are small. */
#include "sandbox/internal.h"

#include <stdlib.h>

#define INDEX_MAX ((size_t)1 << 20)

static struct sy_sb_slot *slot_of(const struct sy_sb_index *index, struct sy_str key)
{
    size_t mask = index->cap - 1;
    size_t at = (size_t)sy_str_hash(key) & mask;
    while (index->slots[at].key.ptr && !sy_str_eq(index->slots[at].key, key))
        at = (at + 1) & mask;
    return &index->slots[at];
}

static bool grow(struct sy_sb_index *index)
{
    size_t cap = index->cap ? index->cap * 2 : 64;
    if (cap > INDEX_MAX)
        return false;
    struct sy_sb_index bigger = {.slots = calloc(cap, sizeof(*bigger.slots)), .cap = cap};
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < index->cap; i++) {
        if (index->slots[i].key.ptr)
            *slot_of(&bigger, index->slots[i].key) = index->slots[i];
    }
    bigger.used = index->used;
    free(index->slots);
    *index = bigger;
    return true;
}

bool sy_sb_index_put(struct sy_sb_index *index, struct sy_str key, void *value)
{
    if (!key.ptr || (index->used * 2 >= index->cap && !grow(index)))
        return false;
    struct sy_sb_slot *slot = slot_of(index, key);
    if (!slot->key.ptr)
        index->used++;
    *slot = (struct sy_sb_slot){.key = key, .value = value};
    return true;
}

void *sy_sb_index_get(const struct sy_sb_index *index, struct sy_str key)
{
    return index->cap && key.ptr ? slot_of(index, key)->value : NULL;
}

void sy_sb_index_release(struct sy_sb_index *index)
{
    free(index->slots);
    *index = (struct sy_sb_index){0};
}

bool sy_sb_list_add(struct sy_sb_list *list, void *item)
{
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 32;
        void **items = cap > INDEX_MAX ? NULL : realloc(list->items, cap * sizeof(*items));
        if (!items)
            return false;
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = item;
    return true;
}
