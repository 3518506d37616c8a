/*
 * A sorted array of pointers to items that begin with their key: all the memory backend needs.
 */
#ifndef SY_REGISTRY_TABLE_H
#define SY_REGISTRY_TABLE_H

#include "base/arena.h"

/* First member of every item; the item lives in `arena`, which lives in the item's own memory. */
struct sy_item {
    struct sy_str key;
    struct sy_arena arena;
};

struct sy_table {
    struct sy_item **items; /* in byte order of their keys */
    size_t count;
    size_t cap;
};

/* Pointers to free later. */
struct sy_bag {
    void **items;
    size_t count;
    size_t cap;
};
bool sy_bag_add(struct sy_bag *bag, void *item);
/* Frees the bag and, with `items`, what is in it. */
void sy_bag_release(struct sy_bag *bag, bool items);

/* Zeroed memory of `size` bytes that begins with a struct sy_item; NULL without memory. */
void *sy_item_new(size_t size);
/* The same with `tail` further bytes behind it, for items that need no arena of their own. */
void *sy_item_new_tail(size_t size, size_t tail, char **ret_tail);
/* Copies text to *tail, moves *tail behind it, and returns the copy; absent stays absent. */
struct sy_str sy_item_text(char **tail, struct sy_str text);
void sy_item_free(void *item);
/* Index of the key, or where it would stand. */
size_t sy_table_at(const struct sy_table *table, struct sy_str key, bool *ret_found);
void *sy_table_get(const struct sy_table *table, struct sy_str key);
/* Room for one more item, so that the next put cannot fail. */
bool sy_table_reserve(struct sy_table *table);
/* Inserts or replaces; *ret_old is the item that was there. False without memory. */
bool sy_table_put(struct sy_table *table, void *item, void **ret_old);
/* Takes the item out and returns it, NULL if there is none. */
void *sy_table_take(struct sy_table *table, struct sy_str key);
/* Frees the array and, with `items`, what it holds. */
void sy_table_release(struct sy_table *table, bool items);
/* A second array of the same pointers. */
bool sy_table_copy(const struct sy_table *table, struct sy_table *ret_copy);

#endif
