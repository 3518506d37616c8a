/* The faults of a request, collected. Pure. */
#include "api/fields.h"

#include <stdarg.h>
#include <stdio.h>

#define ERRORS_BYTES_MAX ((size_t)256 << 10)

struct sy_json_writer *api_errors_writer(struct api_errors *errors)
{
    if (!errors->text.arena) {
        sy_buf_init_arena(&errors->text, errors->arena, ERRORS_BYTES_MAX);
        sy_jw_init(&errors->w, &errors->text);
        sy_jw_array(&errors->w);
    }
    return &errors->w;
}

static void add(struct api_errors *errors, const char *where, struct sy_str place,
                struct sy_str detail)
{
    struct sy_json_writer *w;

    if (errors->count++ >= API_ERRORS_MAX)
        return;
    w = api_errors_writer(errors);
    sy_jw_object(w);
    sy_jw_member_str(w, where, place.ptr ? place : SY_STR(""));
    sy_jw_member_str(w, "detail", detail);
    sy_jw_object_end(w);
}

void api_error_at(struct api_errors *errors, struct sy_str pointer, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    add(errors, "pointer", pointer, sy_str_of(text));
}

void api_error_in(struct api_errors *errors, const char *where, struct sy_str name,
                  struct sy_str detail)
{
    add(errors, where, name, detail);
}

struct sy_failure api_errors_failure(struct api_errors *errors)
{
    struct sy_failure failure = {.code = SY_CODE_INVALID_REQUEST, .cause = SY_CAUSE_BAD_FIELD};

    if (errors->broken)
        failure.cause = SY_CAUSE_BAD_JSON;
    else if (errors->count && errors->names == errors->count)
        failure.cause = SY_CAUSE_BAD_NAME;
    if (errors->text.arena) {
        sy_jw_array_end(&errors->w);
        if (sy_buf_ok(&errors->text))
            failure.errors = sy_buf_str(&errors->text);
    }
    return failure;
}
