/*
 * The process log: one line per event on stderr, text on a terminal, JSON elsewhere.
 *
 * Only surfaces log. Values that are secrets never come here; fields named in the redaction list
 * (authorization, api_key, token, …) are masked all the same.
 */
#ifndef SY_BASE_LOG_H
#define SY_BASE_LOG_H

#include "base/str.h"

enum sy_log_level { SY_LOG_DEBUG, SY_LOG_INFO, SY_LOG_WARN, SY_LOG_ERROR };

struct sy_log_field {
    const char *name;
    struct sy_str text; /* used when text.ptr is not NULL */
    int64_t number;
};

void sy_log_setup(enum sy_log_level least, bool json);
bool sy_log_enabled(enum sy_log_level level);
/* One line, written with one write(2); thread safe. `event` is a short stable name. */
void sy_log(enum sy_log_level level, const char *event, const struct sy_log_field *fields,
            size_t count);
/* Free text for people, under the event name given. */
void sy_logf(enum sy_log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
