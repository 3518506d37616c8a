#include "registry/markdown.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

void sy_markdown_cell(struct sy_buf *out, struct sy_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        struct sy_str rest = sy_str_skip(text, i);
        char c = text.ptr[i];

        if (c == '\n') {
            sy_buf_append_z(out, "<br>");
        } else if (c == '\r' || (is_blank(c) && (i == 0 || i + 1 == text.len))) {
            sy_buf_printf(out, "&#%d;", c);
        } else {
            if (c == '\\' || c == '|' || c == '`' || sy_str_starts(rest, SY_STR("<br")) ||
                sy_str_starts(rest, SY_STR("&#")))
                sy_buf_append_char(out, '\\');
            sy_buf_append_char(out, c);
        }
    }
}

/* Length of a line break written as HTML, or 0. */
static size_t break_length(struct sy_str rest)
{
    static const char *const forms[] = {"<br>", "<br/>", "<br />"};

    for (size_t i = 0; i < SY_ARRAY_LEN(forms); i++)
        if (sy_str_starts(rest, sy_str_of(forms[i])))
            return strlen(forms[i]);
    return 0;
}

/* Length of a reference to white space, or 0. */
static size_t reference_length(struct sy_str rest, char *ret_char)
{
    static const struct {
        const char *text;
        char c;
    } forms[] = {{"&#32;", ' '}, {"&#9;", '\t'}, {"&#13;", '\r'}, {"&#10;", '\n'}};

    for (size_t i = 0; i < SY_ARRAY_LEN(forms); i++)
        if (sy_str_starts(rest, sy_str_of(forms[i].text))) {
            *ret_char = forms[i].c;
            return strlen(forms[i].text);
        }
    return 0;
}

static bool is_punctuation(char c)
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
}

/* `GMAIL_*` as people write it: the whole cell is code, in which only '\|' is an escape. */
static bool is_code_span(struct sy_str cell)
{
    return cell.len > 2 && cell.ptr[0] == '`' && cell.ptr[cell.len - 1] == '`' &&
           !memchr(cell.ptr + 1, '`', cell.len - 2);
}

struct sy_str sy_markdown_text(struct sy_arena *arena, struct sy_str cell)
{
    bool code = is_code_span(cell);
    struct sy_str in = code ? sy_str_from(cell.ptr + 1, cell.len - 2) : cell;
    char *out = sy_arena_alloc(arena, in.len + 1);
    size_t len = 0;

    if (!out)
        return (struct sy_str){NULL, 0};
    for (size_t i = 0; i < in.len;) {
        struct sy_str rest = sy_str_skip(in, i);
        char c = in.ptr[i];
        size_t skip = code ? 0 : reference_length(rest, &c);

        if (c == '\\' && rest.len > 1 &&
            (code ? rest.ptr[1] == '|' : is_punctuation(rest.ptr[1]))) {
            c = rest.ptr[1];
            skip = 2;
        } else if (!code && break_length(rest)) {
            c = '\n';
            skip = break_length(rest);
        }
        out[len++] = c;
        i += skip ? skip : 1;
    }
    out[len] = 0;
    return (struct sy_str){out, len};
}

bool sy_markdown_next(struct sy_str *line, struct sy_str *ret_cell)
{
    size_t end = 0;

    if (!line->len)
        return false;
    while (end < line->len && line->ptr[end] != '|')
        end += line->ptr[end] == '\\' && end + 1 < line->len ? 2 : 1;
    *ret_cell = sy_str_trim(sy_str_head(*line, end));
    *line = sy_str_skip(*line, end + 1);
    return true;
}
