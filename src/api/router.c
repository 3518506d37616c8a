#include "api/router.h"

#include "api/handlers.h"
#include "base/buf.h"
#include "http/response.h"

#define SCOPE_NONE API_SCOPE_NONE
#define SCOPE_CALL SY_SCOPE_CALL
#define SCOPE_REGISTRY SY_SCOPE_REGISTRY
#define SCOPE_ADMIN SY_SCOPE_ADMIN
#define SCOPE_ADMIN_PORT API_SCOPE_ADMIN_PORT

static const struct api_route routes[] = {
#define SY_ROUTE(id, method, path, scope, query, request, status, response, summary)               \
    {#id,    SY_HTTP_##method, path,    SCOPE_##scope, query,           request,                   \
     status, response,         summary, api_##id,      sizeof(path) - 1},
#include "api/route.def"
#undef SY_ROUTE
};

const struct api_query_facts api_queries[API_QUERY_COUNT] = {
#define SY_QUERY(id, kind, help) [API_Q_##id] = {#id, API_QUERY_##kind, help},
#include "api/query.def"
#undef SY_QUERY
};

static const char *const method_names[] = {
    [SY_HTTP_GET] = "GET",         [SY_HTTP_HEAD] = "HEAD",     [SY_HTTP_POST] = "POST",
    [SY_HTTP_PUT] = "PUT",         [SY_HTTP_PATCH] = "PATCH",   [SY_HTTP_DELETE] = "DELETE",
    [SY_HTTP_OPTIONS] = "OPTIONS", [SY_HTTP_OTHER] = "UNKNOWN",
};

const struct api_route *api_routes(size_t *ret_count)
{
    *ret_count = SY_ARRAY_LEN(routes);
    return routes;
}

const char *api_method_name(enum sy_http_method method)
{
    return method_names[method];
}

bool api_route_is_public(const struct api_route *route)
{
    return route->scope != API_SCOPE_ADMIN_PORT;
}

/* /healthz is on both ports, what needs a key on the public one alone. */
static bool is_served(const struct api_route *route, bool admin_port)
{
    if (!admin_port)
        return api_route_is_public(route);
    return route->scope == API_SCOPE_ADMIN_PORT || route->scope == API_SCOPE_NONE;
}

static unsigned methods_of(const struct api_route *route)
{
    unsigned bits = 1u << route->method | 1u << SY_HTTP_OPTIONS;

    return route->method == SY_HTTP_GET ? bits | 1u << SY_HTTP_HEAD : bits;
}

enum fit { FIT_NOT, FIT_CAPTURED, FIT_LITERAL };

static enum fit fits(const char *pattern, const struct sy_str *segments, size_t count,
                     struct sy_str captured[API_CAPTURES_MAX])
{
    struct sy_str rest = sy_str_skip(sy_str_of(pattern), 1), want;
    size_t at = 0, taken = 0;

    while (sy_str_split(&rest, '/', &want)) {
        if (at == count)
            return FIT_NOT;
        if (want.ptr[0] == '{' && taken < API_CAPTURES_MAX)
            captured[taken++] = segments[at];
        else if (!sy_str_eq(want, segments[at]))
            return FIT_NOT;
        at++;
    }
    if (at != count)
        return FIT_NOT;
    return taken ? FIT_CAPTURED : FIT_LITERAL;
}

/* The way of most requests: a literal path, compared without decoding anything. */
static const struct api_route *find_literal(enum sy_http_method method, struct sy_str path,
                                            bool admin_port)
{
    for (size_t i = 0; i < SY_ARRAY_LEN(routes); i++)
        if (routes[i].method == method &&
            sy_str_eq(path, sy_str_from(routes[i].path, routes[i].path_len)) &&
            is_served(&routes[i], admin_port))
            return &routes[i];
    return NULL;
}

static void consider(const struct api_route *route, enum sy_http_method method,
                     const struct sy_str *segments, size_t count, struct api_match *ret,
                     enum fit *best)
{
    struct sy_str captured[API_CAPTURES_MAX] = {{NULL, 0}};
    enum fit fit = fits(route->path, segments, count, captured);

    if (fit == FIT_NOT || fit < *best)
        return;
    if (fit > *best) {
        ret->allowed = 0;
        ret->route = NULL;
        *best = fit;
    }
    ret->allowed |= methods_of(route);
    if (route->method != method)
        return;
    ret->route = route;
    for (unsigned i = 0; i < API_CAPTURES_MAX; i++)
        ret->captured[i] = captured[i];
}

int api_route_find(enum sy_http_method method, struct sy_str path, bool admin_port,
                   struct sy_arena *arena, struct api_match *ret)
{
    struct sy_str segments[API_SEGMENTS_MAX];
    enum fit best = FIT_NOT;
    size_t count = 0;
    int status;

    *ret = (struct api_match){0};
    if (method == SY_HTTP_HEAD)
        method = SY_HTTP_GET;
    ret->route = find_literal(method, path, admin_port);
    if (ret->route)
        return SY_OK;
    status = sy_http_path_split(path, arena, segments, API_SEGMENTS_MAX, &count);
    if (status != SY_OK)
        return status == SY_NOT_FOUND ? SY_OK : status;
    for (size_t i = 0; i < SY_ARRAY_LEN(routes); i++)
        if (is_served(&routes[i], admin_port))
            consider(&routes[i], method, segments, count, ret, &best);
    return SY_OK;
}

struct sy_str api_allow(unsigned allowed, struct sy_arena *arena)
{
    struct sy_buf out;

    sy_buf_init_arena(&out, arena, 128);
    for (unsigned i = 0; i < SY_HTTP_OTHER; i++) {
        if (!(allowed & 1u << i))
            continue;
        if (out.len)
            sy_buf_append_z(&out, ", ");
        sy_buf_append_z(&out, method_names[i]);
    }
    return sy_buf_str(&out);
}

bool api_route_takes(const struct api_route *route, enum api_query parameter)
{
    struct sy_str rest = sy_str_of(route->query), name;

    while (sy_str_split(&rest, ',', &name))
        if (sy_str_eq(name, sy_str_of(api_queries[parameter].name)))
            return true;
    return false;
}
