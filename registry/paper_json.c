#include "registry/paper.h"

#include <stdarg.h>
#include <stdio.h>

#define JSON_DEPTH_MAX 8u
#define POINTERS_MAX 100u /* faults that are shown; all are counted */

struct json_reader {
    struct sy_paper *paper;
    struct sy_str text;
    struct sy_str name;
    const struct sy_yaml *at; /* not NULL: the place of every node */
    size_t offset;            /* up to where line and column are counted */
    unsigned line, column;
};

void sy_paper_fault(struct sy_paper *paper, const struct sy_yaml *at, const char *format, ...)
{
    char what[512];
    va_list args;

    va_start(args, format);
    if (vsnprintf(what, sizeof(what), format, args) < 0)
        what[0] = 0;
    va_end(args);
    paper->errors++;
    if (paper->pointers) {
        if (paper->errors > POINTERS_MAX)
            return;
        sy_jw_object(paper->pointers);
        sy_jw_member_str(paper->pointers, "pointer", at ? at->file : SY_STR(""));
        sy_jw_member_z(paper->pointers, "detail", what);
        sy_jw_object_end(paper->pointers);
    } else if (paper->faults) {
        sy_fault(paper->faults, at, "%s", what);
    }
}

/* Counts on to an offset; values come in the order of the text. */
static void place(struct json_reader *r, const char *ptr, struct sy_yaml *node)
{
    size_t offset = (size_t)(ptr - r->text.ptr);

    if (r->at) {
        node->line = r->at->line;
        node->column = r->at->column;
        return;
    }
    for (; r->offset < offset; r->offset++) {
        unsigned char c = (unsigned char)r->text.ptr[r->offset];
        if (c == '\n') {
            r->line++;
            r->column = 1;
        } else if ((c & 0xc0) != 0x80) {
            r->column++;
        }
    }
    node->line = r->line;
    node->column = r->column;
}

/* "/0/status": RFC 6901. */
static struct sy_str pointer(struct json_reader *r, const struct sy_yaml *parent,
                             struct sy_str name)
{
    struct sy_buf out;

    sy_buf_init_arena(&out, r->paper->arena, 4096);
    if (parent)
        sy_buf_append(&out, parent->file);
    sy_buf_append_char(&out, '/');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '~')
            sy_buf_append_z(&out, "~0");
        else if (name.ptr[i] == '/')
            sy_buf_append_z(&out, "~1");
        else
            sy_buf_append_char(&out, name.ptr[i]);
    }
    return sy_buf_str(&out);
}

static struct sy_yaml *node_new(struct json_reader *r, const char *ptr, enum sy_yaml_kind kind,
                                struct sy_yaml *parent)
{
    struct sy_yaml *node = sy_arena_zalloc(r->paper->arena, sizeof(*node));

    if (!node)
        return NULL;
    node->kind = kind;
    node->file = r->paper->pointers ? SY_STR("") : r->name;
    node->parent = parent;
    place(r, ptr, node);
    return node;
}

static struct sy_yaml *read_value(struct json_reader *r, struct sy_json value,
                                  struct sy_yaml *parent, struct sy_str step);

static void read_members(struct json_reader *r, struct sy_json value, struct sy_yaml *node)
{
    struct sy_yaml **tail = &node->first;
    struct sy_json_iter iter = sy_json_iter(value);
    struct sy_json member;
    struct sy_str raw;
    size_t index = 0;

    while (sy_json_next(&iter, &raw, &member)) {
        struct sy_yaml *key = NULL;
        struct sy_str step;
        char number[24];

        if (raw.ptr) {
            key = node_new(r, raw.ptr, SY_YAML_SCALAR, node);
            step =
                sy_json_text((struct sy_json){.type = SY_JSON_STRING, .raw = raw}, r->paper->arena);
        } else {
            int len = snprintf(number, sizeof(number), "%zu", index++);
            step = sy_str_from(number, (size_t)len);
        }
        *tail = read_value(r, member, node, step);
        if (!*tail || (raw.ptr && !key))
            return;
        if (key) {
            key->text = step;
            key->quoted = true;
            key->file = (*tail)->file;
            (*tail)->key = key;
        }
        tail = &(*tail)->next;
    }
}

static struct sy_yaml *read_value(struct json_reader *r, struct sy_json value,
                                  struct sy_yaml *parent, struct sy_str step)
{
    enum sy_yaml_kind kind = value.type == SY_JSON_OBJECT  ? SY_YAML_MAP
                             : value.type == SY_JSON_ARRAY ? SY_YAML_LIST
                                                           : SY_YAML_SCALAR;
    struct sy_yaml *node = node_new(r, value.raw.ptr, kind, parent);

    if (!node)
        return NULL;
    if (r->paper->pointers && parent)
        node->file = pointer(r, parent, step);
    if (kind != SY_YAML_SCALAR) {
        if (kind == SY_YAML_MAP && sy_json_has_duplicates(value, r->paper->arena))
            sy_paper_fault(r->paper, node, "a member name stands twice");
        read_members(r, value, node);
        return node;
    }
    node->text = value.raw;
    node->quoted = value.type == SY_JSON_STRING;
    if (node->quoted && sy_json_string(value, r->paper->arena, true, &node->text)) {
        sy_paper_fault(r->paper, node, "a text must not hold a NUL character");
        node->text = SY_STR("");
    }
    return node;
}

static struct sy_yaml *read_text(struct json_reader *r)
{
    struct sy_json_fault fault = {0};
    struct sy_json root;
    struct sy_yaml *at;

    if (sy_json_read(r->text, JSON_DEPTH_MAX, &root, &fault) == SY_OK) {
        struct sy_yaml *tree = read_value(r, root, NULL, (struct sy_str){NULL, 0});

        /* A tree that memory ended before its time is no document. */
        return r->paper->arena->failed ? NULL : tree;
    }
    at = node_new(r, r->text.ptr + fault.offset, SY_YAML_SCALAR, NULL);
    if (at)
        sy_paper_fault(r->paper, at, "not JSON: %s at byte %zu",
                       fault.why ? fault.why : "unreadable", fault.offset);
    return NULL;
}

struct sy_yaml *sy_paper_json(struct sy_paper *paper, struct sy_str text, struct sy_str name)
{
    struct json_reader r = {.paper = paper, .text = text, .name = name, .line = 1, .column = 1};

    paper->typed = true;
    return read_text(&r);
}

struct sy_yaml *sy_paper_json_at(struct sy_paper *paper, struct sy_str text,
                                 const struct sy_yaml *at)
{
    struct json_reader r = {.paper = paper, .text = text, .name = at->file, .at = at};

    return read_text(&r);
}
