/*
 * The HTTP API: routes, key check, problem documents, OpenAPI, over the engine and the store.
 *
 * One struct sy_api a process and one struct sy_api_loop a loop. What is served stands in
 * route.def; router, OPTIONS, 405, query check, OpenAPI document and docs/api.md come from it.
 */
#ifndef SY_API_API_H
#define SY_API_API_H

#include "engine/engine.h"
#include "net/server.h"

struct sy_api;
struct sy_api_loop;

struct sy_api_options {
    struct sy_engine *engine;   /* outlives the api */
    struct sy_metrics *metrics; /* outlives the api */
    struct sy_str public_url;   /* how callers reach us, for the OpenAPI document; copied */
    /* Accepted as a key with every scope of tenant `default`, environment `development`, though the
     * store has no such key: for commands that run a gateway of their own. Copied; absent: none. */
    struct sy_str local_secret;
};

/* After the engine has a snapshot. */
int sy_api_create(const struct sy_api_options *options, struct sy_api **ret, struct sy_err *err);
/* After every loop was detached. NULL is fine. */
void sy_api_free(struct sy_api *api);

int sy_api_attach(struct sy_api *api, struct sy_engine_loop *loop, struct sy_api_loop **ret,
                  struct sy_err *err);
/* After the servers with its events are destroyed and the last of its calls has ended. */
void sy_api_detach(struct sy_api_loop *loop);

/* Bounds the bodies that a server with our events reads to what the policy allows a request. */
void sy_api_limits(const struct sy_api *api, struct sy_server_limits *limits);
/* The public listener: /v1, /healthz, /readyz, /openapi.json. */
void sy_api_server_events(struct sy_api_loop *loop, struct sy_server_events *ret);
/* The admin listener: /metrics and /healthz, without a key. */
void sy_api_admin_events(struct sy_api_loop *loop, struct sy_server_events *ret);
/* Lets the loop's open connections be counted. Optional. */
void sy_api_watch_server(struct sy_api_loop *loop, const struct sy_server *server);

/* The served OpenAPI 3.1 document; lives as long as the api. */
struct sy_str sy_api_openapi(const struct sy_api *api);
/* docs/errors.md and docs/api.md, from the tables. */
void sy_api_write_error_docs(struct sy_buf *out);
void sy_api_write_route_docs(struct sy_buf *out);

#endif
