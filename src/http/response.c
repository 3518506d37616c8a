#include "http/response.h"

#include "http/chars.h"

static const struct {
    int status;
    const char *text;
} reasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *sy_http_reason(int status)
{
    for (size_t i = 0; i < SY_ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].text;
    }
    return "Unknown";
}

static bool is_framing(struct sy_str name)
{
    static const struct sy_str names[] = {
        SY_STR_INIT("Content-Length"), SY_STR_INIT("Transfer-Encoding"), SY_STR_INIT("Connection")};

    for (size_t i = 0; i < SY_ARRAY_LEN(names); i++) {
        if (sy_str_eq_nocase(names[i], name))
            return true;
    }
    return false;
}

static void write_field(struct sy_buf *out, struct sy_str name, struct sy_str value)
{
    if (!sy_http_is_token(name) || sy_str_has_control(value)) {
        out->failed = true;
        return;
    }
    sy_buf_append(out, name);
    sy_buf_append(out, SY_STR(": "));
    sy_buf_append(out, value);
    sy_buf_append(out, SY_STR("\r\n"));
}

static void write_status_line(struct sy_buf *out, int status)
{
    if (status < 100 || status > 999) {
        out->failed = true;
        return;
    }
    sy_buf_append(out, SY_STR("HTTP/1.1 "));
    sy_buf_append_u64(out, (uint64_t)status);
    sy_buf_append_char(out, ' ');
    sy_buf_append_z(out, sy_http_reason(status));
    sy_buf_append(out, SY_STR("\r\n"));
}

static bool has_length(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

void sy_http_write_head(struct sy_buf *out, int status, const struct sy_http_header *headers,
                        size_t header_count, size_t body_len, bool close, struct sy_str date)
{
    write_status_line(out, status);
    if (date.len)
        write_field(out, SY_STR("Date"), date);
    for (size_t i = 0; i < header_count; i++) {
        if (is_framing(headers[i].name))
            out->failed = true;
        write_field(out, headers[i].name, headers[i].value);
    }
    if (has_length(status)) {
        sy_buf_append(out, SY_STR("Content-Length: "));
        sy_buf_append_u64(out, body_len);
        sy_buf_append(out, SY_STR("\r\n"));
    }
    if (close)
        sy_buf_append(out, SY_STR("Connection: close\r\n"));
    sy_buf_append(out, SY_STR("\r\n"));
}
