/* The OpenAPI 3.1 document, made of route.def, query.def and schemas.json. */
#include "api/api_int.h"

#include <string.h>

/* Headers a route reads, and replies besides its first. */
static const struct {
    const char *route;
    const char *header;
    const char *help;
} request_headers[] = {
    {"execute", "Idempotency-Key",
     "Within 24 h the same key gives the first answer again; also the member idempotency_key."},
    {"execute", "traceparent", "W3C trace context; forwarded where the vendor takes it."},
    {"registry_put", "If-Match", "The ETag of the rows that are replaced; else If-None-Match."},
    {"registry_put", "If-None-Match", "*: the toolkit must not exist yet."},
    {"registry_patch", "If-Match", "The ETag of the rows that are changed."},
    {"registry_delete", "If-Match", "The ETag of the rows that are removed."},
};

static const struct {
    const char *route;
    int status;
    const char *schema;
} more_replies[] = {
    {"registry_put", 201, "Rows"},
    {"registry_delete", 200, "Effect"},
};

static const char *const document_types[] = {"text/markdown", "application/yaml",
                                             "application/json"};

static const char *scope_word(unsigned scope)
{
    return scope == SY_SCOPE_CALL       ? "call"
           : scope == SY_SCOPE_CONNECT  ? "connect"
           : scope == SY_SCOPE_REGISTRY ? "registry"
           : scope == SY_SCOPE_ADMIN    ? "admin"
                                        : "none";
}

static void write_ref(struct sy_json_writer *w, const char *schema)
{
    char text[96];
    struct sy_buf ref = {.ptr = text, .cap = sizeof(text), .max = sizeof(text)};

    sy_buf_append_z(&ref, "#/components/schemas/");
    sy_buf_append_z(&ref, schema);
    sy_jw_object(w);
    sy_jw_member_str(w, "$ref", sy_buf_str(&ref));
    sy_jw_object_end(w);
}

static void write_media(struct sy_json_writer *w, const char *type, const char *schema)
{
    sy_jw_name(w, type);
    sy_jw_object(w);
    sy_jw_name(w, "schema");
    if (schema) {
        write_ref(w, schema);
    } else {
        sy_jw_object(w);
        if (strcmp(type, "application/json") != 0)
            sy_jw_member_z(w, "type", "string");
        sy_jw_object_end(w);
    }
    sy_jw_object_end(w);
}

/* A schema of ours; one of the documents that have three forms; or a plain media type. */
static void write_content(struct sy_json_writer *w, const char *schema)
{
    sy_jw_name(w, "content");
    sy_jw_object(w);
    if (strchr(schema, '/'))
        write_media(w, schema, NULL);
    else if (strstr(schema, "Document"))
        for (size_t i = 0; i < SY_ARRAY_LEN(document_types); i++)
            write_media(w, document_types[i], NULL);
    else
        write_media(w, "application/json", schema);
    sy_jw_object_end(w);
}

/* ---- parameters ---- */

static void write_parameter(struct sy_json_writer *w, const char *in, struct sy_str name,
                            const char *help, enum api_query_kind kind)
{
    sy_jw_object(w);
    sy_jw_member_str(w, "name", name);
    sy_jw_member_z(w, "in", in);
    if (strcmp(in, "path") == 0)
        sy_jw_member_bool(w, "required", true);
    if (help)
        sy_jw_member_z(w, "description", help);
    sy_jw_name(w, "schema");
    sy_jw_object(w);
    sy_jw_member_z(w, "type",
                   kind == API_QUERY_BOOL    ? "boolean"
                   : kind == API_QUERY_LIMIT ? "integer"
                                             : "string");
    if (kind == API_QUERY_LIMIT) {
        sy_jw_member_i64(w, "minimum", 1);
        sy_jw_member_i64(w, "maximum", API_LIMIT_MAX);
        sy_jw_member_i64(w, "default", API_LIMIT_DEFAULT);
    }
    sy_jw_object_end(w);
    sy_jw_object_end(w);
}

static void write_path_parameters(struct sy_json_writer *w, const struct api_route *route)
{
    struct sy_str rest = sy_str_skip(sy_str_of(route->path), 1), segment;

    while (sy_str_split(&rest, '/', &segment))
        if (segment.len > 2 && segment.ptr[0] == '{')
            write_parameter(w, "path", sy_str_from(segment.ptr + 1, segment.len - 2), NULL,
                            API_QUERY_TEXT);
}

static void write_parameters(struct sy_json_writer *w, const struct api_route *route)
{
    sy_jw_name(w, "parameters");
    sy_jw_array(w);
    write_path_parameters(w, route);
    for (int i = 0; i < API_QUERY_COUNT; i++)
        if (api_route_takes(route, (enum api_query)i))
            write_parameter(w, "query", sy_str_of(api_queries[i].name), api_queries[i].help,
                            api_queries[i].kind);
    for (size_t i = 0; i < SY_ARRAY_LEN(request_headers); i++)
        if (strcmp(request_headers[i].route, route->id) == 0)
            write_parameter(w, "header", sy_str_of(request_headers[i].header),
                            request_headers[i].help, API_QUERY_TEXT);
    sy_jw_array_end(w);
}

/* ---- operations ---- */

static void write_reply(struct sy_json_writer *w, int status, const char *schema)
{
    char text[8] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
                    (char)('0' + status % 10)};

    sy_jw_name(w, text);
    sy_jw_object(w);
    sy_jw_member_z(w, "description", schema ? "Done" : "Done; no content");
    if (schema)
        write_content(w, schema);
    sy_jw_object_end(w);
}

static void write_replies(struct sy_json_writer *w, const struct api_route *route)
{
    sy_jw_name(w, "responses");
    sy_jw_object(w);
    write_reply(w, route->status, route->response);
    for (size_t i = 0; i < SY_ARRAY_LEN(more_replies); i++)
        if (strcmp(more_replies[i].route, route->id) == 0)
            write_reply(w, more_replies[i].status, more_replies[i].schema);
    sy_jw_name(w, "default");
    sy_jw_object(w);
    sy_jw_member_z(w, "description", "A problem");
    sy_jw_name(w, "content");
    sy_jw_object(w);
    write_media(w, "application/problem+json", "Problem");
    sy_jw_object_end(w);
    sy_jw_object_end(w);
    sy_jw_object_end(w);
}

static void write_security(struct sy_json_writer *w, const struct api_route *route)
{
    sy_jw_name(w, "security");
    sy_jw_array(w);
    if (route->scope) {
        sy_jw_object(w);
        sy_jw_name(w, "key");
        sy_jw_array(w);
        sy_jw_z(w, scope_word(route->scope));
        sy_jw_array_end(w);
        sy_jw_object_end(w);
    }
    sy_jw_array_end(w);
}

static struct sy_str method_member(enum sy_http_method method)
{
    return method == SY_HTTP_POST     ? SY_STR("post")
           : method == SY_HTTP_PUT    ? SY_STR("put")
           : method == SY_HTTP_PATCH  ? SY_STR("patch")
           : method == SY_HTTP_DELETE ? SY_STR("delete")
                                      : SY_STR("get");
}

static void write_operation(struct sy_json_writer *w, const struct api_route *route)
{
    sy_jw_name_str(w, method_member(route->method));
    sy_jw_object(w);
    sy_jw_member_z(w, "operationId", route->id);
    sy_jw_member_z(w, "summary", route->summary);
    write_security(w, route);
    write_parameters(w, route);
    if (route->request) {
        sy_jw_name(w, "requestBody");
        sy_jw_object(w);
        sy_jw_member_bool(w, "required", strcmp(route->id, "case_close") != 0);
        write_content(w, route->request);
        sy_jw_object_end(w);
    }
    write_replies(w, route);
    sy_jw_object_end(w);
}

static bool is_first_of_path(const struct api_route *routes, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (api_route_is_public(&routes[i]) && strcmp(routes[i].path, routes[at].path) == 0)
            return false;
    return api_route_is_public(&routes[at]);
}

static void write_paths(struct sy_json_writer *w)
{
    size_t count;
    const struct api_route *routes = api_routes(&count);

    sy_jw_name(w, "paths");
    sy_jw_object(w);
    for (size_t i = 0; i < count; i++) {
        if (!is_first_of_path(routes, i))
            continue;
        sy_jw_name(w, routes[i].path);
        sy_jw_object(w);
        for (size_t same = i; same < count; same++)
            if (strcmp(routes[same].path, routes[i].path) == 0)
                write_operation(w, &routes[same]);
        sy_jw_object_end(w);
    }
    sy_jw_object_end(w);
}

/* ---- the document ---- */

static void write_info(struct sy_json_writer *w, struct sy_str public_url)
{
    sy_jw_name(w, "info");
    sy_jw_object(w);
    sy_jw_member_z(w, "title", "Switchyard");
    sy_jw_member_z(w, "version", SY_VERSION);
    sy_jw_member_z(w, "summary", "One endpoint in front of every SaaS tool an agent may call");
    sy_jw_name(w, "license");
    sy_jw_object(w);
    sy_jw_member_z(w, "name", "Apache-2.0");
    sy_jw_member_z(w, "identifier", "Apache-2.0");
    sy_jw_object_end(w);
    sy_jw_object_end(w);
    if (!public_url.len)
        return;
    sy_jw_name(w, "servers");
    sy_jw_array(w);
    sy_jw_object(w);
    sy_jw_member_str(w, "url", public_url);
    sy_jw_object_end(w);
    sy_jw_array_end(w);
}

static void write_components(struct sy_json_writer *w)
{
    sy_jw_name(w, "components");
    sy_jw_object(w);
    sy_jw_name(w, "securitySchemes");
    sy_jw_object(w);
    sy_jw_name(w, "key");
    sy_jw_object(w);
    sy_jw_member_z(w, "type", "http");
    sy_jw_member_z(w, "scheme", "bearer");
    sy_jw_member_z(
        w, "description",
        "A key, sy_live_… or sy_test_…; an operation names the scope it needs, and admin "
        "implies the others.");
    sy_jw_object_end(w);
    sy_jw_object_end(w);
    sy_jw_member_raw(w, "schemas", sy_str_trim(api_schemas_text()));
    sy_jw_object_end(w);
}

void api_openapi_write(struct sy_buf *out, struct sy_str public_url)
{
    struct sy_json_writer w;

    sy_jw_init(&w, out);
    sy_jw_object(&w);
    sy_jw_member_z(&w, "openapi", "3.1.0");
    write_info(&w, public_url);
    write_paths(&w);
    write_components(&w);
    sy_jw_object_end(&w);
}
