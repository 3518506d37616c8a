#include "cli/config_load.h"

#include <string.h>

#include "vendors/vendors.h"

#define CONFIG_BYTES_MAX ((size_t)1 << 20)

void sy_config_default(struct sy_config *ret)
{
    size_t count;
    const struct sy_vendor *const *vendors = sy_vendors(&count);

    memset(ret, 0, sizeof(*ret));
    sy_arena_init(&ret->arena, (size_t)16 << 20);
    sy_settings_default(&ret->settings, vendors, count);
    ret->folder = SY_STR(".");
}

int sy_config_load(struct sy_str file, struct sy_config *ret, struct sy_faults *faults)
{
    struct sy_err err = SY_ERR_INIT;
    size_t count;
    const struct sy_vendor *const *vendors = sy_vendors(&count);
    struct sy_str text;
    int status;

    sy_config_default(ret);
    file = sy_arena_copy(&ret->arena, file);
    status = sy_file_read_kept(file, CONFIG_BYTES_MAX, &ret->arena, &text, &err);
    if (status != SY_OK) {
        sy_fault(faults, NULL, "%s", err.text);
        return status;
    }
    ret->folder = sy_path_folder(file);
    return sy_settings_read(&ret->settings, text, file, vendors, count, &ret->arena, faults);
}

void sy_config_release(struct sy_config *config)
{
    sy_arena_release(&config->arena);
}

static size_t vendor_names(struct sy_str names[SY_VENDORS_MAX])
{
    size_t count;
    const struct sy_vendor *const *vendors = sy_vendors(&count);

    for (size_t i = 0; i < count; i++)
        names[i] = sy_str_of(vendors[i]->name);
    return count;
}

/* Only where nobody named a place may the built-in policy stand in for a missing one: rules that
 * deny must not vanish with a folder's name. */
static bool is_default(const struct sy_config *config)
{
    struct sy_str path = config->settings.policies;

    return !path.len || sy_str_eq(path, SY_STR("policies/")) ||
           (sy_str_ends(path, SY_STR("/policies/")) &&
            sy_str_eq(sy_str_head(path, path.len - strlen("/policies/")), config->folder));
}

static bool says_nothing(struct sy_str text)
{
    bool comment = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        comment = c == '#' || (comment && c != '\n');
        if (!comment && c != ' ' && c != '\t' && c != '\r' && c != '\n')
            return false;
    }
    return true;
}

/* An empty policy would mean the defaults, without a rule or a limit; an empty file is rather one
 * that is being written, or could not be. */
static int refuse_empty(const struct sy_policy_source *sources, size_t count,
                        struct sy_faults *faults)
{
    int status = SY_OK;

    for (size_t i = 0; i < count; i++) {
        struct sy_yaml at = {.file = sources[i].file, .line = 1, .column = 1};

        if (!says_nothing(sources[i].text))
            continue;
        sy_fault(faults, &at, "the file says nothing (a policy says at least \"version: 1\")");
        status = SY_INVALID;
    }
    return status;
}

int sy_policy_from_config(const struct sy_config *config, struct sy_loaded_policy *ret,
                          struct sy_faults *faults)
{
    struct sy_policy_source sources[SY_POLICY_FILES_MAX];
    struct sy_str names[SY_VENDORS_MAX];
    struct sy_err err = SY_ERR_INIT;
    size_t count = 0;
    int status = SY_NOT_FOUND;

    memset(ret, 0, sizeof(*ret));
    sy_arena_init(&ret->arena, (size_t)64 << 20);
    if (config->settings.policies.len)
        status = sy_policy_files(config->settings.policies, &ret->arena, sources, &count, &err);
    if (status == SY_OK && !count && !is_default(config))
        status =
            sy_err_set(&err, SY_INVALID, "%.*s holds no *.yaml", SY_FMT(config->settings.policies));
    if (status != SY_OK && !(status == SY_NOT_FOUND && is_default(config))) {
        sy_fault(faults, NULL, "%s", err.text);
        goto out;
    }
    status = refuse_empty(sources, count, faults);
    if (status != SY_OK)
        goto out;
    ret->built_in = !count;
    if (!count) {
        sy_fault_warn(faults, NULL, "%.*s holds no policy: the built-in one is in force",
                      SY_FMT(config->settings.policies));
        sources[0].file = SY_STR("(built-in policy)");
        sources[0].text = sy_policy_default_text();
        count = 1;
    }
    ret->policy = sy_arena_zalloc(&ret->arena, sizeof(*ret->policy));
    status = ret->policy ? sy_policy_load(sources, count, names, vendor_names(names), &ret->arena,
                                          ret->policy, faults)
                         : SY_NOMEM;
out:
    if (status != SY_OK)
        sy_arena_release(&ret->arena);
    return status;
}
