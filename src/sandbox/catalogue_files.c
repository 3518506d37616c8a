/* The real catalogues, as lists of names (--catalogue DIR): what the vendors list, search and probe
 * on. Tools of theirs that are not built in answer what they were asked. */
#include "sandbox/internal.h"

#include <stdio.h>

#define FILE_MAX ((size_t)32 << 20)

static int read_file(struct sy_sandbox *sb, struct sy_str dir, const char *name,
                     struct sy_str *ret_text, struct sy_err *err)
{
    struct sy_buf text;
    int status = SY_ERR;
    struct sy_str path = sy_arena_printf(&sb->mem, "%.*s/%s", SY_FMT(dir), name);
    FILE *file = path.ptr ? fopen(path.ptr, "rb") : NULL;
    if (!file)
        return sy_err_set(err, SY_INVALID, "catalogue: cannot read %.*s/%s", SY_FMT(dir), name);
    sy_buf_init_arena(&text, &sb->mem, FILE_MAX);
    for (;;) {
        char *room = sy_buf_reserve(&text, 65536);
        if (!room)
            break;
        size_t got = fread(room, 1, 65536, file);
        if (got == 0) {
            status = ferror(file) ? SY_ERR : SY_OK;
            break;
        }
        sy_buf_grown(&text, got);
    }
    fclose(file);
    if (status)
        return sy_err_set(err, SY_INVALID, "catalogue: %s cannot be read or is too large", name);
    *ret_text = sy_buf_str(&text);
    return SY_OK;
}

static int read_array(struct sy_sandbox *sb, struct sy_str dir, const char *name,
                      struct sy_json_iter *ret_it, struct sy_err *err)
{
    struct sy_str text;
    struct sy_json all;
    struct sy_json_fault fault;
    int status = read_file(sb, dir, name, &text, err);
    if (status)
        return status;
    if (sy_json_read(text, 16, &all, &fault))
        return sy_err_set(err, SY_INVALID, "catalogue: %s: %s at byte %zu", name, fault.why,
                          fault.offset);
    if (all.type != SY_JSON_ARRAY)
        return sy_err_set(err, SY_INVALID, "catalogue: %s is not an array", name);
    *ret_it = sy_json_iter(all);
    return SY_OK;
}

static struct sy_str text_of(struct sy_sandbox *sb, struct sy_json object, const char *name)
{
    return sy_json_text(sy_json_get_z(object, name), &sb->mem);
}

static struct sy_str first_text(struct sy_sandbox *sb, struct sy_json array)
{
    struct sy_json_iter it = sy_json_iter(array);
    struct sy_str none;
    struct sy_json one;
    return sy_json_next(&it, &none, &one) ? sy_json_text(one, &sb->mem) : (struct sy_str){NULL, 0};
}

static void composio_app(struct sy_sandbox *sb, struct sy_json one)
{
    struct sy_sb_app *app =
        sy_sb_app_add(sb, SY_SB_COMPOSIO, text_of(sb, one, "slug"), text_of(sb, one, "name"));
    struct sy_str auth = first_text(sb, sy_json_get_z(one, "auth_schemes"));
    struct sy_str category = first_text(sb, sy_json_get_z(one, "categories"));
    if (!app)
        return;
    app->auth = auth.ptr ? auth : app->auth;
    app->category = category.ptr ? category : app->category;
    app->managed = sy_json_count(sy_json_get_z(one, "managed")) > 0;
    app->no_auth = sy_json_is_true(sy_json_get_z(one, "no_auth"));
}

static void pipedream_app(struct sy_sandbox *sb, struct sy_json one)
{
    struct sy_sb_app *app =
        sy_sb_app_add(sb, SY_SB_PIPEDREAM, text_of(sb, one, "name_slug"), text_of(sb, one, "name"));
    if (app)
        app->managed = app->configured = true;
}

static void scalekit_app(struct sy_sandbox *sb, struct sy_json one)
{
    struct sy_sb_app *app =
        sy_sb_app_add(sb, SY_SB_SCALEKIT, text_of(sb, one, "connector"), text_of(sb, one, "label"));
    struct sy_str category = first_text(sb, sy_json_get_z(one, "categories"));
    struct sy_str auth = text_of(sb, one, "auth_type");
    if (!app)
        return;
    app->category = category.ptr ? category : app->category;
    app->auth = sy_sb_contains(auth, SY_STR("oauth"))    ? SY_STR("OAUTH2")
                : sy_sb_contains(auth, SY_STR("bearer")) ? SY_STR("BEARER_TOKEN")
                                                         : SY_STR("API_KEY");
}

int sy_sb_catalogue_apps(struct sy_sandbox *sb, struct sy_str dir, struct sy_err *err)
{
    static const struct {
        const char *file;
        void (*add)(struct sy_sandbox *sb, struct sy_json one);
    } lists[] = {
        {"composio-toolkits.json", composio_app},
        {"pipedream-apps.json", pipedream_app},
        {"scalekit-connectors.json", scalekit_app},
    };
    for (size_t i = 0; i < SY_ARRAY_LEN(lists); i++) {
        struct sy_json_iter it;
        struct sy_str none;
        struct sy_json one;
        int status = read_array(sb, dir, lists[i].file, &it, err);
        if (status)
            return status;
        while (sy_json_next(&it, &none, &one))
            lists[i].add(sb, one);
    }
    return sb->mem.failed ? sy_err_set(err, SY_NOMEM, "catalogue: no memory") : SY_OK;
}

/* GITHUB_CREATE_AN_ISSUE belongs to the toolkit with the longest slug that begins it. */
static struct sy_sb_app *app_of(struct sy_sandbox *sb, struct sy_str name)
{
    char lower[128];
    if (name.len >= sizeof(lower))
        return NULL;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        lower[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    for (size_t len = name.len; len > 0; len--) {
        struct sy_sb_app *app = len == name.len || lower[len] == '_'
                                    ? sy_sb_app_find(sb, SY_SB_COMPOSIO, sy_str_from(lower, len))
                                    : NULL;
        if (app)
            return app;
    }
    return NULL;
}

static int composio_tools(struct sy_sandbox *sb, struct sy_str dir, struct sy_err *err)
{
    struct sy_str text, line;
    int status = read_file(sb, dir, "composio-tools.txt", &text, err);
    while (!status && sy_str_split(&text, '\n', &line)) {
        struct sy_str name = sy_str_trim(line);
        struct sy_sb_app *app = name.len > 0 ? app_of(sb, name) : NULL;
        if (app && !sy_sb_tool_find(sb, SY_SB_COMPOSIO, name) && !sy_sb_tool_add(sb, app, name))
            status = sy_err_set(err, SY_NOMEM, "catalogue: no memory");
    }
    return status;
}

int sy_sb_catalogue_tools(struct sy_sandbox *sb, struct sy_str dir, struct sy_err *err)
{
    struct sy_json_iter it;
    struct sy_str none;
    struct sy_json one;
    int status = composio_tools(sb, dir, err);
    if (!status)
        status = read_array(sb, dir, "scalekit-tools.json", &it, err);
    while (!status && sy_json_next(&it, &none, &one)) {
        struct sy_str name = text_of(sb, one, "name");
        struct sy_sb_app *app = sy_sb_app_find(sb, SY_SB_SCALEKIT, text_of(sb, one, "slug"));
        if (!app || sy_sb_tool_find(sb, SY_SB_SCALEKIT, name))
            continue;
        struct sy_sb_tool *tool = sy_sb_tool_add(sb, app, name);
        if (!tool)
            return sy_err_set(err, SY_NOMEM, "catalogue: no memory");
        tool->description = text_of(sb, one, "description");
    }
    return status;
}
