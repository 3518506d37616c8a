/*
 * Whole documents: nodes of any format into the changes that bring a registry to what they say.
 */
#include "registry/paper.h"

bool sy_registry_format_from_name(struct sy_str name, enum sy_registry_format *ret)
{
    static const struct {
        const char *name;
        enum sy_registry_format format;
    } names[] = {{"yaml", SY_FORMAT_YAML},
                 {"yml", SY_FORMAT_YAML},
                 {"json", SY_FORMAT_JSON},
                 {"md", SY_FORMAT_MARKDOWN},
                 {"markdown", SY_FORMAT_MARKDOWN}};

    for (size_t i = 0; i < SY_ARRAY_LEN(names); i++)
        if (sy_str_eq_nocase(name, sy_str_of(names[i].name))) {
            *ret = names[i].format;
            return true;
        }
    return false;
}

struct entries {
    struct sy_read_row *rows;
    size_t row_count;
    struct sy_read_map *maps;
    size_t map_count;
};

static bool is_map_entry(const struct sy_yaml *node)
{
    return sy_yaml_get(node, "tool") != NULL;
}

static int read_entries(struct sy_paper *paper, const struct sy_yaml *list, struct sy_str toolkit,
                        struct entries *ret)
{
    size_t count = sy_yaml_count(list);

    *ret = (struct entries){0};
    if (list->kind == SY_YAML_SCALAR && !list->quoted && !list->text.len)
        return SY_OK;
    if (list->kind != SY_YAML_LIST) {
        sy_paper_fault(paper, list, "must be a list of rows");
        return SY_INVALID;
    }
    ret->rows = sy_arena_array(paper->arena, count + 1, sizeof(*ret->rows));
    ret->maps = sy_arena_array(paper->arena, count + 1, sizeof(*ret->maps));
    if (!ret->rows || !ret->maps)
        return SY_NOMEM;
    for (const struct sy_yaml *node = list->first; node; node = node->next) {
        if (is_map_entry(node) && !toolkit.ptr)
            ret->map_count += sy_paper_map(paper, node, &ret->maps[ret->map_count]);
        else
            ret->row_count += sy_paper_row(paper, node, toolkit, &ret->rows[ret->row_count]);
    }
    sy_paper_check_rows(paper, ret->rows, ret->row_count);
    sy_paper_check_maps(paper, ret->maps, ret->map_count);
    if (paper->arena->failed)
        return SY_NOMEM;
    return paper->errors ? SY_INVALID : SY_OK;
}

static void plain_rows(const struct sy_read_row *rows, size_t count, struct sy_row *ret)
{
    for (size_t i = 0; i < count; i++)
        ret[i] = rows[i].row;
}

static int build_changes(struct sy_arena *arena, const struct entries *entries,
                         struct sy_import *ret)
{
    size_t most = entries->row_count + entries->map_count, first = 0;
    struct sy_change *changes = sy_arena_array(arena, most + 1, sizeof(*changes));
    struct sy_row *rows = sy_arena_array(arena, entries->row_count + 1, sizeof(*rows));
    struct sy_toolkit_facts *facts = sy_arena_array(arena, entries->row_count + 1, sizeof(*facts));
    size_t count = 0;

    if (!changes || !rows || !facts)
        return SY_NOMEM;
    plain_rows(entries->rows, entries->row_count, rows);
    for (size_t i = 1; i <= entries->row_count; i++) {
        if (i < entries->row_count && sy_str_eq(rows[i].toolkit, rows[first].toolkit))
            continue;
        facts[count] = sy_paper_facts(&entries->rows[first], &entries->rows[i]);
        changes[count] = (struct sy_change){.kind = SY_CHANGE_PUT_TOOLKIT,
                                            .toolkit = rows[first].toolkit,
                                            .expected_version = -1,
                                            .rows = &rows[first],
                                            .row_count = i - first,
                                            .facts = &facts[count]};
        count++;
        first = i;
    }
    for (size_t i = 0; i < entries->map_count; i++)
        changes[count++] = (struct sy_change){.kind = SY_CHANGE_PUT_MAP,
                                              .toolkit = entries->maps[i].map.toolkit,
                                              .expected_version = -1,
                                              .map = &entries->maps[i].map};
    *ret = (struct sy_import){.changes = changes,
                              .change_count = count,
                              .rows = entries->row_count,
                              .maps = entries->map_count};
    return SY_OK;
}

/* Bytes of a large YAML document that are read at once; the reader of YAML takes 4 MiB. */
#define YAML_PART (2u << 20)

/* Length of the next part: whole entries, each of which begins a line with "- ". */
static size_t part_length(struct sy_str rest)
{
    if (rest.len <= YAML_PART)
        return rest.len;
    for (size_t at = YAML_PART; at > 2; at--)
        if (rest.ptr[at - 2] == '\n' && rest.ptr[at - 1] == '-' && rest.ptr[at] == ' ')
            return at - 1;
    return rest.len;
}

/* Puts the entries of `part` behind those of `list`. */
static void join_lists(struct sy_yaml *list, struct sy_yaml *part, struct sy_yaml ***tail)
{
    **tail = part->first;
    for (; **tail; *tail = &(**tail)->next)
        (**tail)->parent = list;
}

/* One part; empty lines in front of it keep the numbers of its lines right. */
static struct sy_yaml *read_part(struct sy_paper *paper, struct sy_str part, struct sy_str name,
                                 size_t lines_before)
{
    struct sy_yaml *nodes = NULL;
    struct sy_buf text;

    sy_buf_init(&text, SY_PAPER_BYTES_MAX);
    for (size_t i = 0; i < lines_before; i++)
        sy_buf_append_char(&text, '\n');
    sy_buf_append(&text, part);
    if (sy_buf_ok(&text))
        nodes = sy_yaml_read(sy_buf_str(&text), name, paper->arena, paper->faults);
    sy_buf_release(&text);
    return nodes;
}

static struct sy_yaml *read_yaml(struct sy_paper *paper, struct sy_str text, struct sy_str name)
{
    struct sy_yaml *list = NULL, **tail = NULL;
    size_t lines = 0;

    if (text.len <= SY_YAML_BYTES_MAX)
        return sy_yaml_read(text, name, paper->arena, paper->faults);
    while (text.len) {
        struct sy_str part = sy_str_head(text, part_length(text));
        struct sy_yaml *nodes = read_part(paper, part, name, lines);

        if (!nodes || nodes->kind != SY_YAML_LIST)
            return nodes;
        if (!list) {
            list = nodes;
            tail = &list->first;
            while (*tail)
                tail = &(*tail)->next;
        } else {
            join_lists(list, nodes, &tail);
        }
        for (size_t i = 0; i < part.len; i++)
            lines += part.ptr[i] == '\n';
        text = sy_str_skip(text, part.len);
    }
    return list;
}

static struct sy_yaml *read_nodes(struct sy_paper *paper, struct sy_str text, struct sy_str name,
                                  enum sy_registry_format format)
{
    switch (format) {
    case SY_FORMAT_YAML:
        return read_yaml(paper, text, name);
    case SY_FORMAT_JSON:
        return sy_paper_json(paper, text, name);
    case SY_FORMAT_MARKDOWN:
        return sy_paper_markdown(paper, text, name);
    }
    return NULL;
}

int sy_registry_read(struct sy_str text, struct sy_str name, enum sy_registry_format format,
                     struct sy_arena *arena, struct sy_import *ret, struct sy_buf *faults)
{
    struct sy_faults list;
    struct sy_paper paper = {.arena = arena, .faults = &list};
    const struct sy_yaml place = {.file = name, .line = 1, .column = 1};
    struct entries entries;
    struct sy_yaml *nodes = NULL;
    int rc;

    sy_faults_init(&list);
    if (text.len > SY_PAPER_BYTES_MAX)
        sy_paper_fault(&paper, &place, "is larger than 64 MiB");
    else
        nodes = read_nodes(&paper, text, name, format);
    if (nodes)
        rc = read_entries(&paper, nodes, (struct sy_str){NULL, 0}, &entries);
    else
        rc = arena->failed ? SY_NOMEM : SY_INVALID;
    if (!rc)
        rc = build_changes(arena, &entries, ret);
    if (rc == SY_NOMEM && !list.errors)
        sy_fault(&list, &place, "is larger than the memory granted to it");
    sy_buf_append(faults, sy_buf_str(&list.text));
    sy_faults_release(&list);
    return rc;
}

/* Rows of another toolkit have no place in this toolkit's body. */
static void check_toolkit(struct sy_paper *paper, const struct entries *entries,
                          struct sy_str toolkit)
{
    struct sy_str name = sy_lower_copy(paper->arena, toolkit);

    for (size_t i = 0; i < entries->row_count; i++) {
        const struct sy_read_row *row = &entries->rows[i];
        const struct sy_yaml *at = sy_yaml_get(row->node, "toolkit");
        if (!sy_str_eq(row->row.toolkit, name))
            sy_paper_fault(paper, at ? at : row->node, "toolkit: must be %.*s, as in the path",
                           SY_FMT(name));
    }
}

int sy_rows_from_json(struct sy_str body, struct sy_str toolkit, struct sy_arena *arena,
                      struct sy_row **ret_rows, size_t *ret_count,
                      struct sy_toolkit_facts *ret_facts, struct sy_json_writer *faults)
{
    struct sy_paper paper = {.arena = arena, .pointers = faults};
    struct sy_yaml *nodes = sy_paper_json(&paper, body, SY_STR(""));
    struct entries entries;
    struct sy_row *rows;
    int rc;

    if (!nodes)
        return arena->failed ? SY_NOMEM : SY_INVALID;
    rc = read_entries(&paper, nodes, toolkit, &entries);
    if (rc == SY_OK)
        check_toolkit(&paper, &entries, toolkit);
    if (rc || paper.errors)
        return rc ? rc : SY_INVALID;
    rows = sy_arena_array(arena, entries.row_count + 1, sizeof(*rows));
    if (!rows)
        return SY_NOMEM;
    plain_rows(entries.rows, entries.row_count, rows);
    *ret_facts = (struct sy_toolkit_facts){0};
    if (entries.row_count)
        *ret_facts = sy_paper_facts(entries.rows, entries.rows + entries.row_count);
    ret_facts->toolkit = sy_lower_copy(arena, toolkit);
    *ret_rows = rows;
    *ret_count = entries.row_count;
    return arena->failed ? SY_NOMEM : SY_OK;
}

void sy_registry_write(struct sy_buf *out, const struct sy_registry *registry,
                       enum sy_registry_format format)
{
    switch (format) {
    case SY_FORMAT_YAML:
        sy_paper_write_yaml(out, registry);
        break;
    case SY_FORMAT_JSON:
        sy_paper_write_json(out, registry);
        break;
    case SY_FORMAT_MARKDOWN:
        sy_paper_write_markdown(out, registry);
        break;
    }
}
