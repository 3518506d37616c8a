/*
 * A request in libcurl's terms. Header lines and the URL are laid out in the transfer's own buffer:
 * libcurl only reads the list, and a warm transfer allocates nothing of ours.
 */
#include <stdlib.h>
#include <string.h>

#include "net/transfers_int.h"

/* A connection that was idle longer may be closing under us. libcurl counts whole seconds and takes
 * "3" for anything under 4. What may be sent more than once libcurl sends again by itself. */
#define ONCE_IDLE_S 3L
#define READ_IDLE_S 55L
#define TEXT_MAX 98304
#define EXPECT_FROM 65536

/* Decide about the connection or the length: never an adapter's. */
static const struct sy_str reserved[] = {
    SY_STR_INIT("host"),
    SY_STR_INIT("connection"),
    SY_STR_INIT("content-length"),
    SY_STR_INIT("te"),
    SY_STR_INIT("transfer-encoding"),
    SY_STR_INIT("trailer"),
    SY_STR_INIT("upgrade"),
    SY_STR_INIT("expect"),
    SY_STR_INIT("keep-alive"),
    SY_STR_INIT("proxy-connection"),
};

static bool is_token(struct sy_str name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!alnum && (c == '\0' || !strchr(others, c)))
            return false;
    }
    return name.len > 0;
}

static bool header_is_sound(const struct sy_header *header)
{
    if (!is_token(header->name) || sy_str_has_control(header->value))
        return false;
    for (size_t i = 0; i < SY_ARRAY_LEN(reserved); i++) {
        if (sy_str_eq_nocase(header->name, reserved[i]))
            return false;
    }
    return true;
}

static bool has_header(const struct sy_request *request, struct sy_str name)
{
    for (unsigned i = 0; i < request->header_count; i++) {
        if (sy_str_eq_nocase(request->headers[i].name, name))
            return true;
    }
    return false;
}

static size_t body_len(const struct sy_request *request)
{
    size_t len = 0;

    for (unsigned i = 0; i < request->body_count; i++)
        len += request->body[i].len;
    return len;
}

/* ---- the text buffer ---- */

struct writer {
    char *at;
    struct curl_slist *nodes;
    unsigned count;
};

static void write_str(struct writer *writer, struct sy_str s)
{
    if (s.len)
        memcpy(writer->at, s.ptr, s.len);
    writer->at += s.len;
}

static void begin_line(struct writer *writer)
{
    struct curl_slist *node = &writer->nodes[writer->count++];

    node->data = writer->at;
    node->next = NULL;
    if (writer->count > 1)
        node[-1].next = node;
}

static void write_line(struct writer *writer, struct sy_str line)
{
    begin_line(writer);
    write_str(writer, line);
    *writer->at++ = '\0';
}

static void write_header(struct writer *writer, const struct sy_header *header)
{
    struct sy_str value = sy_str_trim(header->value);

    begin_line(writer);
    write_str(writer, header->name);
    /* "Name;" is how libcurl is told to send an empty one; "Name:" would take it out. */
    write_str(writer, value.len ? SY_STR(": ") : SY_STR(";"));
    write_str(writer, value);
    *writer->at++ = '\0';
}

static int reserve_text(struct sy_transfer *transfer, size_t size)
{
    char *text;

    if (size > TEXT_MAX)
        return SY_NOMEM;
    if (size <= transfer->text_cap)
        return SY_OK;
    text = realloc(transfer->text, size);
    if (!text)
        return SY_NOMEM;
    transfer->text = text;
    transfer->text_cap = size;
    return SY_OK;
}

/* The target first, then the header lines; *ret_lines is the list for libcurl. */
static int write_text(struct sy_transfer *transfer, bool has_body, struct curl_slist **ret_lines)
{
    const struct sy_request *request = transfer->what.request;
    struct writer writer = {.nodes = transfer->nodes};
    struct sy_str target = transfer->url.target;
    size_t size = target.len + 160;

    for (unsigned i = 0; i < request->header_count; i++)
        size += request->headers[i].name.len + request->headers[i].value.len + 4;
    if (reserve_text(transfer, size) < 0)
        return SY_NOMEM;
    writer.at = transfer->text;
    if (target.len == 0 || target.ptr[0] != '/')
        *writer.at++ = '/';
    write_str(&writer, target);
    *writer.at++ = '\0';
    for (unsigned i = 0; i < request->header_count; i++)
        write_header(&writer, &request->headers[i]);
    if (!has_header(request, SY_STR("user-agent")))
        write_line(&writer, SY_STR("User-Agent: switchyard/" SY_VERSION));
    if (!has_header(request, SY_STR("accept-encoding")))
        write_line(&writer, SY_STR("Accept-Encoding: gzip"));
    /* libcurl asks before it sends a megabyte; a server that does not answer costs it a second. */
    if (has_body && body_len(request) > EXPECT_FROM)
        write_line(&writer, SY_STR("Expect:"));
    if (has_body && !has_header(request, SY_STR("content-type")))
        write_line(&writer, SY_STR("Content-Type:"));
    *ret_lines = writer.count ? writer.nodes : NULL;
    return SY_OK;
}

/* ---- the body ---- */

/* One slice is sent from where it lies. Several are put in one piece: a read function would cost a
 * second send (27.6 against 20 µs a call), a copy of 16 KiB costs under one. */
static int join_body(struct sy_transfer *transfer, struct sy_str *ret_body)
{
    const struct sy_request *request = transfer->what.request;
    size_t size, at = 0;
    char *joined;

    *ret_body = request->body_count ? request->body[0] : (struct sy_str){0};
    if (request->body_count <= 1)
        return SY_OK;
    size = body_len(request);
    if (size > transfer->body_cap) {
        if (size > SY_NET_KEEP && !sy_transfer_count(transfer, size))
            return SY_NOMEM;
        joined = realloc(transfer->body, size);
        if (!joined)
            return SY_NOMEM;
        transfer->body = joined;
        transfer->body_cap = size;
    }
    for (unsigned i = 0; i < request->body_count; i++) {
        if (request->body[i].len)
            memcpy(transfer->body + at, request->body[i].ptr, request->body[i].len);
        at += request->body[i].len;
    }
    *ret_body = sy_str_from(transfer->body, size);
    return SY_OK;
}

static CURLcode set_method(CURL *easy, enum sy_http_verb verb, bool has_body, struct sy_str body)
{
    const char *plain = has_body ? "POST" : "GET";
    const char *name = sy_http_verb_name(verb);
    CURLcode code;

    if (has_body) {
        code = curl_easy_setopt(easy, CURLOPT_POST, 1L);
        if (code == CURLE_OK)
            code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        if (code == CURLE_OK)
            code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.len ? body.ptr : "");
    } else {
        code = curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    if (code != CURLE_OK)
        return code;
    return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, strcmp(name, plain) == 0 ? NULL : name);
}

/* What belongs to the host: a handle that goes to the same one again keeps it. The parsed URL
 * overrides the text beside it, without which libcurl would write one anew for each transfer. */
static CURLcode set_origin(struct sy_transfer *transfer)
{
    const struct sy_net_host *host = transfer->host;
    long version = host->http2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1;
    CURL *easy = transfer->easy;
    CURLcode code;

    if (transfer->origin == host->id)
        return CURLE_OK;
    transfer->origin = 0;
    code = curl_easy_setopt(easy, CURLOPT_URL, host->origin_text);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_CURLU, host->origin);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version);
    if (code == CURLE_OK)
        transfer->origin = host->id;
    return code;
}

/* Where others still use the connection of its last transfer (HTTP/2) libcurl has left the handle
 * its buffer, refuses another size and goes on with the old one. */
static CURLcode set_buffer(struct sy_transfer *transfer)
{
    long size = sy_net_host_buffer(transfer->host);
    CURLcode code;

    if (size == transfer->buffer)
        return CURLE_OK;
    code = curl_easy_setopt(transfer->easy, CURLOPT_BUFFERSIZE, size);
    if (code == CURLE_OK)
        transfer->buffer = size;
    return code == CURLE_BAD_FUNCTION_ARGUMENT ? CURLE_OK : code;
}

static CURLcode set_options(struct sy_transfer *transfer, struct curl_slist *lines)
{
    bool once = transfer->what.request->effect == SY_REQUEST_WRITE || transfer->what.sends_max == 1;
    int64_t connect_ms = transfer->what.connect_timeout_ms;
    CURL *easy = transfer->easy;
    CURLcode code = set_origin(transfer);

    if (connect_ms <= 0 || connect_ms > 3600000)
        connect_ms = 3600000; /* our own timer is the deadline */
    if (code == CURLE_OK)
        code = set_buffer(transfer);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, transfer->text);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, once ? ONCE_IDLE_S : READ_IDLE_S);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    return code;
}

/* Fills the handle. On failure the result says why. */
int sy_transfer_set_request(struct sy_transfer *transfer)
{
    const struct sy_request *request = transfer->what.request;
    bool has_body = request->body_count > 0 || request->verb == SY_VERB_POST ||
                    request->verb == SY_VERB_PUT || request->verb == SY_VERB_PATCH;
    struct curl_slist *lines = NULL;
    struct sy_str body = {0};

    for (unsigned i = 0; i < request->header_count; i++) {
        if (!header_is_sound(&request->headers[i])) {
            sy_transfer_fault(transfer, SY_NET_REFUSED_HERE, SY_CAUSE_HEADER_REFUSED);
            return SY_INVALID;
        }
    }
    if (write_text(transfer, has_body, &lines) < 0 || join_body(transfer, &body) < 0 ||
        set_options(transfer, lines) != CURLE_OK ||
        set_method(transfer->easy, request->verb, has_body, body) != CURLE_OK) {
        sy_transfer_fault(transfer, SY_NET_OVERLOADED, SY_CAUSE_MEMORY);
        return SY_NOMEM;
    }
    return SY_OK;
}
