/*
 * Which route a request means. Pure, over the table of routes.
 */
#ifndef SY_API_ROUTER_H
#define SY_API_ROUTER_H

#include "base/arena.h"
#include "base/err.h"
#include "contract/registry.h"
#include "http/parser.h"

#define API_CAPTURES_MAX 2u
#define API_SEGMENTS_MAX 8u
/* Beyond the keys' scopes: no key at all, and the admin port. */
#define API_SCOPE_NONE 0u
#define API_SCOPE_ADMIN_PORT 0x100u

struct api_request;
typedef void api_handler_fn(struct api_request *rq);

enum api_query {
#define SY_QUERY(id, kind, help) API_Q_##id,
#include "api/query.def"
#undef SY_QUERY
    API_QUERY_COUNT
};
enum api_query_kind { API_QUERY_TEXT, API_QUERY_BOOL, API_QUERY_LIMIT };
struct api_query_facts {
    const char *name;
    enum api_query_kind kind;
    const char *help;
};
extern const struct api_query_facts api_queries[API_QUERY_COUNT];

struct api_route {
    const char *id;
    enum sy_http_method method;
    const char *path; /* "/v1/calls/{id}" */
    unsigned scope;
    const char *query; /* "limit,cursor" */
    const char *request;
    int status;
    const char *response;
    const char *summary;
    api_handler_fn *handle;
    size_t path_len;
};

/* All of them, in the table's order. */
const struct api_route *api_routes(size_t *ret_count);
const char *api_method_name(enum sy_http_method method);

struct api_match {
    const struct api_route *route; /* NULL: see allowed */
    struct sy_str captured[API_CAPTURES_MAX];
    unsigned allowed; /* bits of enum sy_http_method that the path knows; 0: no such path */
};

/*
 * Finds the route of method (HEAD means GET) and path on the public or the admin port. SY_INVALID
 * for a path that no route can mean (broken escapes, "..", control bytes), SY_NOMEM; else SY_OK.
 */
int api_route_find(enum sy_http_method method, struct sy_str path, bool admin_port,
                   struct sy_arena *arena, struct api_match *ret);
/* Whether the public port serves it. */
bool api_route_is_public(const struct api_route *route);
/* "GET, HEAD, OPTIONS" for Allow. */
struct sy_str api_allow(unsigned allowed, struct sy_arena *arena);
/* Whether the route's list names the parameter. */
bool api_route_takes(const struct api_route *route, enum api_query parameter);

#endif
