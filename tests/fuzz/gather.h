/* What a registry document says, as a registry without a store between. */
#ifndef SY_TESTS_FUZZ_GATHER_H
#define SY_TESTS_FUZZ_GATHER_H

#include "fuzz.h"
#include "registry/registry.h"

static inline void gather(const struct sy_import *import, struct sy_arena *arena,
                          struct sy_registry *ret)
{
    struct sy_toolkit_facts *facts =
        sy_arena_array(arena, import->change_count + 1, sizeof(*facts));
    struct sy_tool_map *maps = sy_arena_array(arena, import->maps + 1, sizeof(*maps));
    struct sy_row *rows = sy_arena_array(arena, import->rows + 1, sizeof(*rows));

    FUZZ_CHECK(facts && maps && rows);
    *ret = (struct sy_registry){.version = 1, .rows = rows, .toolkits = facts, .maps = maps};
    for (size_t i = 0; i < import->change_count; i++) {
        const struct sy_change *change = &import->changes[i];

        FUZZ_CHECK(ret->row_count + change->row_count <= import->rows);
        for (size_t j = 0; j < change->row_count; j++)
            rows[ret->row_count++] = change->rows[j];
        if (change->facts)
            facts[ret->toolkit_count++] = *change->facts;
        FUZZ_CHECK(ret->map_count + (change->map != NULL) <= import->maps);
        if (change->map)
            maps[ret->map_count++] = *change->map;
    }
    FUZZ_CHECK(ret->row_count == import->rows && ret->map_count == import->maps);
}

#endif
