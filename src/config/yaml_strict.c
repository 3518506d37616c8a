#include "config/yaml_strict.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t sy_yaml_offset(struct sy_yaml_strict *s, size_t character)
{
    while (s->character < character && s->offset < s->text.len) {
        s->offset++;
        while (s->offset < s->text.len && is_continuation(s->text.ptr[s->offset]))
            s->offset++;
        s->character++;
    }
    while (s->character > character && s->offset > 0) {
        s->offset--;
        while (s->offset > 0 && is_continuation(s->text.ptr[s->offset]))
            s->offset--;
        s->character--;
    }
    return s->offset;
}

/* Between two values stand indicators, white space and comments only. */
const char *sy_yaml_check_gap(struct sy_yaml_strict *s, size_t until)
{
    const char *at = s->text.ptr;
    size_t i = s->seen;

    for (; i < until; i++) {
        if (at[i] != '#')
            continue;
        if (i > 0 && !is_blank(at[i - 1]))
            return "a comment needs a space before its '#'";
        while (i < until && at[i] != '\n')
            i++;
    }
    if (until > s->seen)
        s->seen = until;
    return NULL;
}

const char *sy_yaml_check_lines(struct sy_str text, size_t from, size_t until, long indent)
{
    for (size_t i = from; i < until; i++) {
        long spaces = 0;
        if (text.ptr[i] != '\n')
            continue;
        while (i + 1 < until && text.ptr[i + 1] == ' ') {
            spaces++;
            i++;
        }
        if (i + 1 < until && text.ptr[i + 1] != '\n' && text.ptr[i + 1] != '\r' && spaces <= indent)
            return "a line that goes on must be indented (by spaces) deeper than its key";
    }
    return NULL;
}

const char *sy_yaml_check_flow_scalar(struct sy_str text, size_t from, size_t until)
{
    if (from > 0 && text.ptr[from - 1] == '?')
        return "'?' without a space after it (quote the text)";
    if (until - from == 1 && text.ptr[from] == '-')
        return "'-' alone is no text inside [] and {} (quote it)";
    return NULL;
}

const char *sy_yaml_check_block_scalar(struct sy_str text, size_t from)
{
    size_t i = from, deepest = 0;
    bool counted = false;

    for (; i < text.len && text.ptr[i] != '\n'; i++) {
        if (text.ptr[i] == '#' && !is_blank(text.ptr[i - 1]))
            return "a comment needs a space before its '#'";
        if (text.ptr[i] == '#')
            break;
        counted = counted || (text.ptr[i] >= '1' && text.ptr[i] <= '9');
    }
    while (i < text.len && text.ptr[i] != '\n')
        i++;
    for (i++; i < text.len && !counted; i++) {
        size_t spaces = 0;
        while (i < text.len && text.ptr[i] == ' ') {
            spaces++;
            i++;
        }
        if (i < text.len && text.ptr[i] != '\n' && text.ptr[i] != '\r')
            return spaces < deepest ? "blank lines are indented deeper than the text" : NULL;
        deepest = spaces > deepest ? spaces : deepest;
        while (i < text.len && text.ptr[i] != '\n')
            i++;
    }
    return NULL;
}
