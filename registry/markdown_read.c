/*
 * Tables of a Markdown document into nodes. Prose and tables of other things are passed over; a
 * table counts if its heading says that it holds rows or tool maps.
 */
#include "registry/markdown.h"
#include "registry/paper.h"

#include "base/arena.h"

#define COLUMNS_MAX 1024u

enum meaning { MEANS_MEMBER, MEANS_NAMES, MEANS_JSON, MEANS_MCP, MEANS_MCP_LIST, MEANS_EXTRA };

struct heading {
    enum meaning meaning;
    struct sy_str name; /* member, tenant or extra column */
};

struct markdown {
    struct sy_paper *paper;
    struct sy_str name;
    struct sy_str rest;
    unsigned line;
    struct sy_yaml *list;
    struct sy_yaml **tail;
    struct heading *headings;
    size_t columns;
    unsigned tables;
};

static struct sy_yaml *node_new(struct markdown *m, enum sy_yaml_kind kind, unsigned column,
                                struct sy_yaml *parent)
{
    struct sy_yaml *node = sy_arena_zalloc(m->paper->arena, sizeof(*node));

    if (!node)
        return NULL;
    node->kind = kind;
    node->file = m->name;
    node->line = m->line;
    node->column = column;
    node->parent = parent;
    return node;
}

/* Puts a member at the end of a map. */
static void add_member(struct markdown *m, struct sy_yaml *map, struct sy_str name,
                       struct sy_yaml *value)
{
    struct sy_yaml **tail = &map->first;
    struct sy_yaml *key = value ? node_new(m, SY_YAML_SCALAR, value->column, map) : NULL;

    if (!key)
        return;
    while (*tail)
        tail = &(*tail)->next;
    key->text = name;
    key->quoted = true;
    value->key = key;
    value->parent = map;
    *tail = value;
}

static struct sy_yaml *scalar(struct markdown *m, struct sy_str text, unsigned column)
{
    struct sy_yaml *node = node_new(m, SY_YAML_SCALAR, column, NULL);

    if (node) {
        node->text = text;
        node->quoted = true; /* "null" and "~" in a cell are texts */
    }
    return node;
}

/* The map `name` inside an entry, made when first asked for. */
static struct sy_yaml *sub_map(struct markdown *m, struct sy_yaml *entry, const char *name,
                               unsigned column)
{
    struct sy_yaml *map = sy_yaml_get(entry, name);

    if (map)
        return map;
    map = node_new(m, SY_YAML_MAP, column, entry);
    if (map)
        add_member(m, entry, sy_str_of(name), map);
    return map;
}

/* ---- headings ---- */

/* "Toolkit Slug" -> "toolkit_slug" */
static struct sy_str column_name(struct sy_arena *arena, struct sy_str text)
{
    struct sy_str lower = sy_lower_copy(arena, text);
    char *out = sy_arena_alloc(arena, text.len + 1);

    if (!out || !lower.ptr)
        return (struct sy_str){"", 0};
    for (size_t i = 0; i < lower.len; i++)
        out[i] = lower.ptr[i] == ' ' || lower.ptr[i] == '-' ? '_' : lower.ptr[i];
    return sy_str_from(out, lower.len);
}

static bool is_field(struct sy_str name)
{
    for (int i = 0; i < SY_FIELD_COUNT; i++)
        if (sy_row_fields[i].kind != SY_FIELD_KIND_PAIRS &&
            sy_str_eq(name, sy_str_of(sy_row_fields[i].name)))
            return true;
    return sy_str_eq(name, SY_STR("criticality"));
}

/* "mcp_server (ascend)" -> "ascend" */
static bool tenant_of(struct sy_str text, struct sy_str *ret_tenant)
{
    size_t open = sy_str_find_char(text, '(');

    if (open == (size_t)-1 || !sy_str_ends(text, SY_STR(")")))
        return false;
    *ret_tenant = sy_str_trim(sy_str_from(text.ptr + open + 1, text.len - open - 2));
    return true;
}

static struct heading row_heading(struct sy_arena *arena, struct sy_str text)
{
    struct sy_str name = column_name(arena, text), tenant;

    if (sy_str_eq(name, SY_STR("toolkit_slug")))
        name = SY_STR("toolkit");
    if (sy_str_eq(name, SY_STR("state")))
        name = SY_STR("status");
    if (is_field(name))
        return (struct heading){MEANS_MEMBER, name};
    if (sy_str_eq(name, SY_STR("aliases")))
        return (struct heading){MEANS_NAMES, name};
    if (sy_str_starts(name, SY_STR("mcp_server")))
        return tenant_of(text, &tenant) ? (struct heading){MEANS_MCP, tenant}
                                        : (struct heading){MEANS_MCP_LIST, name};
    return (struct heading){MEANS_EXTRA, text};
}

static struct heading map_heading(struct sy_arena *arena, struct sy_str text)
{
    struct sy_str name = column_name(arena, text);

    if (sy_str_eq(name, SY_STR("aliases")))
        return (struct heading){MEANS_NAMES, name};
    if (sy_str_eq(name, SY_STR("arguments")))
        return (struct heading){MEANS_JSON, name};
    return (struct heading){MEANS_MEMBER, name};
}

/* Cells of a table's line; false if the line is none. */
static bool table_line(struct sy_str line, struct sy_str *ret_cells)
{
    struct sy_str text = sy_str_trim(line);

    if (!text.len || sy_str_find_char(text, '|') == (size_t)-1)
        return false;
    *ret_cells = text.ptr[0] == '|' ? sy_str_skip(text, 1) : text;
    return true;
}

static bool is_rule(struct sy_str line)
{
    bool dash = false;

    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (c != '-' && c != ':' && c != '|' && c != ' ' && c != '\t')
            return false;
        dash |= c == '-';
    }
    return dash;
}

static bool next_line(struct markdown *m, struct sy_str *ret_line)
{
    if (!sy_str_split(&m->rest, '\n', ret_line))
        return false;
    m->line++;
    if (sy_str_ends(*ret_line, SY_STR("\r")))
        ret_line->len--;
    return true;
}

static bool has_heading(struct sy_arena *arena, struct sy_str cells, const char *name)
{
    struct sy_str cell;

    while (sy_markdown_next(&cells, &cell))
        if (sy_str_eq(column_name(arena, cell), sy_str_of(name)))
            return true;
    return false;
}

/* Two columns of one meaning would let one silently win. */
static void check_headings(struct markdown *m)
{
    const struct sy_yaml at = {.file = m->name, .line = m->line, .column = 1};

    for (size_t i = 1; i < m->columns; i++)
        for (size_t j = 0; j < i; j++)
            if (m->headings[i].meaning == m->headings[j].meaning &&
                sy_str_eq(m->headings[i].name, m->headings[j].name))
                sy_paper_fault(m->paper, &at, "the column \"%.*s\" stands twice",
                               SY_FMT(sy_str_head(m->headings[i].name, 64)));
}

/* True if the line begins a table of rows or of tool maps. */
static bool read_headings(struct markdown *m, struct sy_str cells)
{
    struct sy_arena *arena = m->paper->arena;
    bool maps = has_heading(arena, cells, "vendor_tool") && has_heading(arena, cells, "tool");
    bool rows = has_heading(arena, cells, "toolkit_slug") || has_heading(arena, cells, "toolkit");
    struct sy_str cell;

    if (!maps && !(rows && has_heading(arena, cells, "status")))
        return false;
    m->headings = sy_arena_array(arena, COLUMNS_MAX, sizeof(*m->headings));
    m->columns = 0;
    while (m->headings && m->columns < COLUMNS_MAX && sy_markdown_next(&cells, &cell)) {
        struct sy_str text = sy_markdown_text(arena, cell);
        m->headings[m->columns++] = maps ? map_heading(arena, text) : row_heading(arena, text);
    }
    check_headings(m);
    m->tables++;
    return m->headings != NULL;
}

/* ---- cells ---- */

static struct sy_yaml *name_list(struct markdown *m, struct sy_str text, unsigned column)
{
    struct sy_yaml *list = node_new(m, SY_YAML_LIST, column, NULL);
    struct sy_yaml **tail = list ? &list->first : NULL;
    struct sy_str part;

    while (tail && sy_str_split(&text, ',', &part)) {
        struct sy_yaml *node = scalar(m, sy_str_trim(part), column);
        if (!node)
            return NULL;
        node->parent = list;
        *tail = node;
        tail = &node->next;
    }
    return list;
}

/* "ascend=server; kahuna=other"; a part without '=' is the tenant `default`'s. */
static void add_mcp_list(struct markdown *m, struct sy_yaml *entry, struct sy_str text,
                         unsigned column)
{
    struct sy_yaml *map = sub_map(m, entry, "mcp_server", column);
    struct sy_str part;

    while (map && sy_str_split(&text, ';', &part)) {
        size_t equal = sy_str_find_char(part, '=');
        bool named = equal != (size_t)-1;
        struct sy_str tenant = named ? sy_str_trim(sy_str_head(part, equal)) : SY_STR("default");

        add_member(m, map, tenant,
                   scalar(m, sy_str_trim(named ? sy_str_skip(part, equal + 1) : part), column));
    }
}

static void add_cell(struct markdown *m, struct sy_yaml *entry, const struct heading *heading,
                     struct sy_str cell, unsigned column)
{
    struct sy_str text = sy_markdown_text(m->paper->arena, cell);
    struct sy_yaml *map;

    if (!cell.len)
        return;
    switch (heading->meaning) {
    case MEANS_MEMBER:
        add_member(m, entry, heading->name, scalar(m, text, column));
        break;
    case MEANS_NAMES:
        add_member(m, entry, heading->name, name_list(m, text, column));
        break;
    case MEANS_JSON: {
        const struct sy_yaml at = {.file = m->name, .line = m->line, .column = column};
        add_member(m, entry, heading->name, sy_paper_json_at(m->paper, text, &at));
        break;
    }
    case MEANS_MCP:
        map = sub_map(m, entry, "mcp_server", column);
        if (map)
            add_member(m, map, heading->name, scalar(m, text, column));
        break;
    case MEANS_MCP_LIST:
        add_mcp_list(m, entry, text, column);
        break;
    case MEANS_EXTRA:
        map = sub_map(m, entry, "extra", column);
        if (map)
            add_member(m, map, heading->name, scalar(m, text, column));
        break;
    }
}

static void read_entry(struct markdown *m, struct sy_str line, struct sy_str cells)
{
    struct sy_yaml *entry = node_new(m, SY_YAML_MAP, 1, m->list);
    struct sy_str cell;
    size_t index = 0;

    if (!entry)
        return;
    for (; sy_markdown_next(&cells, &cell); index++) {
        unsigned column = (unsigned)(cell.ptr - line.ptr) + 1;
        if (index < m->columns)
            add_cell(m, entry, &m->headings[index], cell, column);
        else if (cell.len) {
            sy_paper_fault(m->paper, entry,
                           "has more cells than the table has columns (a '|' in "
                           "a cell is written \\|)");
            break;
        }
    }
    *m->tail = entry;
    m->tail = &entry->next;
}

static void read_table(struct markdown *m)
{
    struct sy_str line, cells;

    while (next_line(m, &line) && table_line(line, &cells) && !m->paper->arena->failed)
        read_entry(m, line, cells);
}

struct sy_yaml *sy_paper_markdown(struct sy_paper *paper, struct sy_str text, struct sy_str name)
{
    struct markdown m = {.paper = paper, .name = name, .rest = text};
    const struct sy_yaml top = {.file = name, .line = 1, .column = 1};
    struct sy_str line, cells, below;

    if (!sy_str_is_utf8(text)) {
        sy_paper_fault(paper, &top, "is not UTF-8");
        return NULL;
    }
    m.list = node_new(&m, SY_YAML_LIST, 1, NULL);
    if (!m.list)
        return NULL;
    m.tail = &m.list->first;
    while (next_line(&m, &line)) {
        if (!table_line(line, &cells) || !read_headings(&m, cells))
            continue;
        if (!next_line(&m, &below) || !is_rule(below)) {
            sy_paper_fault(paper, &top, "line %u: a table's heading is followed by a line of ---",
                           m.line);
            return NULL;
        }
        read_table(&m);
    }
    if (!m.tables) {
        sy_paper_fault(paper, &top, "holds no table with the columns toolkit_slug and status");
        return NULL;
    }
    return paper->arena->failed ? NULL : m.list;
}
