/*
 * toolkit-registry.md: one table of rows, one of tool maps. The columns people know come first;
 * every other field gets a column when some row has it.
 */
#include "registry/markdown.h"
#include "registry/paper.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define COLUMNS_MAX 1024u

enum column_kind { COLUMN_FIELD, COLUMN_ALIASES, COLUMN_CRITICALITY, COLUMN_MCP, COLUMN_EXTRA };

struct column {
    enum column_kind kind;
    enum sy_row_field_id field;
    struct sy_str name; /* tenant, extra column's name */
};

struct table {
    const struct sy_registry *registry;
    struct column columns[COLUMNS_MAX];
    size_t count;
    bool too_many;
};

static const enum sy_row_field_id first_fields[] = {SY_FIELD_toolkit, SY_FIELD_vendor};
static const enum sy_row_field_id known_fields[] = {SY_FIELD_tool_prefix, SY_FIELD_status,
                                                    SY_FIELD_notes};

/* ---- which columns ---- */

static bool has_field(const struct sy_row *row, enum sy_row_field_id field)
{
    struct sy_str text;

    switch (sy_row_fields[field].kind) {
    case SY_FIELD_KIND_TEXT:
    case SY_FIELD_KIND_VENDOR:
        text = sy_row_text(row, field);
        return text.len && !(field == SY_FIELD_version && sy_str_eq(text, SY_STR("latest"))) &&
               !(field == SY_FIELD_vendor_slug && sy_str_eq(text, row->toolkit));
    case SY_FIELD_KIND_STATE:
        return true;
    case SY_FIELD_KIND_RANK:
        return row->has_rank;
    case SY_FIELD_KIND_AUTH:
        return row->auth_none;
    case SY_FIELD_KIND_TIME:
        return sy_row_time(row, field) != 0;
    case SY_FIELD_KIND_PAIRS:
        return false;
    }
    return false;
}

static void add_column(struct table *table, struct column column)
{
    if (table->count < COLUMNS_MAX)
        table->columns[table->count++] = column;
    else
        table->too_many = true;
}

/* A column for each name that some row's pairs have, in the order of the names. */
static void add_pair_columns(struct table *table, enum column_kind kind, enum sy_row_field_id field)
{
    size_t first = table->count;

    for (size_t i = 0; i < table->registry->row_count; i++) {
        size_t count;
        const struct sy_pair *pairs = sy_row_pairs(&table->registry->rows[i], field, &count);

        for (size_t j = 0; j < count; j++) {
            size_t at = first;
            while (at < table->count && sy_str_cmp(table->columns[at].name, pairs[j].name) < 0)
                at++;
            if (at < table->count && sy_str_eq(table->columns[at].name, pairs[j].name))
                continue;
            add_column(table, (struct column){.kind = kind});
            if (table->too_many)
                return;
            memmove(&table->columns[at + 1], &table->columns[at],
                    (table->count - 1 - at) * sizeof(table->columns[0]));
            table->columns[at] = (struct column){.kind = kind, .name = pairs[j].name};
        }
    }
}

static bool is_known(enum sy_row_field_id field)
{
    for (size_t i = 0; i < SY_ARRAY_LEN(first_fields); i++)
        if (first_fields[i] == field)
            return true;
    for (size_t i = 0; i < SY_ARRAY_LEN(known_fields); i++)
        if (known_fields[i] == field)
            return true;
    return false;
}

static void add_fact_columns(struct table *table)
{
    bool aliases = false, criticality = false;

    for (size_t i = 0; i < table->registry->toolkit_count; i++) {
        aliases |= table->registry->toolkits[i].alias_count > 0;
        criticality |= table->registry->toolkits[i].has_criticality;
    }
    if (aliases)
        add_column(table, (struct column){.kind = COLUMN_ALIASES});
    if (criticality)
        add_column(table, (struct column){.kind = COLUMN_CRITICALITY});
}

static void choose_columns(struct table *table)
{
    for (size_t i = 0; i < SY_ARRAY_LEN(first_fields); i++)
        add_column(table, (struct column){.field = first_fields[i]});
    add_pair_columns(table, COLUMN_MCP, SY_FIELD_mcp_server);
    for (size_t i = 0; i < SY_ARRAY_LEN(known_fields); i++)
        add_column(table, (struct column){.field = known_fields[i]});
    add_fact_columns(table);
    for (int field = 0; field < SY_FIELD_COUNT; field++) {
        bool some = false;
        for (size_t i = 0; !some && i < table->registry->row_count; i++)
            some = has_field(&table->registry->rows[i], (enum sy_row_field_id)field);
        if (some && !is_known((enum sy_row_field_id)field))
            add_column(table, (struct column){.field = (enum sy_row_field_id)field});
    }
    add_pair_columns(table, COLUMN_EXTRA, SY_FIELD_extra);
}

/* ---- cells ---- */

static void write_vendor(struct sy_buf *out, struct sy_str vendor)
{
    if (sy_str_eq(vendor, SY_STR("worker"))) {
        sy_buf_append_z(out, "CF_WORKER");
        return;
    }
    for (size_t i = 0; i < vendor.len; i++)
        sy_buf_append_char(out, vendor.ptr[i] >= 'a' && vendor.ptr[i] <= 'z'
                                    ? (char)(vendor.ptr[i] - 'a' + 'A')
                                    : vendor.ptr[i]);
}

static void write_field(struct sy_buf *out, const struct sy_row *row, enum sy_row_field_id field)
{
    char time[SY_TIME_TEXT_MAX];

    if (!has_field(row, field))
        return;
    switch (sy_row_fields[field].kind) {
    case SY_FIELD_KIND_TEXT:
        sy_markdown_cell(out, sy_row_text(row, field));
        break;
    case SY_FIELD_KIND_VENDOR:
        write_vendor(out, sy_row_text(row, field));
        break;
    case SY_FIELD_KIND_STATE:
        sy_buf_append_z(out, sy_row_state_name(row->state));
        break;
    case SY_FIELD_KIND_RANK:
        sy_buf_append_i64(out, row->rank);
        break;
    case SY_FIELD_KIND_AUTH:
        sy_buf_append_z(out, "none");
        break;
    case SY_FIELD_KIND_TIME:
        sy_buf_append(out, sy_time_short(sy_row_time(row, field), time));
        break;
    case SY_FIELD_KIND_PAIRS:
        break;
    }
}

static void write_names(struct sy_buf *out, const struct sy_str *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i)
            sy_buf_append_z(out, ", ");
        sy_markdown_cell(out, names[i]);
    }
}

static void write_pair(struct sy_buf *out, const struct sy_row *row, const struct column *column)
{
    size_t count;
    const struct sy_pair *pairs = sy_row_pairs(
        row, column->kind == COLUMN_EXTRA ? SY_FIELD_extra : SY_FIELD_mcp_server, &count);

    for (size_t i = 0; i < count; i++)
        if (sy_str_eq(pairs[i].name, column->name))
            sy_markdown_cell(out, pairs[i].value);
}

static void write_cell(struct sy_buf *out, const struct sy_row *row,
                       const struct sy_toolkit_facts *facts, const struct column *column)
{
    sy_buf_append_char(out, ' ');
    switch (column->kind) {
    case COLUMN_FIELD:
        write_field(out, row, column->field);
        break;
    case COLUMN_ALIASES:
        if (facts)
            write_names(out, facts->aliases, facts->alias_count);
        break;
    case COLUMN_CRITICALITY:
        if (facts && facts->has_criticality)
            sy_buf_append_z(out, sy_criticality_name(facts->criticality));
        break;
    case COLUMN_MCP:
    case COLUMN_EXTRA:
        write_pair(out, row, column);
        break;
    }
    sy_buf_append_z(out, " |");
}

static void write_heading(struct sy_buf *out, const struct column *column)
{
    sy_buf_append_char(out, ' ');
    switch (column->kind) {
    case COLUMN_FIELD:
        sy_buf_append_z(out, column->field == SY_FIELD_toolkit ? "toolkit_slug"
                                                               : sy_row_fields[column->field].name);
        break;
    case COLUMN_ALIASES:
        sy_buf_append_z(out, "aliases");
        break;
    case COLUMN_CRITICALITY:
        sy_buf_append_z(out, "criticality");
        break;
    case COLUMN_MCP:
        sy_buf_append_z(out, "mcp_server (");
        sy_buf_append(out, column->name);
        sy_buf_append_char(out, ')');
        break;
    case COLUMN_EXTRA:
        sy_markdown_cell(out, column->name);
        break;
    }
    sy_buf_append_z(out, " |");
}

static void write_rule(struct sy_buf *out, size_t columns)
{
    sy_buf_append_z(out, "\n|");
    for (size_t i = 0; i < columns; i++)
        sy_buf_append_z(out, " --- |");
    sy_buf_append_char(out, '\n');
}

static void write_rows(struct sy_buf *out, struct table *table)
{
    size_t cursor = 0;

    choose_columns(table);
    if (table->too_many) {
        out->failed = true;
        return;
    }
    sy_buf_append_char(out, '|');
    for (size_t i = 0; i < table->count; i++)
        write_heading(out, &table->columns[i]);
    write_rule(out, table->count);
    for (size_t i = 0; sy_buf_ok(out) && i < table->registry->row_count; i++) {
        const struct sy_toolkit_facts *facts = sy_paper_facts_of(table->registry, i, &cursor);
        sy_buf_append_char(out, '|');
        for (size_t j = 0; j < table->count; j++)
            write_cell(out, &table->registry->rows[i], facts, &table->columns[j]);
        sy_buf_append_char(out, '\n');
    }
}

/* ---- tool maps ---- */

static void write_map(struct sy_buf *out, const struct sy_tool_map *map, struct sy_arena *scratch)
{
    sy_buf_append_z(out, "| ");
    sy_markdown_cell(out, map->tool);
    sy_buf_append_z(out, " | ");
    sy_markdown_cell(out, map->toolkit);
    sy_buf_append_z(out, " | ");
    write_vendor(out, map->vendor);
    sy_buf_append_z(out, " | ");
    sy_markdown_cell(out, map->vendor_tool);
    sy_buf_append_z(out, " | ");
    sy_buf_append_z(out, sy_match_name(map->match));
    sy_buf_append_z(out, " | ");
    if (map->effect != SY_EFFECT_UNKNOWN)
        sy_buf_append_z(out, sy_effect_name(map->effect));
    sy_buf_append_z(out, " | ");
    sy_markdown_cell(out, sy_pairs_to_json(scratch, map->renames, map->rename_count));
    sy_buf_append_z(out, " | ");
    write_names(out, map->aliases, map->alias_count);
    sy_buf_append_z(out, " |\n");
}

static void write_maps(struct sy_buf *out, const struct sy_registry *registry)
{
    struct sy_arena scratch;

    sy_arena_init(&scratch, 1u << 20);
    sy_buf_append_z(out,
                    "\n## Tool map\n\n| tool | toolkit | vendor | vendor_tool | match | effect "
                    "| arguments | aliases |");
    write_rule(out, 8);
    for (size_t i = 0; sy_buf_ok(out) && i < registry->map_count; i++) {
        write_map(out, &registry->maps[i], &scratch);
        if (scratch.failed)
            out->failed = true;
        sy_arena_clear(&scratch);
    }
    sy_arena_release(&scratch);
}

void sy_paper_write_markdown(struct sy_buf *out, const struct sy_registry *registry)
{
    struct table *table = calloc(1, sizeof(*table));

    if (!table) {
        out->failed = true;
        return;
    }
    table->registry = registry;
    sy_buf_append_z(out, "# Toolkit registry\n\n");
    write_rows(out, table);
    if (registry->map_count)
        write_maps(out, registry);
    free(table);
}
