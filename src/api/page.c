#include "api/page.h"

#include "base/encode.h"

#define POSITION_MAX 512u

/* A letter in front tells our cursors from other base64 and leaves room for another form. */
#define FORM 'p'

struct sy_str api_cursor_make(struct sy_str position, struct sy_arena *arena)
{
    struct sy_buf out;

    if (position.len > POSITION_MAX)
        return (struct sy_str){NULL, 0};
    sy_buf_init_arena(&out, arena, POSITION_MAX * 2);
    sy_buf_append_char(&out, FORM);
    sy_base64url(&out, position);
    return sy_buf_ok(&out) ? sy_buf_str(&out) : (struct sy_str){NULL, 0};
}

bool api_cursor_read(struct sy_str cursor, struct sy_arena *arena, struct sy_str *ret_position)
{
    struct sy_buf out;

    if (cursor.len < 2 || cursor.ptr[0] != FORM)
        return false;
    sy_buf_init_arena(&out, arena, POSITION_MAX);
    if (!sy_unbase64(&out, sy_str_skip(cursor, 1)) || !sy_buf_ok(&out) || !out.len)
        return false;
    *ret_position = sy_buf_str(&out);
    return sy_str_is_utf8(*ret_position) && !sy_str_has_control(*ret_position);
}
