#include "http/escape.h"
#include "http/response.h"

static int decode_segment(struct sy_str raw, struct sy_arena *arena, struct sy_str *ret_segment)
{
    struct sy_str segment;
    int rc = sy_http_unescape(raw, false, arena, &segment);

    if (rc != SY_OK)
        return rc;
    if (segment.len == 0 || sy_str_has_control(segment) ||
        sy_str_find_char(segment, '/') != (size_t)-1 || sy_str_eq(segment, SY_STR(".")) ||
        sy_str_eq(segment, SY_STR("..")))
        return SY_INVALID;
    *ret_segment = segment;
    return SY_OK;
}

int sy_http_path_split(struct sy_str path, struct sy_arena *arena, struct sy_str *segments,
                       size_t max, size_t *ret_count)
{
    struct sy_str rest = sy_str_skip(path, 1);
    struct sy_str raw;
    size_t count = 0;

    if (path.len == 0 || path.ptr[0] != '/')
        return SY_INVALID;
    while (rest.len + count > 0 && sy_str_split(&rest, '/', &raw)) {
        struct sy_str segment;
        int rc = decode_segment(raw, arena, &segment);

        if (rc != SY_OK)
            return rc;
        if (count == max)
            return SY_NOT_FOUND;
        segments[count++] = segment;
    }
    *ret_count = count;
    return SY_OK;
}
