#include "cli/arguments.h"

#define ARGUMENTS_MAX ((size_t)64 << 20)

int cli_pair_read(struct sy_str word, struct cli_pair *ret, struct sy_err *err)
{
    size_t equals = sy_str_find_char(word, '=');
    struct sy_json value;
    struct sy_json_fault fault;

    if (equals == (size_t)-1)
        return sy_err_set(err, SY_INVALID, "\"%.*s\" is neither name=text nor name:=json",
                          SY_FMT(word));
    ret->raw = equals > 0 && word.ptr[equals - 1] == ':';
    ret->name = sy_str_head(word, ret->raw ? equals - 1 : equals);
    ret->value = sy_str_skip(word, equals + 1);
    if (!ret->name.len)
        return sy_err_set(err, SY_INVALID, "\"%.*s\" has no name before the '='", SY_FMT(word));
    if (!sy_str_is_utf8(word))
        return sy_err_set(err, SY_INVALID, "%.*s is not UTF-8", SY_FMT(ret->name));
    if (!ret->raw)
        return SY_OK;
    if (sy_json_read(ret->value, SY_JSON_DEPTH_MAX, &value, &fault) != SY_OK)
        return sy_err_set(err, SY_INVALID, "%.*s is not JSON: %s at byte %zu", SY_FMT(ret->name),
                          fault.why, fault.offset);
    ret->value = value.raw;
    return SY_OK;
}

int cli_arguments(const struct sy_str *words, size_t count, struct sy_arena *arena,
                  struct sy_str *ret_json, struct sy_err *err)
{
    struct cli_pair *pairs = sy_arena_array(arena, count ? count : 1, sizeof(*pairs));
    struct sy_json_writer w;
    struct sy_buf out;

    if (!pairs)
        return sy_err_set(err, SY_NOMEM, "no memory for the arguments");
    sy_buf_init_arena(&out, arena, ARGUMENTS_MAX);
    sy_jw_init(&w, &out);
    sy_jw_object(&w);
    for (size_t i = 0; i < count; i++) {
        int status = cli_pair_read(words[i], &pairs[i], err);

        if (status != SY_OK)
            return status;
        for (size_t before = 0; before < i; before++)
            if (sy_str_eq(pairs[before].name, pairs[i].name))
                return sy_err_set(err, SY_INVALID, "%.*s is given twice", SY_FMT(pairs[i].name));
        sy_jw_name_str(&w, pairs[i].name);
        if (pairs[i].raw)
            sy_jw_raw(&w, pairs[i].value);
        else
            sy_jw_str(&w, pairs[i].value);
    }
    sy_jw_object_end(&w);
    *ret_json = sy_buf_str(&out);
    return sy_buf_ok(&out) ? SY_OK : sy_err_set(err, SY_NOMEM, "the arguments are too long");
}
