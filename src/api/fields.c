#include "api/fields.h"

#include <string.h>

#define TEXT_MAX 1024
#define SHOWN_NAME_MAX 64u

/* ---- pointers ---- */

static struct sy_str pointer_to(struct sy_arena *arena, struct sy_str parent, struct sy_str name)
{
    struct sy_buf out;

    sy_buf_init_arena(&out, arena, 1024);
    sy_buf_append(&out, parent);
    sy_buf_append_char(&out, '/');
    for (size_t i = 0; i < name.len && i < SHOWN_NAME_MAX; i++) {
        if (name.ptr[i] == '~')
            sy_buf_append_z(&out, "~0");
        else if (name.ptr[i] == '/')
            sy_buf_append_z(&out, "~1");
        else
            sy_buf_append_char(&out, name.ptr[i]);
    }
    return sy_buf_str(&out);
}

static struct sy_str element_of(struct sy_arena *arena, struct sy_str parent, size_t index)
{
    return sy_arena_printf(arena, "%.*s/%zu", SY_FMT(parent), index);
}

/* ---- values ---- */

/*
 * Half a surrogate pair would be decoded to U+FFFD, so that two different texts would look alike:
 * nothing that we compare or decide on may hold one. `raw` is a valid JSON string.
 */
static bool has_lone_surrogate(struct sy_str raw)
{
    bool high = false;

    if (!memchr(raw.ptr, '\\', raw.len))
        return false;
    for (size_t i = 0; i + 1 < raw.len; i++) {
        bool unit = false, low = false, next_high = false;

        if (raw.ptr[i] == '\\') {
            unit = raw.ptr[i + 1] == 'u' && i + 5 < raw.len &&
                   (raw.ptr[i + 2] == 'd' || raw.ptr[i + 2] == 'D');
            next_high = unit && strchr("89aAbB", raw.ptr[i + 3]);
            low = unit && strchr("cCdDeEfF", raw.ptr[i + 3]);
            i += raw.ptr[i + 1] == 'u' ? 5 : 1;
        }
        if (high != low)
            return true;
        high = next_high;
    }
    return high;
}

static const char *const kind_words[] = {
    [API_FIELD_TEXT] = "a string",           [API_FIELD_I64] = "a whole number",
    [API_FIELD_BOOL] = "true or false",      [API_FIELD_OBJECT] = "an object",
    [API_FIELD_NAMES] = "a list of strings", [API_FIELD_PAIRS] = "an object of strings",
};

static bool read_string(struct sy_json value, struct sy_str pointer, struct api_errors *errors,
                        struct sy_str *ret)
{
    int status;

    if (value.type != SY_JSON_STRING) {
        api_error_at(errors, pointer, "must be a string");
        return false;
    }
    status = sy_json_string(value, errors->arena, true, ret);
    if (status == SY_OK && !has_lone_surrogate(value.raw))
        return true;
    api_error_at(errors, pointer, "%s",
                 status == SY_INVALID ? "must not hold U+0000"
                 : status == SY_OK    ? "holds half of a surrogate pair"
                                      : "is too large");
    return false;
}

static bool read_text(const struct api_field *field, struct sy_json value, struct sy_str pointer,
                      struct api_errors *errors, struct sy_str *ret)
{
    size_t max = field->max ? (size_t)field->max : TEXT_MAX;
    const char *wrong = NULL;
    struct sy_str text;

    if (!read_string(value, pointer, errors, &text))
        return false;
    if (!text.len)
        wrong = "must not be empty";
    else if (field->check)
        wrong = field->check(text);
    if (!wrong && text.len > max) {
        api_error_at(errors, pointer, "is longer than %zu bytes", max);
        errors->names += field->is_name;
        return false;
    }
    if (wrong) {
        api_error_at(errors, pointer, "%s", wrong);
        errors->names += field->is_name;
        return false;
    }
    *ret = text;
    return true;
}

static bool read_i64(const struct api_field *field, struct sy_json value, struct sy_str pointer,
                     struct api_errors *errors, int64_t *ret)
{
    int64_t number;

    if (!sy_json_i64(value, &number)) {
        api_error_at(errors, pointer, "must be a whole number");
        return false;
    }
    if (number < field->min || number > field->max) {
        api_error_at(errors, pointer, "must be between %lld and %lld", (long long)field->min,
                     (long long)field->max);
        return false;
    }
    *ret = number;
    return true;
}

static bool read_names(const struct api_field *field, struct sy_json value, struct sy_str pointer,
                       struct api_errors *errors, struct api_names *ret)
{
    size_t count = sy_json_count(value), at = 0;
    struct sy_json_iter iter = sy_json_iter(value);
    struct sy_json item;
    struct sy_str none;
    bool good = true;

    if (count > API_LIST_MAX) {
        api_error_at(errors, pointer, "has more than %u elements", API_LIST_MAX);
        return false;
    }
    ret->items = sy_arena_array(errors->arena, count + 1, sizeof(*ret->items));
    if (!ret->items)
        return false;
    for (; sy_json_next(&iter, &none, &item); at++)
        good = read_text(field, item, element_of(errors->arena, pointer, at), errors,
                         &ret->items[at]) &&
               good;
    ret->count = good ? count : 0;
    return good;
}

static bool read_pairs(struct sy_json value, struct sy_str pointer, struct api_errors *errors,
                       struct api_pairs *ret)
{
    size_t count = sy_json_count(value), at = 0;
    struct sy_json_iter iter = sy_json_iter(value);
    struct sy_json item;
    struct sy_str raw;
    bool good = true;

    if (count > API_LIST_MAX || sy_json_has_duplicates(value, errors->arena)) {
        api_error_at(errors, pointer, "has a member twice, or more than %u", API_LIST_MAX);
        return false;
    }
    ret->items = sy_arena_array(errors->arena, count + 1, sizeof(*ret->items));
    if (!ret->items)
        return false;
    for (; sy_json_next(&iter, &raw, &item); at++) {
        struct sy_pair *pair = &ret->items[at];
        struct sy_json name = {.type = SY_JSON_STRING, .raw = raw};

        good = read_string(name, pointer, errors, &pair->name) &&
               read_string(item, pointer_to(errors->arena, pointer, pair->name), errors,
                           &pair->value) &&
               good;
        if (good && (api_check_line(pair->name) || api_check_line(pair->value) ||
                     pair->name.len > 64 || pair->value.len > 256)) {
            api_error_at(errors, pointer_to(errors->arena, pointer, pair->name),
                         "names have 1 to 64, values 1 to 256 bytes without control characters");
            good = false;
        }
    }
    ret->count = good ? count : 0;
    return good;
}

static bool has_type(enum api_field_kind kind, enum sy_json_type type)
{
    switch (kind) {
    case API_FIELD_TEXT:
        return type == SY_JSON_STRING;
    case API_FIELD_I64:
        return type == SY_JSON_NUMBER;
    case API_FIELD_BOOL:
        return type == SY_JSON_TRUE || type == SY_JSON_FALSE;
    case API_FIELD_OBJECT:
    case API_FIELD_PAIRS:
        return type == SY_JSON_OBJECT;
    case API_FIELD_NAMES:
        return type == SY_JSON_ARRAY;
    }
    return false;
}

static struct sy_str name_of(const struct api_field *field)
{
    return sy_str_of(field->pointer + 1);
}

static void read_value(const struct api_field *field, struct sy_json value, void *out,
                       struct api_errors *errors)
{
    struct sy_str pointer = sy_str_of(field->pointer);
    void *at = (char *)out + field->offset;

    if (!has_type(field->kind, value.type)) {
        api_error_at(errors, pointer, "must be %s", kind_words[field->kind]);
        return;
    }
    switch (field->kind) {
    case API_FIELD_TEXT:
        (void)read_text(field, value, pointer, errors, at);
        return;
    case API_FIELD_I64:
        (void)read_i64(field, value, pointer, errors, at);
        return;
    case API_FIELD_BOOL:
        *(bool *)at = value.type == SY_JSON_TRUE;
        return;
    case API_FIELD_OBJECT:
        *(struct sy_str *)at = value.raw;
        return;
    case API_FIELD_NAMES:
        (void)read_names(field, value, pointer, errors, at);
        return;
    case API_FIELD_PAIRS:
        (void)read_pairs(value, pointer, errors, at);
        return;
    }
}

/* ---- objects ---- */

static void unknown_member(struct sy_str raw_name, const struct api_field *fields, size_t count,
                           struct api_errors *errors)
{
    struct sy_json value = {.type = SY_JSON_STRING, .raw = raw_name};
    struct sy_str name = {NULL, 0}, pointer;
    const char *near = NULL;

    if (sy_json_string(value, errors->arena, false, &name) != SY_OK)
        name = SY_STR("");
    pointer = pointer_to(errors->arena, SY_STR(""), name);
    for (size_t i = 0; i < count && name.len <= SHOWN_NAME_MAX; i++)
        if (sy_str_distance(name, name_of(&fields[i]), 2) <= 2)
            near = fields[i].pointer + 1;
    if (near)
        api_error_at(errors, pointer, "is not a member of this request; did you mean %s?", near);
    else
        api_error_at(errors, pointer, "is not a member of this request");
}

/* Which members were given, and which of them with a value. */
struct members {
    uint32_t seen, filled;
};

/* Most names differ in their first byte, and none has an escape: what needs more has to wait. */
static bool is_named(const struct api_field *field, struct sy_str raw_name)
{
    const char *name = field->pointer + 1;
    size_t len = raw_name.len - 2;

    if (raw_name.ptr[1] != name[0] && raw_name.ptr[1] != '\\')
        return false;
    if (strncmp(raw_name.ptr + 1, name, len) == 0 && !name[len])
        return true;
    return memchr(raw_name.ptr, '\\', raw_name.len) && sy_json_name_is(raw_name, name_of(field));
}

static void read_member(struct sy_str raw_name, struct sy_json value,
                        const struct api_field *fields, size_t count, void *out,
                        struct api_errors *errors, struct members *members)
{
    size_t at = 0;

    while (at < count && !is_named(&fields[at], raw_name))
        at++;
    if (at == count) {
        unknown_member(raw_name, fields, count, errors);
        return;
    }
    if (members->seen & 1u << at) {
        api_error_at(errors, sy_str_of(fields[at].pointer), "stands twice");
        return;
    }
    members->seen |= 1u << at;
    if (value.type == SY_JSON_NULL)
        return;
    members->filled |= 1u << at;
    read_value(&fields[at], value, out, errors);
}

bool api_fields_read(struct sy_str body, const struct api_field *fields, size_t count, void *out,
                     struct api_errors *errors, uint32_t *ret_seen)
{
    struct sy_json_fault fault = {0};
    struct sy_json_iter iter;
    struct sy_json root, value;
    struct members members = {0};
    struct sy_str name;

    if (sy_json_read_listed(body, SY_JSON_DEPTH_MAX, errors->arena, &root, &fault) != SY_OK) {
        errors->broken = true;
        api_error_at(errors, SY_STR(""), "%s (byte %zu)", fault.why, fault.offset);
        return false;
    }
    if (root.type != SY_JSON_OBJECT) {
        api_error_at(errors, SY_STR(""), "must be an object");
        return false;
    }
    iter = sy_json_iter(root);
    /* A fault that is no longer told is not looked for: there may be one for every eight bytes. */
    while (errors->count <= API_ERRORS_MAX && sy_json_next(&iter, &name, &value))
        read_member(name, value, fields, count, out, errors, &members);
    for (size_t i = 0; i < count && errors->count < API_ERRORS_MAX; i++) {
        if (fields[i].required && !(members.filled & 1u << i))
            api_error_at(errors, sy_str_of(fields[i].pointer), "is required");
    }
    *ret_seen = members.seen;
    return errors->count == 0;
}
