/* switchyard.yaml: the walk over the file, by the table in contract/setting.def. */
#include "config/internal.h"

#include <string.h>

#define PATH_MAX_BYTES 256

const struct sy_setting_row sy_setting_rows[] = {
#define SY_SETTING(name, kind_, field, fallback_, hint_, help_)                                    \
    {.path = (name),                                                                               \
     .kind = SY_KIND_##kind_,                                                                      \
     .offset = offsetof(struct sy_settings, field),                                                \
     .fallback = (fallback_),                                                                      \
     .hint = (hint_),                                                                              \
     .help = (help_)},
#include "contract/setting.def"
#undef SY_SETTING
};
const size_t sy_setting_row_count = SY_ARRAY_LEN(sy_setting_rows);

struct load {
    struct sy_settings *settings;
    struct sy_arena *arena;
    struct sy_faults *faults;
};

void sy_settings_default(struct sy_settings *settings, const struct sy_vendor *const *vendors,
                         size_t vendor_count)
{
    struct sy_faults none;

    *settings = (struct sy_settings){.public_url = SY_STR("")};
    sy_faults_init(&none);
    for (size_t i = 0; i < sy_setting_row_count; i++) {
        const struct sy_setting_row *row = &sy_setting_rows[i];
        struct sy_yaml node = {.kind = row->kind == SY_KIND_CIDRS ? SY_YAML_LIST : SY_YAML_SCALAR,
                               .text = sy_str_of(row->fallback)};
        if (row->fallback)
            sy_setting_value_read(settings, row, &node, NULL, &none);
    }
    sy_faults_release(&none);
    settings->vendor_count = vendor_count < SY_VENDORS_MAX ? vendor_count : SY_VENDORS_MAX;
    for (size_t v = 0; v < settings->vendor_count; v++) {
        struct sy_vendor_config *config = &settings->vendors[v];
        config->vendor = vendors[v];
        for (size_t i = 0; vendors[v]->settings && vendors[v]->settings[i].name; i++) {
            if (vendors[v]->settings[i].fallback)
                config->settings[i] = sy_ref_parse(sy_str_of(vendors[v]->settings[i].fallback));
        }
    }
}

/* ---- vendors ---- */

static void read_vendor_setting(const struct load *load, const struct sy_setting *setting,
                                const struct sy_yaml *node, struct sy_ref *ref)
{
    struct sy_ref value;
    bool flag;

    if (setting->flags & SY_SETTING_BOOL) {
        if (!sy_yaml_bool(node, load->faults, &flag))
            return;
        *ref = sy_ref_parse(node->text);
        return;
    }
    if (!sy_ref_read(node, (setting->flags & SY_SETTING_SECRET) != 0, load->faults, &value))
        return;
    if ((setting->flags & SY_SETTING_URL) && value.kind == SY_REF_LITERAL &&
        !sy_url_read(node, load->faults, &value.text))
        return;
    *ref = value;
}

static void warn_if_absent(const struct load *load, const struct sy_vendor_config *config,
                           const struct sy_yaml *node)
{
    const struct sy_setting *setting = config->vendor->settings;
    for (size_t i = 0; setting && setting[i].name; i++) {
        if ((setting[i].flags & SY_SETTING_REQUIRED) && !config->settings[i].set)
            sy_fault_warn(load->faults, node->key, "%s will be absent: it needs %s (%s)",
                          config->vendor->name, setting[i].name, setting[i].help);
    }
}

static void read_vendor(const struct load *load, struct sy_vendor_config *config,
                        const struct sy_yaml *node)
{
    const char *known[SY_VENDOR_SETTINGS_MAX + 1] = {NULL};
    const struct sy_setting *setting = config->vendor->settings;

    config->present = true;
    if (!sy_yaml_is_null(node) && !sy_yaml_expect(node, SY_YAML_MAP, load->faults))
        return;
    for (size_t i = 0; i < SY_VENDOR_SETTINGS_MAX && setting && setting[i].name; i++) {
        const struct sy_yaml *value = sy_yaml_get(node, setting[i].name);
        known[i] = setting[i].name;
        if (value && !sy_yaml_is_null(value))
            read_vendor_setting(load, &setting[i], value, &config->settings[i]);
    }
    sy_yaml_refuse_unknown(node, known, load->faults);
    warn_if_absent(load, config, node);
}

static void read_vendors(const struct load *load, const struct sy_yaml *map)
{
    const char *known[SY_VENDORS_MAX + 1] = {NULL};

    if (sy_yaml_is_null(map) || !sy_yaml_expect(map, SY_YAML_MAP, load->faults))
        return;
    for (size_t v = 0; v < load->settings->vendor_count; v++) {
        struct sy_vendor_config *config = &load->settings->vendors[v];
        const struct sy_yaml *node = sy_yaml_get(map, config->vendor->name);
        known[v] = config->vendor->name;
        if (node)
            read_vendor(load, config, node);
    }
    sy_yaml_refuse_unknown(map, known, load->faults);
}

static void read_named(const struct load *load, const struct sy_yaml *map)
{
    if (sy_yaml_is_null(map) || !sy_yaml_expect(map, SY_YAML_MAP, load->faults))
        return;
    for (const struct sy_yaml *at = map->first; at; at = at->next) {
        struct sy_ref ref;
        if (!sy_name_is_valid(at->key->text)) {
            sy_fault(load->faults, at->key,
                     "a secret's name is 1 to 128 letters, digits, '_', '-' or '.'");
            continue;
        }
        if (!sy_ref_read(at, true, load->faults, &ref))
            continue;
        if (load->settings->named_count == SY_NAMED_SECRETS_MAX) {
            sy_fault(load->faults, at->key, "at most %d named secrets", SY_NAMED_SECRETS_MAX);
            return;
        }
        load->settings->named[load->settings->named_count].name = at->key->text;
        load->settings->named[load->settings->named_count++].ref = ref;
    }
}

/* ---- the walk ---- */

static const struct sy_setting_row *find_row(struct sy_str path)
{
    for (size_t i = 0; i < sy_setting_row_count; i++) {
        if (sy_str_eq(sy_str_of(sy_setting_rows[i].path), path))
            return &sy_setting_rows[i];
    }
    return NULL;
}

/* The names that may stand directly below `prefix` ("" or "ledger."), NULL-ended, in the arena. */
static void names_below(const struct load *load, struct sy_str prefix, const char **names,
                        size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < sy_setting_row_count && count + 3 < max; i++) {
        struct sy_str path = sy_str_of(sy_setting_rows[i].path), name;
        if (!sy_str_starts(path, prefix))
            continue;
        path = sy_str_skip(path, prefix.len);
        sy_str_split(&path, '.', &name);
        if (count > 0 && sy_str_eq(sy_str_of(names[count - 1]), name))
            continue;
        names[count] = sy_arena_z(load->arena, name);
        if (!names[count++])
            return;
    }
    if (prefix.len == 0)
        names[count++] = "vendors";
    if (sy_str_eq(prefix, SY_STR("secrets.")))
        names[count++] = "named";
    names[count] = NULL;
}

static bool is_section(struct sy_str prefix)
{
    for (size_t i = 0; i < sy_setting_row_count; i++) {
        if (sy_str_starts(sy_str_of(sy_setting_rows[i].path), prefix))
            return true;
    }
    return false;
}

static void read_section(const struct load *load, const struct sy_yaml *map, struct sy_str prefix);

static void read_member(const struct load *load, const struct sy_yaml *at, struct sy_str path)
{
    const struct sy_setting_row *row = find_row(path);
    char below[PATH_MAX_BYTES + 1];

    if (sy_str_eq(path, SY_STR("vendors"))) {
        read_vendors(load, at);
    } else if (sy_str_eq(path, SY_STR("secrets.named"))) {
        read_named(load, at);
    } else if (row) {
        if (!sy_yaml_is_null(at))
            sy_setting_value_read(load->settings, row, at, load->arena, load->faults);
    } else {
        memcpy(below, path.ptr, path.len);
        below[path.len] = '.';
        if (is_section(sy_str_from(below, path.len + 1)))
            read_section(load, at, sy_str_from(below, path.len + 1));
    }
}

static void read_section(const struct load *load, const struct sy_yaml *map, struct sy_str prefix)
{
    const char *known[40] = {NULL};
    char path[PATH_MAX_BYTES];

    if (sy_yaml_is_null(map) || !sy_yaml_expect(map, SY_YAML_MAP, load->faults))
        return;
    names_below(load, prefix, known, SY_ARRAY_LEN(known));
    sy_yaml_refuse_unknown(map, known, load->faults);
    for (const struct sy_yaml *at = map->first; at; at = at->next) {
        struct sy_str name = at->key->text;
        if (prefix.len + name.len > sizeof(path))
            continue;
        memcpy(path, prefix.ptr, prefix.len);
        memcpy(path + prefix.len, name.ptr ? name.ptr : "", name.len);
        read_member(load, at, sy_str_from(path, prefix.len + name.len));
    }
}

/* ---- what concerns several settings ---- */

/* Relative paths are meant from the file's folder, not from wherever the program was started. */
static struct sy_str beside(const struct load *load, struct sy_str path)
{
    struct sy_str file = load->settings->file;
    size_t folder = file.len;
    const struct sy_str parts[] = {file, path};
    struct sy_str both[2];

    while (folder > 0 && file.ptr[folder - 1] != '/')
        folder--;
    if (folder == 0 || path.len == 0 || path.ptr[0] == '/')
        return path;
    both[0] = sy_str_head(parts[0], folder);
    both[1] = path;
    return sy_arena_join(load->arena, both, 2);
}

static void check_infisical(const struct load *load, const struct sy_yaml *root)
{
    struct sy_settings *s = load->settings;
    const struct sy_yaml *node = sy_yaml_get(sy_yaml_get(root, "secrets"), "infisical");

    if (!node || node->kind != SY_YAML_MAP)
        return;
    s->infisical.present = true;
    if (!s->infisical.url.ptr)
        s->infisical.url = SY_STR("https://app.infisical.com");
    if (!s->infisical.environment.ptr)
        s->infisical.environment = SY_STR("prod");
    if (!sy_yaml_get(node, "client_id"))
        sy_fault(load->faults, node->key, "client_id is missing");
    if (!sy_yaml_get(node, "client_secret"))
        sy_fault(load->faults, node->key, "client_secret is missing");
    if (!sy_yaml_get(node, "project"))
        sy_fault(load->faults, node->key, "project is missing");
}

static void check_ref_has_server(const struct load *load, const struct sy_ref *ref)
{
    struct sy_yaml at = {.file = ref->file, .line = ref->line, .column = ref->column};
    if (ref->set && ref->kind == SY_REF_INFISICAL && !load->settings->infisical.present)
        sy_fault(load->faults, &at, "refers to Infisical, but secrets.infisical is not set");
}

/* Port 0 is another one each time. */
static void check_addresses(const struct load *load, const struct sy_yaml *root)
{
    const struct sy_settings *s = load->settings;
    const struct sy_yaml *node = sy_yaml_get(root, "admin_listen");

    if (sy_str_eq(s->listen, s->admin_listen) && !sy_str_ends(s->listen, SY_STR(":0")))
        sy_fault(load->faults, node ? node->key : root, "listen and admin_listen are both %.*s",
                 SY_FMT(s->listen));
}

static void check_whole(const struct load *load, const struct sy_yaml *root)
{
    struct sy_settings *s = load->settings;
    const struct sy_yaml *tls = sy_yaml_get(root, "tls");

    check_infisical(load, root);
    check_addresses(load, root);
    if (tls && s->tls_certificate.set != s->tls_key.set)
        sy_fault(load->faults, tls->key, "certificate and key belong together; one is missing");
    for (size_t i = 0; i < s->named_count; i++)
        check_ref_has_server(load, &s->named[i].ref);
    check_ref_has_server(load, &s->github.token);
    check_ref_has_server(load, &s->github.base_url);
    for (size_t v = 0; v < s->vendor_count; v++) {
        for (size_t i = 0; i < SY_VENDOR_SETTINGS_MAX; i++)
            check_ref_has_server(load, &s->vendors[v].settings[i]);
    }
    s->policies = beside(load, s->policies);
    if (s->tls_certificate.kind == SY_REF_LITERAL)
        s->tls_certificate.text = beside(load, s->tls_certificate.text);
    if (s->tls_key.kind == SY_REF_LITERAL)
        s->tls_key.text = beside(load, s->tls_key.text);
}

int sy_settings_read(struct sy_settings *settings, struct sy_str text, struct sy_str file,
                     const struct sy_vendor *const *vendors, size_t vendor_count,
                     struct sy_arena *arena, struct sy_faults *faults)
{
    struct load load = {.settings = settings, .arena = arena, .faults = faults};
    unsigned before = faults->errors;
    struct sy_yaml *root;

    sy_settings_default(settings, vendors, vendor_count);
    settings->file = sy_arena_copy(arena, file);
    root = sy_yaml_read(text, file, arena, faults);
    if (!root)
        return SY_INVALID;
    read_section(&load, root, SY_STR(""));
    check_whole(&load, root);
    if (arena->failed)
        return SY_NOMEM;
    return faults->errors == before ? SY_OK : SY_INVALID;
}
