/*
 * libyaml's events into nodes. libyaml is robust against memory faults and weak against time, and
 * accepts more than a configuration should; what is refused, and why, stands in config/yaml.h.
 */
#include "config/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config/yaml_strict.h"

struct frame {
    struct sy_yaml *node;
    struct sy_yaml **tail; /* where the next member goes */
    struct sy_yaml *key;   /* a map's name that waits for its value */
    bool flow_map;
    bool flow;
    size_t from; /* byte offset of its first character */
    long column;
};

struct reader {
    yaml_parser_t parser;
    struct sy_yaml_strict strict;
    struct sy_str file;
    struct sy_arena *arena;
    struct sy_faults *faults;
    struct frame stack[SY_YAML_DEPTH_MAX];
    unsigned depth;
    struct sy_yaml *root;
    unsigned documents;
    bool stop;
};

static struct sy_yaml *node_new(struct reader *r, enum sy_yaml_kind kind, yaml_mark_t mark)
{
    struct sy_yaml *node = sy_arena_zalloc(r->arena, sizeof(*node));
    if (!node) {
        r->stop = true;
        return NULL;
    }
    node->kind = kind;
    node->file = r->file;
    node->line = (unsigned)mark.line + 1;
    node->column = (unsigned)mark.column + 1;
    return node;
}

/* A place without a node, for faults about the text itself. */
static struct sy_yaml place(const struct reader *r, size_t line, size_t column)
{
    return (struct sy_yaml){
        .file = r->file, .line = (unsigned)line + 1, .column = (unsigned)column + 1};
}

static void refuse(struct reader *r, yaml_mark_t mark, const char *what)
{
    struct sy_yaml at = place(r, mark.line, mark.column);
    sy_fault(r->faults, &at, "%s", what);
}

static void refuse_and_stop(struct reader *r, yaml_mark_t mark, const char *what)
{
    refuse(r, mark, what);
    r->stop = true;
}

/* A map's member names are taken one by one; true if `node` was such a name. */
static bool take_key(struct reader *r, struct frame *top, struct sy_yaml *node, yaml_mark_t mark)
{
    if (top->node->kind != SY_YAML_MAP || top->key)
        return false;
    if (node->kind != SY_YAML_SCALAR) {
        refuse_and_stop(r, mark, "a key must be a plain or quoted text");
        return true;
    }
    if (!node->quoted && sy_str_eq(node->text, SY_STR("<<")))
        refuse(r, mark, "merge keys are not supported; write the members out");
    if (!node->quoted && top->flow_map && sy_str_find_char(node->text, ':') != (size_t)-1)
        refuse(r, mark, "':' without a space after it (write \"key: value\", or quote the key)");
    node->parent = top->node;
    top->key = node;
    return true;
}

/* Puts a finished scalar or a container that begins into its place. */
static void attach(struct reader *r, struct sy_yaml *node, yaml_mark_t mark)
{
    struct frame *top;

    if (r->depth == 0) {
        r->root = node;
        return;
    }
    top = &r->stack[r->depth - 1];
    if (take_key(r, top, node, mark))
        return;
    node->parent = top->node;
    node->key = top->key;
    top->key = NULL;
    *top->tail = node;
    top->tail = &node->next;
}

static bool in_flow(const struct reader *r)
{
    return r->depth > 0 && r->stack[r->depth - 1].flow;
}

/* Column of the innermost block collection, or -1. */
static long block_indent(const struct reader *r)
{
    for (unsigned i = r->depth; i-- > 0;) {
        if (!r->stack[i].flow)
            return r->stack[i].column;
    }
    return -1;
}

static void refuse_if(struct reader *r, yaml_mark_t mark, const char *what)
{
    if (what)
        refuse(r, mark, what);
}

/* The text before this event and, for a scalar, its own. */
static void check_scalar(struct reader *r, const yaml_event_t *event)
{
    yaml_scalar_style_t style = event->data.scalar.style;
    yaml_mark_t mark = event->start_mark;
    size_t from = sy_yaml_offset(&r->strict, mark.index), until;

    refuse_if(r, mark, sy_yaml_check_gap(&r->strict, from));
    if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE)
        refuse_if(r, mark, sy_yaml_check_block_scalar(r->strict.text, from));
    until = sy_yaml_offset(&r->strict, event->end_mark.index);
    if (in_flow(r))
        refuse_if(r, mark, sy_yaml_check_flow_scalar(r->strict.text, from, until));
    else if (style == YAML_SINGLE_QUOTED_SCALAR_STYLE || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE)
        refuse_if(r, mark, sy_yaml_check_lines(r->strict.text, from, until, block_indent(r)));
    if (until > r->strict.seen)
        r->strict.seen = until;
}

/* Begin or end of a collection in brackets or braces; those of blocks have no text of their own. */
static void check_bracket(struct reader *r, const yaml_event_t *event)
{
    size_t at = sy_yaml_offset(&r->strict, event->start_mark.index);

    refuse_if(r, event->start_mark, sy_yaml_check_gap(&r->strict, at));
    if (event->end_mark.index > event->start_mark.index)
        r->strict.seen = at + 1;
}

static void on_scalar(struct reader *r, const yaml_event_t *event)
{
    yaml_mark_t mark = event->start_mark;
    struct sy_yaml *node = node_new(r, SY_YAML_SCALAR, mark);
    struct sy_str text = {(const char *)event->data.scalar.value, event->data.scalar.length};

    if (!node)
        return;
    check_scalar(r, event);
    if (event->data.scalar.anchor)
        refuse(r, mark, "anchors are not supported; write the value out");
    if (event->data.scalar.tag)
        refuse(r, mark, "tags are not supported");
    if (text.len > 0 && memchr(text.ptr, 0, text.len))
        refuse(r, mark, "a text must not hold a NUL character");
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = sy_arena_copy(r->arena, text);
    if (!node->text.ptr) {
        r->stop = true;
        return;
    }
    attach(r, node, mark);
}

static void on_container(struct reader *r, const yaml_event_t *event)
{
    bool map = event->type == YAML_MAPPING_START_EVENT;
    bool flow = map ? event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
                    : event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    yaml_mark_t mark = event->start_mark;
    struct sy_yaml *node;

    if (r->depth == SY_YAML_DEPTH_MAX) {
        refuse_and_stop(r, mark, "nested too deeply (at most 32 levels)");
        return;
    }
    node = node_new(r, map ? SY_YAML_MAP : SY_YAML_LIST, mark);
    if (!node)
        return;
    if (map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor)
        refuse(r, mark, "anchors are not supported; write the value out");
    if (map ? event->data.mapping_start.tag : event->data.sequence_start.tag)
        refuse(r, mark, "tags are not supported");
    attach(r, node, mark);
    if (r->stop)
        return;
    if (flow)
        check_bracket(r, event);
    r->stack[r->depth++] = (struct frame){
        .node = node,
        .tail = &node->first,
        .flow_map = map && flow,
        .flow = flow,
        .from = sy_yaml_offset(&r->strict, mark.index),
        .column = (long)mark.column,
    };
}

static void refuse_duplicates(struct reader *r, const struct sy_yaml *map);

static void on_end(struct reader *r, const yaml_event_t *event)
{
    const struct frame *top = &r->stack[--r->depth];

    if (top->flow) {
        check_bracket(r, event);
        if (!in_flow(r))
            refuse_if(
                r, event->start_mark,
                sy_yaml_check_lines(r->strict.text, top->from, r->strict.seen, block_indent(r)));
    }
    if (top->node->kind == SY_YAML_MAP)
        refuse_duplicates(r, top->node);
}

static int by_key(const void *a, const void *b)
{
    const struct sy_yaml *x = *(const struct sy_yaml *const *)a;
    const struct sy_yaml *y = *(const struct sy_yaml *const *)b;
    int order = sy_str_cmp(x->key->text, y->key->text);
    if (order != 0)
        return order;
    if (x->key->line != y->key->line)
        return x->key->line < y->key->line ? -1 : 1;
    return x->key->column < y->key->column ? -1 : 1;
}

/* libyaml does not notice duplicates; the last would silently win. */
static void refuse_duplicates(struct reader *r, const struct sy_yaml *map)
{
    size_t count = sy_yaml_count(map), used = 0;
    const struct sy_yaml **sorted;

    if (count < 2)
        return;
    sorted = malloc(count * sizeof(*sorted));
    if (!sorted) {
        r->stop = true;
        return;
    }
    for (const struct sy_yaml *at = map->first; at; at = at->next)
        sorted[used++] = at;
    qsort(sorted, count, sizeof(*sorted), by_key);
    for (size_t i = 1; i < count; i++) {
        const struct sy_yaml *key = sorted[i]->key, *before = sorted[i - 1]->key;
        if (sy_str_eq(key->text, before->text))
            sy_fault(r->faults, key, "\"%.*s\" stands here twice; first on line %u",
                     SY_FMT(sy_str_head(key->text, 64)), before->line);
    }
    free(sorted);
}

static void on_event(struct reader *r, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    case YAML_STREAM_END_EVENT:
        refuse_if(r, event->start_mark, sy_yaml_check_gap(&r->strict, r->strict.text.len));
        break;
    case YAML_DOCUMENT_START_EVENT:
        if (event->data.document_start.version_directive ||
            event->data.document_start.tag_directives.start !=
                event->data.document_start.tag_directives.end)
            refuse(r, event->start_mark, "directives are not supported");
        if (++r->documents > 1)
            refuse_and_stop(r, event->start_mark, "only one document to a file");
        break;
    case YAML_ALIAS_EVENT:
        refuse_and_stop(r, event->start_mark, "aliases are not supported; write the value out");
        break;
    case YAML_SCALAR_EVENT:
        on_scalar(r, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        on_container(r, event);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_end(r, event);
        break;
    }
}

static void report_problem(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    struct sy_yaml at = place(r, p->problem_mark.line, p->problem_mark.column);

    if (p->error == YAML_MEMORY_ERROR)
        sy_fault(r->faults, &at, "out of memory");
    else
        sy_fault(r->faults, &at, "not YAML: %s%s%s", p->context ? p->context : "",
                 p->context ? ", " : "", p->problem ? p->problem : "unreadable");
}

static void read_events(struct reader *r)
{
    bool end = false;
    while (!end && !r->stop) {
        yaml_event_t event;
        if (!yaml_parser_parse(&r->parser, &event)) {
            report_problem(r);
            return;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        on_event(r, &event);
        yaml_event_delete(&event);
    }
}

/* What is refused before libyaml sees it: it is slow on directives and guesses encodings. */
static bool text_is_readable(struct reader *r, struct sy_str text)
{
    struct sy_str rest = text, line;
    size_t number = 0;
    unsigned before = r->faults->errors;

    if (text.len > SY_YAML_BYTES_MAX) {
        struct sy_yaml at = place(r, 0, 0);
        sy_fault(r->faults, &at, "larger than 4 MiB");
        return false;
    }
    for (; sy_str_split(&rest, '\n', &line); number++) {
        struct sy_yaml at = place(r, number, 0);
        if (!sy_str_is_utf8(line))
            sy_fault(r->faults, &at, "not UTF-8");
        else if (line.len > 0 && memchr(line.ptr, 0, line.len))
            sy_fault(r->faults, &at, "a NUL character");
        else if (line.len > 0 && line.ptr[0] == '%')
            sy_fault(r->faults, &at, "directives (lines that begin with %%) are not supported");
        else
            continue;
        return false;
    }
    return r->faults->errors == before;
}

/* libyaml loses a block text's last line if the file ends without a line break. */
static struct sy_str whole_lines(struct sy_str text, struct sy_arena *arena)
{
    const struct sy_str parts[] = {text, SY_STR("\n")};

    if (text.len == 0 || text.ptr[text.len - 1] == '\n')
        return text.ptr ? text : SY_STR("");
    return sy_arena_join(arena, parts, SY_ARRAY_LEN(parts));
}

struct sy_yaml *sy_yaml_read(struct sy_str text, struct sy_str file, struct sy_arena *arena,
                             struct sy_faults *faults)
{
    unsigned before = faults->errors;
    struct reader r = {.arena = arena, .faults = faults};

    r.file = sy_arena_copy(arena, file);
    if (!text_is_readable(&r, text))
        return NULL;
    r.strict.text = text = whole_lines(text, arena);
    if (!yaml_parser_initialize(&r.parser)) {
        sy_fault(faults, NULL, "out of memory");
        return NULL;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.ptr ? text.ptr : ""),
                                 text.len);
    r.stop = arena->failed;
    read_events(&r);
    yaml_parser_delete(&r.parser);
    if (!r.root && !r.stop && faults->errors == before)
        r.root = node_new(&r, SY_YAML_SCALAR, (yaml_mark_t){0});
    if (r.stop && faults->errors == before)
        sy_fault(faults, NULL, "%.*s: out of memory", SY_FMT(r.file));
    return faults->errors == before ? r.root : NULL;
}
