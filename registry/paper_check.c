/*
 * What entries say together: no row twice, one opinion about each toolkit, one owner of each name.
 */
#include "registry/paper.h"

#include <stdlib.h>

static int by_row(const void *left, const void *right)
{
    const struct sy_read_row *a = left, *b = right;
    int order = sy_str_cmp(a->row.toolkit, b->row.toolkit);

    if (!order)
        order = sy_str_cmp(a->row.vendor, b->row.vendor);
    if (order)
        return order;
    if (a->node->line != b->node->line)
        return a->node->line < b->node->line ? -1 : 1;
    return (a->node->column > b->node->column) - (a->node->column < b->node->column);
}

static bool same_aliases(const struct sy_toolkit_facts *a, const struct sy_toolkit_facts *b)
{
    if (a->alias_count != b->alias_count)
        return false;
    for (size_t i = 0; i < a->alias_count; i++)
        if (!sy_str_eq(a->aliases[i], b->aliases[i]))
            return false;
    return true;
}

/* A row that says nothing agrees with every other; `said` is the first that says something. */
static void check_criticality(struct sy_paper *paper, const struct sy_read_row **said,
                              const struct sy_read_row *row)
{
    if (!row->facts.has_criticality)
        return;
    if (!*said)
        *said = row;
    if (row->facts.criticality != (*said)->facts.criticality)
        sy_paper_fault(paper, row->node,
                       "criticality: toolkit %.*s is %s here and %s on line %u; it belongs to the "
                       "toolkit, not to a row",
                       SY_FMT(row->row.toolkit), sy_criticality_name(row->facts.criticality),
                       sy_criticality_name((*said)->facts.criticality), (*said)->node->line);
}

static void check_aliases(struct sy_paper *paper, const struct sy_read_row **said,
                          const struct sy_read_row *row)
{
    if (!row->has_aliases)
        return;
    if (!*said)
        *said = row;
    if (!same_aliases(&row->facts, &(*said)->facts))
        sy_paper_fault(paper, row->node,
                       "aliases: toolkit %.*s has others on line %u; they belong to the toolkit, "
                       "not to a row",
                       SY_FMT(row->row.toolkit), (*said)->node->line);
}

static void check_toolkit(struct sy_paper *paper, const struct sy_read_row *rows, size_t count)
{
    const struct sy_read_row *criticality = NULL, *aliases = NULL;

    for (size_t i = 0; i < count; i++) {
        if (i && sy_str_eq(rows[i].row.vendor, rows[i - 1].row.vendor))
            sy_paper_fault(paper, rows[i].node, "row %.*s/%.*s stands twice; first on line %u",
                           SY_FMT(rows[i].row.toolkit), SY_FMT(rows[i].row.vendor),
                           rows[i - 1].node->line);
        check_criticality(paper, &criticality, &rows[i]);
        check_aliases(paper, &aliases, &rows[i]);
    }
}

struct sy_toolkit_facts sy_paper_facts(const struct sy_read_row *first,
                                       const struct sy_read_row *end)
{
    struct sy_toolkit_facts facts = {.toolkit = first->row.toolkit};

    for (const struct sy_read_row *row = first; row < end; row++) {
        if (row->facts.has_criticality && !facts.has_criticality) {
            facts.has_criticality = true;
            facts.criticality = row->facts.criticality;
        }
        if (row->has_aliases && !facts.aliases) {
            facts.aliases = row->facts.aliases;
            facts.alias_count = row->facts.alias_count;
        }
    }
    return facts;
}

/* ---- names ---- */

struct claim {
    struct sy_str normalised;
    struct sy_str name;
    const struct sy_read_row *row;
};

static int by_name(const void *left, const void *right)
{
    const struct claim *a = left, *b = right;
    int order = sy_str_cmp(a->normalised, b->normalised);

    return order ? order : sy_str_cmp(a->row->row.toolkit, b->row->row.toolkit);
}

static void add_claim(struct sy_paper *paper, struct claim *claims, size_t *count,
                      struct sy_str name, const struct sy_read_row *row)
{
    char *out = sy_arena_alloc(paper->arena, name.len + 1);

    if (out)
        claims[(*count)++] = (struct claim){sy_name_normalise(name, out), name, row};
}

static void check_names(struct sy_paper *paper, const struct sy_read_row *rows, size_t count)
{
    struct claim *claims;
    size_t most = 1, used = 0;

    for (size_t i = 0; i < count; i++)
        most += 2 + rows[i].facts.alias_count;
    claims = sy_arena_array(paper->arena, most, sizeof(*claims));
    for (size_t i = 0; claims && i < count; i++) {
        add_claim(paper, claims, &used, rows[i].row.toolkit, &rows[i]);
        add_claim(paper, claims, &used, rows[i].row.vendor_slug, &rows[i]);
        for (size_t j = 0; j < rows[i].facts.alias_count; j++)
            add_claim(paper, claims, &used, rows[i].facts.aliases[j], &rows[i]);
    }
    if (!claims)
        return;
    qsort(claims, used, sizeof(*claims), by_name);
    for (size_t i = 1; i < used; i++) {
        const struct claim *a = &claims[i - 1], *b = &claims[i];
        if (sy_str_eq(a->normalised, b->normalised) &&
            !sy_str_eq(a->row->row.toolkit, b->row->row.toolkit))
            sy_paper_fault(paper, b->row->node,
                           "the name \"%.*s\" of toolkit %.*s is also a name of toolkit %.*s "
                           "(\"%.*s\", line %u)",
                           SY_FMT(b->name), SY_FMT(b->row->row.toolkit),
                           SY_FMT(a->row->row.toolkit), SY_FMT(a->name), a->row->node->line);
    }
}

void sy_paper_check_rows(struct sy_paper *paper, struct sy_read_row *rows, size_t count)
{
    size_t first = 0;

    if (!count)
        return;
    qsort(rows, count, sizeof(*rows), by_row);
    for (size_t i = 1; i <= count; i++) {
        if (i < count && sy_str_eq(rows[i].row.toolkit, rows[first].row.toolkit))
            continue;
        check_toolkit(paper, &rows[first], i - first);
        first = i;
    }
    check_names(paper, rows, count);
}

/* ---- maps ---- */

static int by_map(const void *left, const void *right)
{
    const struct sy_read_map *a = left, *b = right;
    int order = sy_str_cmp(a->map.tool, b->map.tool);

    if (!order)
        order = sy_str_cmp(a->map.vendor, b->map.vendor);
    return order ? order : (a->node->line > b->node->line) - (a->node->line < b->node->line);
}

void sy_paper_check_maps(struct sy_paper *paper, struct sy_read_map *maps, size_t count)
{
    if (!count)
        return;
    qsort(maps, count, sizeof(*maps), by_map);
    for (size_t i = 1; i < count; i++)
        if (sy_str_eq(maps[i].map.tool, maps[i - 1].map.tool) &&
            sy_str_eq(maps[i].map.vendor, maps[i - 1].map.vendor))
            sy_paper_fault(paper, maps[i].node, "tool %.*s at %.*s stands twice; first on line %u",
                           SY_FMT(maps[i].map.tool), SY_FMT(maps[i].map.vendor),
                           maps[i - 1].node->line);
}
