/*
 * A map's renames. Only the renamed keys change; every other octet of the caller's text stays. A
 * key that stands twice is renamed twice; an argument that already has the new name is a collision.
 */
#include "resolve/resolve.h"

#define ERRORS_MAX (16u << 10)

static const struct sy_pair *rename_of(const struct sy_candidate *c, struct sy_str raw_name)
{
    for (size_t i = 0; i < c->rename_count; i++) {
        if (sy_json_name_is(raw_name, c->renames[i].name))
            return &c->renames[i];
    }
    return NULL;
}

/* The rename whose new name this argument has already, without being renamed itself. */
static const struct sy_pair *taken_by(const struct sy_candidate *c, struct sy_str raw_name)
{
    for (size_t i = 0; i < c->rename_count; i++) {
        if (sy_json_name_is(raw_name, c->renames[i].value))
            return &c->renames[i];
    }
    return NULL;
}

static bool is_present(struct sy_json arguments, struct sy_str name)
{
    return sy_json_get(arguments, name).type != SY_JSON_NONE;
}

/* RFC 6901: '~' and '/' of a name are escaped in a pointer. */
static void append_pointer(struct sy_buf *out, struct sy_str name)
{
    sy_buf_append_char(out, '/');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '~')
            sy_buf_append_z(out, "~0");
        else if (name.ptr[i] == '/')
            sy_buf_append_z(out, "~1");
        else
            sy_buf_append_char(out, name.ptr[i]);
    }
}

static int refuse(const struct sy_pair *pair, struct sy_arena *arena, struct sy_failure *ret)
{
    const struct sy_str words[] = {SY_STR("this vendor calls "), pair->name, SY_STR(" "),
                                   pair->value, SY_STR("; only one of both may be given")};
    struct sy_buf out, pointer;
    struct sy_json_writer w;

    *ret = (struct sy_failure){.code = SY_CODE_INVALID_ARGUMENTS, .cause = SY_CAUSE_BAD_FIELD};
    ret->detail = sy_arena_join(arena, words, SY_ARRAY_LEN(words));
    sy_buf_init_arena(&pointer, arena, ERRORS_MAX);
    sy_buf_append_z(&pointer, "/arguments");
    append_pointer(&pointer, pair->value);
    sy_buf_init_arena(&out, arena, ERRORS_MAX);
    sy_jw_init(&w, &out);
    sy_jw_array(&w);
    sy_jw_object(&w);
    sy_jw_member_str(&w, "pointer", sy_buf_str(&pointer));
    sy_jw_member_str(&w, "detail", ret->detail);
    sy_jw_object_end(&w);
    sy_jw_array_end(&w);
    if (sy_buf_ok(&pointer) && sy_buf_ok(&out))
        ret->errors = sy_buf_str(&out);
    return SY_INVALID;
}

/* Two old names of one new name, or an argument that has the new name. NULL: none. */
static const struct sy_pair *collision(const struct sy_candidate *c, struct sy_json arguments,
                                       bool *ret_any)
{
    struct sy_json_iter iter = sy_json_iter(arguments);
    struct sy_str name;
    struct sy_json value;

    while (sy_json_next(&iter, &name, &value)) {
        const struct sy_pair *pair = rename_of(c, name), *target = taken_by(c, name);
        if (!pair && target && is_present(arguments, target->name))
            return target;
        for (size_t i = 0; pair && i < c->rename_count; i++) {
            const struct sy_pair *other = &c->renames[i];
            if (other != pair && sy_str_eq(other->value, pair->value) &&
                is_present(arguments, other->name))
                return pair;
        }
        *ret_any = *ret_any || pair;
    }
    return NULL;
}

static struct sy_str splice(const struct sy_candidate *c, struct sy_json arguments,
                            struct sy_arena *arena)
{
    struct sy_json_iter iter = sy_json_iter(arguments);
    const char *from = arguments.raw.ptr, *end = arguments.raw.ptr + arguments.raw.len;
    size_t most = arguments.raw.len + 2;
    struct sy_str name;
    struct sy_json value;
    struct sy_buf out;

    while (sy_json_next(&iter, &name, &value)) {
        const struct sy_pair *pair = rename_of(c, name);
        most += pair ? 6 * pair->value.len + 2 : 0;
    }
    sy_buf_init_arena(&out, arena, most);
    sy_buf_reserve(&out, most);
    iter = sy_json_iter(arguments);
    while (sy_json_next(&iter, &name, &value)) {
        const struct sy_pair *pair = rename_of(c, name);
        if (!pair)
            continue;
        sy_buf_append(&out, sy_str_from(from, (size_t)(name.ptr - from)));
        sy_json_quote(&out, pair->value);
        from = name.ptr + name.len;
    }
    sy_buf_append(&out, sy_str_from(from, (size_t)(end - from)));
    return sy_buf_ok(&out) ? sy_buf_str(&out) : (struct sy_str){NULL, 0};
}

int sy_resolve_arguments(const struct sy_candidate *candidate, struct sy_str arguments,
                         struct sy_arena *arena, struct sy_str *ret_arguments,
                         struct sy_failure *ret_failure)
{
    const struct sy_pair *clash;
    struct sy_json root;
    bool any = false;

    *ret_arguments = arguments;
    if (candidate->rename_count == 0 || arguments.len == 0)
        return SY_OK;
    if (sy_json_read(arguments, SY_JSON_DEPTH_MAX, &root, NULL) != SY_OK ||
        root.type != SY_JSON_OBJECT) {
        *ret_failure = (struct sy_failure){.code = SY_CODE_INVALID_REQUEST,
                                           .cause = SY_CAUSE_BAD_JSON,
                                           .detail = SY_STR("arguments must be a JSON object")};
        return SY_INVALID;
    }
    clash = collision(candidate, root, &any);
    if (clash)
        return refuse(clash, arena, ret_failure);
    if (!any)
        return SY_OK;
    *ret_arguments = splice(candidate, root, arena);
    if (ret_arguments->ptr)
        return SY_OK;
    *ret_failure = (struct sy_failure){.code = SY_CODE_OVERLOADED, .cause = SY_CAUSE_MEMORY};
    return SY_NOMEM;
}
