/*
 * YAML and JSON. Each entry is written as JSON once; YAML is that JSON in flow style, a line an
 * entry, with quotes only where YAML needs them.
 */
#include "registry/paper.h"

#define ENTRY_MAX (4u << 20)

const struct sy_toolkit_facts *sy_paper_facts_of(const struct sy_registry *registry, size_t index,
                                                 size_t *cursor)
{
    struct sy_str toolkit = registry->rows[index].toolkit;

    if (index && sy_str_eq(toolkit, registry->rows[index - 1].toolkit))
        return NULL;
    /* Rows and facts mostly stand in the same order: look on from the last one found. */
    for (size_t i = 0; i < registry->toolkit_count; i++) {
        size_t at = (*cursor + i) % registry->toolkit_count;
        if (sy_str_eq(registry->toolkits[at].toolkit, toolkit)) {
            *cursor = at + 1;
            return &registry->toolkits[at];
        }
    }
    return NULL;
}

static void write_row(struct sy_json_writer *w, const struct sy_registry *registry, size_t index,
                      size_t *cursor)
{
    sy_jw_object(w);
    sy_row_write_members(w, &registry->rows[index], sy_paper_facts_of(registry, index, cursor));
    sy_jw_object_end(w);
}

void sy_paper_write_json(struct sy_buf *out, const struct sy_registry *registry)
{
    struct sy_json_writer w;
    size_t cursor = 0;

    sy_jw_init(&w, out);
    w.pretty = true;
    sy_jw_array(&w);
    for (size_t i = 0; i < registry->row_count; i++)
        write_row(&w, registry, i, &cursor);
    for (size_t i = 0; i < registry->map_count; i++)
        sy_map_write_json(&w, &registry->maps[i]);
    sy_jw_array_end(&w);
    sy_buf_append_char(out, '\n');
}

/* ---- YAML ---- */

static bool is_plain(struct sy_str text)
{
    static const char *const words[] = {"true", "false", "null", "yes", "no",
                                        "on",   "off",   "y",    "n"};

    if (!text.len || text.len > 120 ||
        (!(text.ptr[0] >= '0' && text.ptr[0] <= '9') &&
         !(text.ptr[0] >= 'A' && text.ptr[0] <= 'Z') &&
         !(text.ptr[0] >= 'a' && text.ptr[0] <= 'z')))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
            c != '_' && c != '-' && c != '.')
            return false;
    }
    for (size_t i = 0; i < SY_ARRAY_LEN(words); i++)
        if (sy_str_eq_nocase(text, sy_str_of(words[i])))
            return false;
    return true;
}

/* Characters beyond ASCII that YAML reads as something else even inside double quotes, or refuses
 * raw: C1 controls, line and paragraph separators, the byte order mark, two non-characters. */
static const struct {
    const char *bytes;
    unsigned code;
} escaped[] = {
    {"\xe2\x80\xa8", 0x2028}, {"\xe2\x80\xa9", 0x2029}, {"\xef\xbb\xbf", 0xfeff},
    {"\xef\xbf\xbe", 0xfffe}, {"\xef\xbf\xbf", 0xffff},
};

/* Length of the character at the head of `rest` if it must be escaped, and its code; else 0. */
static size_t escape_length(struct sy_str rest, unsigned *ret_code)
{
    unsigned char c = (unsigned char)rest.ptr[0];

    *ret_code = c;
    if (c < 0x20 || c == 0x7f)
        return 1;
    if (c == 0xc2 && rest.len > 1 && (unsigned char)rest.ptr[1] < 0xa0) {
        *ret_code = (unsigned char)rest.ptr[1];
        return 2;
    }
    for (size_t i = 0; c >= 0xe2 && i < SY_ARRAY_LEN(escaped); i++)
        if (sy_str_starts(rest, sy_str_of(escaped[i].bytes))) {
            *ret_code = escaped[i].code;
            return 3;
        }
    return 0;
}

static void write_quoted(struct sy_buf *out, struct sy_str text)
{
    sy_buf_append_char(out, '"');
    for (size_t i = 0; i < text.len;) {
        unsigned code;
        size_t len = escape_length(sy_str_skip(text, i), &code);
        char c = text.ptr[i];

        if (c == '\n') {
            sy_buf_append_z(out, "\\n");
        } else if (len) {
            sy_buf_printf(out, "\\u%04x", code);
        } else {
            if (c == '"' || c == '\\')
                sy_buf_append_char(out, '\\');
            sy_buf_append_char(out, c);
        }
        i += len ? len : 1;
    }
    sy_buf_append_char(out, '"');
}

static void write_scalar(struct sy_buf *out, struct sy_str text)
{
    if (is_plain(text))
        sy_buf_append(out, text);
    else
        write_quoted(out, text);
}

/* Entries nest three deep at most. */
static void write_flow(struct sy_buf *out, struct sy_json value, struct sy_arena *scratch)
{
    struct sy_json_iter iter = sy_json_iter(value);
    bool map = value.type == SY_JSON_OBJECT, first = true;
    struct sy_json member;
    struct sy_str raw;

    if (value.type == SY_JSON_STRING) {
        write_scalar(out, sy_json_text(value, scratch));
        return;
    }
    if (!map && value.type != SY_JSON_ARRAY) {
        sy_buf_append(out, value.raw);
        return;
    }
    sy_buf_append_char(out, map ? '{' : '[');
    while (sy_json_next(&iter, &raw, &member)) {
        if (!first)
            sy_buf_append_z(out, ", ");
        first = false;
        if (map) {
            write_scalar(
                out, sy_json_text((struct sy_json){.type = SY_JSON_STRING, .raw = raw}, scratch));
            sy_buf_append_z(out, ": ");
        }
        write_flow(out, member, scratch);
    }
    sy_buf_append_char(out, map ? '}' : ']');
}

struct yaml_writer {
    struct sy_buf *out;
    struct sy_buf json;
    struct sy_arena scratch;
};

static void write_entry(struct yaml_writer *y)
{
    struct sy_json value;

    if (!sy_buf_ok(&y->json) || sy_json_read(sy_buf_str(&y->json), 8, &value, NULL)) {
        y->out->failed = true;
        return;
    }
    sy_buf_append_z(y->out, "- ");
    write_flow(y->out, value, &y->scratch);
    sy_buf_append_char(y->out, '\n');
    if (y->scratch.failed)
        y->out->failed = true;
    sy_arena_clear(&y->scratch);
    sy_buf_clear(&y->json);
}

void sy_paper_write_yaml(struct sy_buf *out, const struct sy_registry *registry)
{
    struct yaml_writer y = {.out = out};
    struct sy_json_writer w;
    size_t cursor = 0;

    sy_buf_init(&y.json, ENTRY_MAX);
    sy_arena_init(&y.scratch, ENTRY_MAX);
    if (!registry->row_count && !registry->map_count)
        sy_buf_append_z(out, "[]\n");
    for (size_t i = 0; sy_buf_ok(out) && i < registry->row_count; i++) {
        sy_jw_init(&w, &y.json);
        write_row(&w, registry, i, &cursor);
        write_entry(&y);
    }
    for (size_t i = 0; sy_buf_ok(out) && i < registry->map_count; i++) {
        sy_jw_init(&w, &y.json);
        sy_map_write_json(&w, &registry->maps[i]);
        write_entry(&y);
    }
    sy_arena_release(&y.scratch);
    sy_buf_release(&y.json);
}
