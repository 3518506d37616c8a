/*
 * Why something failed, for people: a short text with frames, filled where the fact is known.
 *
 * Functions return 0 or a negative enum sy_status and take a struct sy_err *err as last argument,
 * which may be NULL. The first error wins; callers above may only prefix a frame. Nothing here
 * logs: surfaces (CLI, API, main) do, once.
 */
#ifndef SY_BASE_ERR_H
#define SY_BASE_ERR_H

#include "base/str.h"

enum sy_status {
    SY_OK = 0,
    SY_ERR = -1,   /* unexpected; the text says what */
    SY_NOMEM = -2, /* memory or a configured maximum is exhausted */
    SY_NOT_FOUND = -3,
    SY_EXISTS = -4,
    SY_CONFLICT = -5,    /* version precondition failed */
    SY_INVALID = -6,     /* input refused; the text points at the place */
    SY_UNAVAILABLE = -7, /* try again later: busy, locked, down */
    SY_DENIED = -8,
};

struct sy_err {
    enum sy_status status; /* SY_OK while nothing was reported */
    char text[512];
};

#define SY_ERR_INIT                                                                                \
    {                                                                                              \
        SY_OK,                                                                                     \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* Records status and text unless an error is there already; returns `status` for `return`. */
int sy_err_set(struct sy_err *err, enum sy_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "frame: " in front of the text. */
void sy_err_push(struct sy_err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
