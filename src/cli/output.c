#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_int.h"

#define CELL_MAX 60

static const char *style_code(enum cli_style style)
{
    static const char *const codes[] = {"",         "\033[1m",  "\033[2m", "\033[32m",
                                        "\033[33m", "\033[31m", "\033[36m"};

    return codes[style];
}

/* What a vendor answered must not move the cursor: control bytes and C1 controls become '?'. */
static void put_clean(FILE *out, struct sy_str text, bool one_line)
{
    size_t from = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool bad = (c < 0x20 && (one_line || (c != '\n' && c != '\t'))) || c == 0x7f;

        if (c == 0xc2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0)
            bad = true;
        if (!bad)
            continue;
        fwrite(text.ptr + from, 1, i - from, out);
        putc('?', out);
        from = i + 1;
    }
    if (text.len > from)
        fwrite(text.ptr + from, 1, text.len - from, out);
}

void cli_to_remarks(struct cli *cli)
{
    fflush(stdout);
    cli->out = stderr;
}

void cli_to_results(struct cli *cli)
{
    cli->out = stdout;
}

static void print_styled(struct cli *cli, enum cli_style style, struct sy_str text, bool one_line)
{
    bool coloured =
        style != CLI_PLAIN && text.len && (cli->out == stderr ? cli->colour_err : cli->colour);

    if (coloured)
        fputs(style_code(style), cli->out);
    put_clean(cli->out, text, one_line);
    if (coloured)
        fputs("\033[0m", cli->out);
}

void cli_print(struct cli *cli, enum cli_style style, struct sy_str text)
{
    print_styled(cli, style, text, false);
}

void cli_printz(struct cli *cli, enum cli_style style, const char *text)
{
    cli_print(cli, style, sy_str_of(text));
}

void cli_printf(struct cli *cli, const char *format, ...)
{
    char text[4096];
    va_list args;

    va_start(args, format);
    if (vsnprintf(text, sizeof(text), format, args) > 0)
        put_clean(cli->out, sy_str_of(text), false);
    va_end(args);
}

void cli_newline(struct cli *cli)
{
    putc('\n', cli->out);
}

/* A member's name, decoded from its quoted form; the writer quotes it again. */
static void write_name(struct cli *cli, struct sy_json_writer *w, struct sy_str name)
{
    struct sy_json quoted = {.type = SY_JSON_STRING, .raw = name};

    if (name.ptr)
        sy_jw_name_str(w, sy_json_text(quoted, &cli->arena));
}

/* Indents a value for people; every scalar's own bytes stay. */
static void write_pretty(struct cli *cli, struct sy_json_writer *w, struct sy_json value)
{
    struct sy_json_iter iter = sy_json_iter(value);
    struct sy_json member;
    struct sy_str name;

    if (value.type != SY_JSON_OBJECT && value.type != SY_JSON_ARRAY) {
        sy_jw_raw(w, value.raw);
        return;
    }
    if (value.type == SY_JSON_OBJECT)
        sy_jw_object(w);
    else
        sy_jw_array(w);
    while (sy_json_next(&iter, &name, &member)) {
        write_name(cli, w, name);
        if (w->depth + 2 >= SY_JSON_WRITER_DEPTH)
            sy_jw_raw(w, member.raw);
        else
            write_pretty(cli, w, member);
    }
    if (value.type == SY_JSON_OBJECT)
        sy_jw_object_end(w);
    else
        sy_jw_array_end(w);
}

void cli_print_json(struct cli *cli, struct sy_str json)
{
    struct sy_json_writer w;
    struct sy_json root;
    struct sy_buf out;

    if (!cli->terminal) {
        fwrite(json.ptr, 1, json.len, cli->out);
        putc('\n', cli->out);
        return;
    }
    sy_buf_init(&out, json.len * 8 + 4096);
    sy_jw_init(&w, &out);
    w.pretty = true;
    if (sy_json_read(json, SY_JSON_DEPTH_MAX + 8, &root, NULL) == SY_OK)
        write_pretty(cli, &w, root);
    put_clean(cli->out, out.len && sy_buf_ok(&out) ? sy_buf_str(&out) : json, false);
    putc('\n', cli->out);
    sy_buf_release(&out);
}

/* ---- tables ---- */

void cli_table_init(struct cli_table *table, const char *const *columns, unsigned count)
{
    memset(table, 0, sizeof(*table));
    table->column_count = count < CLI_COLUMNS_MAX ? count : CLI_COLUMNS_MAX;
    for (unsigned i = 0; i < table->column_count; i++)
        table->columns[i] = columns[i];
}

void cli_table_add(struct cli *cli, struct cli_table *table, const struct sy_str *cells)
{
    if (table->count == table->cap) {
        size_t cap = table->cap ? table->cap * 2 : 32;
        void *grown = sy_arena_array(&cli->arena, cap, sizeof(*table->cells));

        if (!grown)
            return;
        if (table->count)
            memcpy(grown, table->cells, table->count * sizeof(*table->cells));
        table->cells = grown;
        table->cap = cap;
    }
    for (unsigned i = 0; i < table->column_count; i++)
        table->cells[table->count][i] = cells[i];
    table->count++;
}

/* Columns a text takes on a terminal, near enough: one for each code point. */
static size_t text_width(struct sy_str text)
{
    size_t width = 0;

    for (size_t i = 0; i < text.len; i++)
        if (((unsigned char)text.ptr[i] & 0xc0) != 0x80)
            width++;
    return width;
}

static struct sy_str cell_text(const struct cli *cli, struct sy_str cell, bool last)
{
    size_t at = CELL_MAX;

    if (!cli->terminal || last || cell.len <= CELL_MAX)
        return cell;
    while (at > 0 && ((unsigned char)cell.ptr[at] & 0xc0) == 0x80)
        at--;
    return sy_str_head(cell, at);
}

static void print_row(struct cli *cli, const struct cli_table *table, const struct sy_str *cells,
                      const size_t *widths, enum cli_style style)
{
    for (unsigned c = 0; c < table->column_count; c++) {
        bool last = c + 1 == table->column_count;
        struct sy_str text = cell_text(cli, cells[c], last);

        print_styled(cli, style, text, true);
        if (!last)
            for (size_t pad = text_width(text); pad < widths[c] + 2; pad++)
                putc(' ', cli->out);
    }
    putc('\n', cli->out);
}

void cli_table_print(struct cli *cli, const struct cli_table *table)
{
    size_t widths[CLI_COLUMNS_MAX];
    struct sy_str head[CLI_COLUMNS_MAX];

    for (unsigned c = 0; c < table->column_count; c++) {
        head[c] = sy_str_of(table->columns[c]);
        widths[c] = head[c].len;
        for (size_t r = 0; r < table->count; r++) {
            size_t width =
                text_width(cell_text(cli, table->cells[r][c], c + 1 == table->column_count));

            if (width > widths[c])
                widths[c] = width;
        }
    }
    print_row(cli, table, head, widths, CLI_BOLD);
    for (size_t r = 0; r < table->count; r++)
        print_row(cli, table, table->cells[r], widths, CLI_PLAIN);
}

struct sy_str cli_text(struct cli *cli, struct sy_json value, const char *path)
{
    struct sy_json member = path ? sy_json_path(value, path) : value;
    struct sy_str text;

    if (sy_json_is_nothing(member))
        return SY_STR("");
    text = sy_json_text(member, &cli->arena);
    return text.ptr ? text : member.raw;
}

struct sy_str cli_join(struct cli *cli, struct sy_json list, const char *between)
{
    struct sy_json_iter iter = sy_json_iter(list);
    struct sy_json item;
    struct sy_str name;
    struct sy_buf out;

    sy_buf_init_arena(&out, &cli->arena, (size_t)1 << 20);
    while (sy_json_next(&iter, &name, &item)) {
        if (out.len)
            sy_buf_append_z(&out, between);
        sy_buf_append(&out, cli_text(cli, item, NULL));
    }
    return out.len ? sy_buf_str(&out) : SY_STR("");
}

/* A cell: lists as words, nothing as "-". */
static struct sy_str cell_of(struct cli *cli, struct sy_json item, const char *path)
{
    struct sy_json value = sy_json_path(item, path);
    struct sy_str text =
        value.type == SY_JSON_ARRAY ? cli_join(cli, value, ",") : cli_text(cli, value, NULL);

    return text.len ? text : SY_STR("-");
}

void cli_print_items(struct cli *cli, struct sy_json items, const char *const *columns,
                     const char *const *members, unsigned count)
{
    struct sy_json_iter iter = sy_json_iter(items);
    struct sy_str name, cells[CLI_COLUMNS_MAX];
    struct cli_table table;
    struct sy_json item;

    cli_table_init(&table, columns, count);
    while (sy_json_next(&iter, &name, &item)) {
        for (unsigned c = 0; c < table.column_count; c++)
            cells[c] = cell_of(cli, item, members[c]);
        cli_table_add(cli, &table, cells);
    }
    cli_table_print(cli, &table);
}

bool cli_confirm(struct cli *cli, const char *question)
{
    char answer[8];

    if (cli_has(cli, "--yes"))
        return true;
    if (!isatty(STDIN_FILENO))
        return false;
    fprintf(stderr, "%s [y/N] ", question);
    return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* {"default":"x"} as "default: x"; deeper values as they stand. */
static struct sy_str value_text(struct cli *cli, struct sy_json value)
{
    struct sy_json_iter iter = sy_json_iter(value);
    struct sy_json member;
    struct sy_str name;
    struct sy_buf out;

    if (value.type == SY_JSON_ARRAY)
        return cli_join(cli, value, ", ");
    if (value.type != SY_JSON_OBJECT)
        return cli_text(cli, value, NULL);
    sy_buf_init_arena(&out, &cli->arena, (size_t)1 << 20);
    while (sy_json_next(&iter, &name, &member)) {
        struct sy_json quoted = {.type = SY_JSON_STRING, .raw = name};

        if (out.len)
            sy_buf_append_z(&out, ", ");
        sy_buf_append(&out, cli_text(cli, quoted, NULL));
        sy_buf_append_z(&out, ": ");
        sy_buf_append(&out, cli_text(cli, member, NULL));
    }
    return out.len ? sy_buf_str(&out) : SY_STR("");
}

void cli_print_members(struct cli *cli, struct sy_json object, const char *indent)
{
    struct sy_json_iter iter = sy_json_iter(object);
    struct sy_json value;
    struct sy_str name;

    while (sy_json_next(&iter, &name, &value)) {
        struct sy_json quoted = {.type = SY_JSON_STRING, .raw = name};
        struct sy_str text = value_text(cli, value);

        if (!text.len)
            continue;
        cli_printf(cli, "%s%-16.*s ", indent, SY_FMT(cli_text(cli, quoted, NULL)));
        print_styled(cli, CLI_PLAIN, text, true);
        cli_newline(cli);
    }
}
