#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int sy_err_set(struct sy_err *err, enum sy_status status, const char *format, ...)
{
    va_list args;

    if (err && err->status == SY_OK && status != SY_OK) {
        err->status = status;
        va_start(args, format);
        if (vsnprintf(err->text, sizeof(err->text), format, args) < 0)
            err->text[0] = 0;
        va_end(args);
    }
    return (int)status;
}

void sy_err_push(struct sy_err *err, const char *format, ...)
{
    char frame[sizeof(err->text)];
    size_t room;
    size_t kept;
    va_list args;

    if (!err || err->status == SY_OK)
        return;
    va_start(args, format);
    if (vsnprintf(frame, sizeof(frame) - 2, format, args) < 0)
        frame[0] = 0;
    va_end(args);

    size_t len = strlen(frame);
    frame[len++] = ':';
    frame[len++] = ' ';
    room = sizeof(err->text) - 1 - len;
    kept = strnlen(err->text, sizeof(err->text) - 1);
    if (kept > room)
        kept = room;
    memmove(err->text + len, err->text, kept);
    memcpy(err->text, frame, len);
    err->text[len + kept] = 0;
}
