/*
 * The HTTP API: routes, keys, problem documents, OpenAPI. Put between net/server and the engine.
 */
#ifndef SY_API_API_H
#define SY_API_API_H

#include "engine/engine.h"
#include "metrics/metrics.h"
#include "net/server.h"

struct sy_api;      /* of the process */
struct sy_api_loop; /* of one loop */

struct sy_api_options {
    struct sy_engine *engine;
    struct sy_metrics *metrics;
    struct sy_str public_url;   /* for links and OpenAPI's servers */
    struct sy_str local_secret; /* accepted as a key with all scopes of tenant `default`, environment
                                   `development`, though the store has no such key: for commands that
                                   run a gateway of their own; absent: none */
};

/* Copies what it keeps. */
int sy_api_create(const struct sy_api_options *options, struct sy_api **ret, struct sy_err *err);
void sy_api_free(struct sy_api *api);
int sy_api_attach(struct sy_api *api, struct sy_engine_loop *engine, struct sy_api_loop **ret,
                  struct sy_err *err);
void sy_api_detach(struct sy_api_loop *loop);
/* Narrows the edge's limits to what the policy in use says (request bytes). */
void sy_api_limits(const struct sy_api *api, struct sy_server_limits *limits);
/* The public listener's and the admin listener's (/metrics) handlers. */
void sy_api_server_events(struct sy_api_loop *loop, struct sy_server_events *ret);
void sy_api_admin_events(struct sy_api_loop *loop, struct sy_server_events *ret);

#endif
