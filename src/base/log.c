/*
 * The level and the format are the two mutable globals of base: the log must be callable from
 * anywhere without being handed around. They are set once by main and read atomically.
 */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define FIELDS_MAX 32u
#define TEXT_MAX 2048u
/* Every byte of every field may need a six-byte escape. */
#define LINE_MAX_BYTES (FIELDS_MAX * TEXT_MAX * 8u)

static atomic_int log_least = SY_LOG_INFO;
static atomic_bool log_json = false;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* Compared without case and with '-' and '_' alike. */
static const struct sy_str secret_names[] = {
    SY_STR_INIT("authorization"), SY_STR_INIT("proxy_authorization"),
    SY_STR_INIT("api_key"),       SY_STR_INIT("x_api_key"),
    SY_STR_INIT("token"),         SY_STR_INIT("access_token"),
    SY_STR_INIT("refresh_token"), SY_STR_INIT("client_secret"),
    SY_STR_INIT("secret"),        SY_STR_INIT("password"),
    SY_STR_INIT("cookie"),        SY_STR_INIT("set_cookie"),
};

static char plain_letter(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c + ('a' - 'A'));
    return c == '-' ? '_' : c;
}

static bool same_name(struct sy_str name, struct sy_str secret)
{
    if (name.len != secret.len)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (plain_letter(name.ptr[i]) != secret.ptr[i])
            return false;
    }
    return true;
}

static bool is_secret(const char *name)
{
    for (size_t i = 0; i < SY_ARRAY_LEN(secret_names); i++) {
        if (same_name(sy_str_of(name), secret_names[i]))
            return true;
    }
    return false;
}

void sy_log_setup(enum sy_log_level least, bool json)
{
    atomic_store(&log_least, (int)least);
    atomic_store(&log_json, json);
}

bool sy_log_enabled(enum sy_log_level level)
{
    return (int)level >= atomic_load(&log_least);
}

static struct sy_str shown_text(const struct sy_log_field *field)
{
    if (is_secret(field->name))
        return SY_STR("[redacted]");
    return sy_str_head(field->text, TEXT_MAX);
}

static void line_json(struct sy_buf *line, struct sy_str time, const char *level, const char *event,
                      const struct sy_log_field *fields, size_t count)
{
    struct sy_json_writer w;

    sy_jw_init(&w, line);
    sy_jw_object(&w);
    sy_jw_member_str(&w, "time", time);
    sy_jw_member_z(&w, "level", level);
    sy_jw_member_z(&w, "event", event);
    for (size_t i = 0; i < count; i++) {
        struct sy_str text = shown_text(&fields[i]);
        if (text.ptr)
            sy_jw_member_str(&w, fields[i].name, text);
        else
            sy_jw_member_i64(&w, fields[i].name, fields[i].number);
    }
    sy_jw_object_end(&w);
}

/* Bare when that is unambiguous, else as a JSON string: one line stays one line and no byte of it
 * steers the terminal. */
static void put_bare(struct sy_buf *line, struct sy_str text)
{
    bool bare = text.len > 0;

    for (size_t i = 0; i < text.len && bare; i++)
        bare = text.ptr[i] > ' ' && text.ptr[i] < 0x7f && text.ptr[i] != '"' && text.ptr[i] != '=';
    if (bare)
        sy_buf_append(line, text);
    else
        sy_json_quote(line, text);
}

static void line_text(struct sy_buf *line, struct sy_str time, const char *level, const char *event,
                      const struct sy_log_field *fields, size_t count)
{
    sy_buf_append(line, time);
    sy_buf_printf(line, " %-5s ", level);
    put_bare(line, sy_str_of(event));
    for (size_t i = 0; i < count; i++) {
        struct sy_str text = shown_text(&fields[i]);
        sy_buf_append_char(line, ' ');
        put_bare(line, sy_str_of(fields[i].name));
        sy_buf_append_char(line, '=');
        if (text.ptr)
            put_bare(line, text);
        else
            sy_buf_append_i64(line, fields[i].number);
    }
}

/* A log that cannot be written has nobody to tell. */
static void write_line(struct sy_str line)
{
    while (write(STDERR_FILENO, line.ptr, line.len) < 0 && errno == EINTR)
        continue;
}

void sy_log(enum sy_log_level level, const char *event, const struct sy_log_field *fields,
            size_t count)
{
    char now[SY_TIME_TEXT_MAX];
    struct sy_str time;
    struct sy_buf line;

    if (!sy_log_enabled(level) || (size_t)level >= SY_ARRAY_LEN(level_names))
        return;
    if (count > FIELDS_MAX)
        count = FIELDS_MAX;
    time = sy_time_text(sy_clock_unix_ms(), now);
    sy_buf_init(&line, LINE_MAX_BYTES);
    if (atomic_load(&log_json))
        line_json(&line, time, level_names[level], event, fields, count);
    else
        line_text(&line, time, level_names[level], event, fields, count);
    sy_buf_append_char(&line, '\n');
    write_line(sy_buf_ok(&line) ? sy_buf_str(&line) : SY_STR("log line lost: no memory\n"));
    sy_buf_release(&line);
}

void sy_logf(enum sy_log_level level, const char *event, const char *format, ...)
{
    char text[TEXT_MAX];
    struct sy_log_field field = {.name = "message"};
    va_list args;

    if (!sy_log_enabled(level))
        return;
    va_start(args, format);
    if (vsnprintf(text, sizeof(text), format, args) < 0)
        text[0] = 0;
    va_end(args);
    field.text = sy_str_of(text);
    sy_log(level, event, &field, 1);
}
