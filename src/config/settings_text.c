/* The table of settings as text: the file that `init` writes, and the page in docs/. */
#include "config/internal.h"

static const struct {
    const char *vendor;
    const char *name;
    const char *value;
} EXAMPLES[] = {
#define SY_SETTING(name, kind, field, fallback, hint, help)
#define SY_SETTING_EXAMPLE(vendor_, name_, value_)                                                 \
    {.vendor = (vendor_), .name = (name_), .value = (value_)},
#include "contract/setting.def"
#undef SY_SETTING
#undef SY_SETTING_EXAMPLE
};

static const char *const KIND_WORDS[SY_KIND_COUNT] = {
    [SY_KIND_TEXT] = "text",
    [SY_KIND_ADDRESS] = "address",
    [SY_KIND_THREADS] = "auto, 1–256",
    [SY_KIND_STORE] = "sqlite:PATH, memory:",
    [SY_KIND_URL] = "URL",
    [SY_KIND_FILE] = "file",
    [SY_KIND_REF] = "text",
    [SY_KIND_SECRET] = "reference",
    [SY_KIND_SIZE] = "size",
    [SY_KIND_DURATION] = "duration",
    [SY_KIND_CONNECTIONS] = "1–1000000",
    [SY_KIND_BOOL] = "true, false",
    [SY_KIND_CHOICE] = NULL,
    [SY_KIND_WORD] = NULL,
    [SY_KIND_CIDRS] = "list of networks",
};

/* True if any setting below "section." has a default, so that the section itself is written. */
static bool section_has_default(struct sy_str section)
{
    for (size_t i = 0; i < sy_setting_row_count; i++) {
        if (sy_str_starts(sy_str_of(sy_setting_rows[i].path), section) &&
            sy_setting_rows[i].fallback)
            return true;
    }
    return false;
}

static void indent(struct sy_buf *out, unsigned level, bool live)
{
    if (!live)
        sy_buf_append_z(out, "# ");
    for (; level > 0; level--)
        sy_buf_append_z(out, "  ");
}

/* Opens the sections of `path` that `before` was not in; returns the depth. */
static unsigned open_sections(struct sy_buf *out, struct sy_str path, struct sy_str before)
{
    unsigned level = 0;
    for (size_t i = 0; i < path.len; i++) {
        struct sy_str section = sy_str_head(path, i + 1), name = sy_str_head(path, i);
        if (path.ptr[i] != '.')
            continue;
        for (size_t k = i; k-- > 0;) {
            if (path.ptr[k] == '.') {
                name = sy_str_from(path.ptr + k + 1, i - k - 1);
                break;
            }
        }
        if (!sy_str_starts(before, section)) {
            if (level == 0)
                sy_buf_append_char(out, '\n');
            indent(out, level, section_has_default(section));
            sy_buf_append(out, name);
            sy_buf_append_z(out, ":\n");
        }
        level++;
    }
    return level;
}

static struct sy_str last_name(struct sy_str path)
{
    size_t from = path.len;
    while (from > 0 && path.ptr[from - 1] != '.')
        from--;
    return sy_str_skip(path, from);
}

static void write_row(struct sy_buf *out, const struct sy_setting_row *row, struct sy_str before)
{
    struct sy_str path = sy_str_of(row->path);
    unsigned level = open_sections(out, path, before);

    if (level == 0)
        sy_buf_append_char(out, '\n');
    for (unsigned i = 0; i < level; i++)
        sy_buf_append_z(out, "  ");
    sy_buf_append_z(out, "# ");
    sy_buf_append_z(out, row->help);
    if (row->kind == SY_KIND_CHOICE || row->kind == SY_KIND_WORD)
        sy_buf_printf(out, " (%s)", row->hint);
    sy_buf_append_char(out, '\n');
    indent(out, level, row->fallback != NULL);
    sy_buf_append(out, last_name(path));
    sy_buf_append_z(out, ": ");
    sy_buf_append_z(out, row->fallback ? row->fallback : row->hint);
    sy_buf_append_char(out, '\n');
}

void sy_settings_write_example(struct sy_buf *out)
{
    struct sy_str before = SY_STR(""), vendor = SY_STR("");

    sy_buf_append_z(out,
                    "# Switchyard's settings. Any text may be a reference: env:NAME, file:PATH,\n"
                    "# infisical:PATH/KEY or literal:TEXT; keys, secrets and tokens must be one.\n"
                    "# `switchyard check` says all that is wrong with this file.\n");
    for (size_t i = 0; i < sy_setting_row_count; i++) {
        write_row(out, &sy_setting_rows[i], before);
        before = sy_str_of(sy_setting_rows[i].path);
    }
    sy_buf_append_z(out,
                    "\n# Accounts at the vendors. One whose variable is not set is absent, with a "
                    "warning.\nvendors:\n");
    for (size_t i = 0; i < SY_ARRAY_LEN(EXAMPLES); i++) {
        struct sy_str name = sy_str_of(EXAMPLES[i].vendor);

        if (!sy_str_eq(vendor, name))
            sy_buf_printf(out, "  %.*s:\n", SY_FMT(name));
        vendor = name;
        sy_buf_printf(out, "    %s: %s\n", EXAMPLES[i].name, EXAMPLES[i].value);
    }
}

/* A cell of a Markdown table: '|' would end it. */
static void cell(struct sy_buf *out, const char *text, bool code)
{
    sy_buf_append_z(out, code ? "`" : "");
    for (; *text; text++) {
        if (*text == '|')
            sy_buf_append_z(out, code ? "`, `" : ", ");
        else
            sy_buf_append_char(out, *text);
    }
    sy_buf_append_z(out, code ? "` | " : " | ");
}

static void write_vendor_docs(struct sy_buf *out, const struct sy_vendor *vendor)
{
    const struct sy_setting *setting = vendor->settings;

    if (!setting || !setting->name)
        return;
    sy_buf_printf(out, "\n### vendors.%s\n\n| setting | type | default | meaning |\n",
                  vendor->name);
    sy_buf_append_z(out, "| --- | --- | --- | --- |\n");
    for (; setting->name; setting++) {
        const char *type = setting->flags & SY_SETTING_SECRET ? "reference"
                           : setting->flags & SY_SETTING_BOOL ? "true, false"
                           : setting->flags & SY_SETTING_URL  ? "URL"
                                                              : "text";
        sy_buf_append_z(out, "| ");
        cell(out, setting->name, true);
        cell(out, type, false);
        if (setting->fallback && *setting->fallback)
            cell(out, setting->fallback, true);
        else
            cell(out, setting->flags & SY_SETTING_REQUIRED ? "required" : "none", false);
        sy_buf_append_z(out, setting->help ? setting->help : "");
        sy_buf_append_z(out, " |\n");
    }
}

void sy_settings_write_docs(struct sy_buf *out, const struct sy_vendor *const *vendors,
                            size_t vendor_count)
{
    sy_buf_append_z(out, "| setting | type | default | meaning |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < sy_setting_row_count; i++) {
        const struct sy_setting_row *row = &sy_setting_rows[i];
        sy_buf_append_z(out, "| ");
        cell(out, row->path, true);
        if (KIND_WORDS[row->kind])
            cell(out, KIND_WORDS[row->kind], false);
        else
            cell(out, row->hint, true);
        if (row->fallback)
            cell(out, row->fallback, true);
        else
            cell(out, "none", false);
        sy_buf_append_z(out, row->help);
        sy_buf_append_z(out, " |\n");
    }
    for (size_t v = 0; v < vendor_count; v++)
        write_vendor_docs(out, vendors[v]);
}
