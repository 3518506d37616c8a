/* Faults: one line each, "file:line:column: key.path: what (hint)". */
#include "config/yaml.h"

#include <stdarg.h>
#include <stdio.h>

#define FAULTS_TEXT_MAX (256u << 10)
#define FAULT_LINE_MAX 1024

void sy_faults_init(struct sy_faults *faults)
{
    *faults = (struct sy_faults){0};
    sy_buf_init(&faults->text, FAULTS_TEXT_MAX);
}

void sy_faults_release(struct sy_faults *faults)
{
    sy_buf_release(&faults->text);
}

static size_t index_in(const struct sy_yaml *list, const struct sy_yaml *member)
{
    size_t index = 0;
    for (const struct sy_yaml *at = list->first; at && at != member; at = at->next)
        index++;
    return index;
}

/* "rules[0].when.tenant: "; nothing for the document itself, a member's name stands for its map. */
static void append_path(struct sy_buf *out, const struct sy_yaml *at)
{
    const struct sy_yaml *way[SY_YAML_DEPTH_MAX + 2];
    size_t depth = 0;

    for (; at && at->parent && depth < SY_ARRAY_LEN(way); at = at->parent) {
        if (at->key || at->parent->kind == SY_YAML_LIST)
            way[depth++] = at;
    }
    for (size_t i = depth; i-- > 0;) {
        if (!way[i]->key) {
            sy_buf_printf(out, "[%zu]", index_in(way[i]->parent, way[i]));
            continue;
        }
        if (i + 1 < depth)
            sy_buf_append_char(out, '.');
        sy_buf_append(out, sy_str_head(way[i]->key->text, 64));
    }
    if (depth > 0)
        sy_buf_append_z(out, ": ");
}

__attribute__((format(printf, 4, 0))) static void append_fault(struct sy_faults *faults,
                                                               const struct sy_yaml *at,
                                                               const char *prefix,
                                                               const char *format, va_list args)
{
    char what[FAULT_LINE_MAX];
    struct sy_buf *out = &faults->text;

    /* Full: further faults are only counted. A path is as dear as its lists are long. */
    if (out->failed)
        return;
    if (vsnprintf(what, sizeof(what), format, args) < 0)
        what[0] = '\0';
    if (at) {
        sy_buf_append(out, at->file);
        sy_buf_printf(out, ":%u:%u: ", at->line, at->column);
    }
    sy_buf_append_z(out, prefix);
    if (at)
        append_path(out, at);
    for (char *c = what; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
    sy_buf_append_z(out, what);
    sy_buf_append_char(out, '\n');
}

void sy_fault(struct sy_faults *faults, const struct sy_yaml *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    append_fault(faults, at, "", format, args);
    va_end(args);
    faults->errors++;
}

void sy_fault_warn(struct sy_faults *faults, const struct sy_yaml *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    append_fault(faults, at, "warning: ", format, args);
    va_end(args);
    faults->warnings++;
}
