/* PATCH: partial rows onto rows, as JSON, so that a field's rules stand in one place. */
#include "api/registry_change.h"

#include "registry/registry.h"
#include "registry/row.h"

#define ROWS_MAX 64u
#define ROWS_JSON_MAX ((size_t)8 << 20)

struct patching {
    struct sy_json patches[ROWS_MAX];
    struct sy_str vendors[ROWS_MAX];
    bool used[ROWS_MAX];
    size_t count;
    struct api_errors *errors;
};

/* The store's own business, whatever a caller sends back. */
static bool is_stamp(struct sy_str raw_name)
{
    return sy_json_name_is(raw_name, SY_STR("row_version")) ||
           sy_json_name_is(raw_name, SY_STR("changed_at"));
}

static bool is_fact(struct sy_str raw_name)
{
    return sy_json_name_is(raw_name, SY_STR("aliases")) ||
           sy_json_name_is(raw_name, SY_STR("criticality"));
}

static bool has_member(struct sy_json object, struct sy_str raw_name)
{
    struct sy_json_iter iter = sy_json_iter(object);
    struct sy_json value;
    struct sy_str name;

    while (sy_json_next(&iter, &name, &value))
        if (sy_str_eq(name, raw_name))
            return true;
    return false;
}

static void read_patch(struct patching *p, size_t at, struct sy_json patch)
{
    struct sy_arena *arena = p->errors->arena;
    struct sy_str pointer = sy_arena_printf(arena, "/%zu", at), given;

    p->patches[at] = patch;
    if (patch.type != SY_JSON_OBJECT) {
        api_error_at(p->errors, pointer, "must be an object");
        return;
    }
    if (sy_json_has_duplicates(patch, arena))
        api_error_at(p->errors, pointer, "has a member twice");
    given = sy_json_text(sy_json_get_z(patch, "vendor"), arena);
    p->vendors[at] = sy_vendor_name_parse(given);
    pointer = sy_arena_printf(arena, "/%zu/vendor", at);
    if (!given.ptr)
        api_error_at(p->errors, pointer, "is required: it says which row is meant");
    else if (!p->vendors[at].ptr)
        api_error_at(p->errors, pointer, "is no vendor known here");
    for (size_t i = 0; i < at && p->vendors[at].ptr; i++)
        if (sy_str_eq(p->vendors[i], p->vendors[at]))
            api_error_at(p->errors, pointer, "stands twice");
}

static bool read_patches(struct patching *p, struct sy_str text)
{
    struct sy_json_fault fault = {0};
    struct sy_json_iter iter;
    struct sy_json root, patch;
    struct sy_str none;

    if (sy_json_read(text, SY_JSON_DEPTH_MAX, &root, &fault) != SY_OK) {
        p->errors->broken = true;
        api_error_at(p->errors, SY_STR(""), "%s (byte %zu)", fault.why, fault.offset);
        return false;
    }
    if (root.type != SY_JSON_ARRAY || !sy_json_count(root) || sy_json_count(root) > ROWS_MAX) {
        api_error_at(p->errors, SY_STR(""), "must be a list of 1 to %u rows", ROWS_MAX);
        return false;
    }
    iter = sy_json_iter(root);
    while (sy_json_next(&iter, &none, &patch))
        read_patch(p, p->count++, patch);
    return p->errors->count == 0;
}

/* ---- writing ---- */

static void write_member(struct sy_json_writer *w, struct sy_str raw_name, struct sy_json value,
                         struct sy_arena *arena)
{
    sy_jw_name_str(w,
                   sy_json_text((struct sy_json){.type = SY_JSON_STRING, .raw = raw_name}, arena));
    sy_jw_raw(w, value.raw);
}

/* Members of a patch that set something. Facts are the toolkit's, so the first row has them. */
static void write_patch(struct sy_json_writer *w, struct sy_json patch, bool facts, bool others,
                        struct sy_arena *arena)
{
    struct sy_json_iter iter = sy_json_iter(patch);
    struct sy_json value;
    struct sy_str name;

    while (sy_json_next(&iter, &name, &value))
        if (value.type != SY_JSON_NULL && !is_stamp(name) && (is_fact(name) ? facts : others))
            write_member(w, name, value, arena);
}

static bool any_patch_has(const struct patching *p, struct sy_str raw_name)
{
    for (size_t i = 0; i < p->count; i++)
        if (has_member(p->patches[i], raw_name))
            return true;
    return false;
}

static void write_old(struct sy_json_writer *w, const struct patching *p, struct sy_json old,
                      struct sy_json patch)
{
    struct sy_json_iter iter = sy_json_iter(old);
    struct sy_json value;
    struct sy_str name;

    while (sy_json_next(&iter, &name, &value)) {
        bool replaced = is_fact(name) ? any_patch_has(p, name) : has_member(patch, name);

        if (!replaced && !is_stamp(name))
            write_member(w, name, value, p->errors->arena);
    }
}

static struct sy_json row_json(const struct api_rows *rows, size_t at, struct sy_arena *arena)
{
    struct sy_json root = {0};
    struct sy_json_writer w;
    struct sy_buf out;

    sy_buf_init_arena(&out, arena, ROWS_JSON_MAX);
    sy_jw_init(&w, &out);
    sy_row_write_json(&w, &rows->rows[at], at ? NULL : rows->facts);
    (void)sy_json_read(sy_buf_str(&out), SY_JSON_DEPTH_MAX, &root, NULL);
    return root;
}

static void write_row(struct sy_json_writer *w, struct patching *p, const struct api_rows *before,
                      size_t at)
{
    struct sy_arena *arena = p->errors->arena;
    struct sy_json none = {0}, patch = none;

    for (size_t i = 0; i < p->count; i++) {
        if (!sy_str_eq(p->vendors[i], before->rows[at].vendor))
            continue;
        patch = p->patches[i];
        p->used[i] = true;
    }
    sy_jw_object(w);
    write_old(w, p, row_json(before, at, arena), patch);
    write_patch(w, patch, false, true, arena);
    for (size_t i = 0; i < p->count && at == 0; i++)
        write_patch(w, p->patches[i], true, false, arena);
    sy_jw_object_end(w);
}

struct sy_str api_rows_patched(const struct api_rows *before, struct sy_str patches,
                               struct api_errors *errors)
{
    struct patching *p = sy_arena_zalloc(errors->arena, sizeof(*p));
    struct sy_str none = {NULL, 0};
    struct sy_json_writer w;
    struct sy_buf out;

    if (!p)
        return none;
    p->errors = errors;
    if (!read_patches(p, patches))
        return none;
    sy_buf_init_arena(&out, errors->arena, ROWS_JSON_MAX);
    sy_jw_init(&w, &out);
    sy_jw_array(&w);
    for (size_t i = 0; i < before->count; i++)
        write_row(&w, p, before, i);
    for (size_t i = 0; i < p->count; i++) {
        if (p->used[i])
            continue;
        sy_jw_object(&w);
        write_patch(&w, p->patches[i], before->count == 0, true, errors->arena);
        sy_jw_object_end(&w);
    }
    sy_jw_array_end(&w);
    return sy_buf_ok(&out) ? sy_buf_str(&out) : none;
}
