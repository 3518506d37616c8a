/*
 * Local stand-ins for everything Switchyard talks to: Composio, Pipedream, Scalekit, GitHub issues,
 * Infisical and one worker. Each has a listener, and so an origin, of its own; all run on one loop.
 *
 * They answer as the vendors' wire contracts say, errors included, hold their state in memory,
 * offer a consent page a browser can click through, and misbehave on request; docs/sandbox.md has
 * the users, the tools and the fault script. Loopback only: any other host is refused.
 */
#ifndef SY_SANDBOX_SANDBOX_H
#define SY_SANDBOX_SANDBOX_H

#include "base/err.h"
#include "net/loop.h"

struct sy_sandbox;

struct sy_sandbox_options {
    struct sy_str listen_host; /* "127.0.0.1" when absent; 127.0.0.0/8, ::1 or localhost */
    /* 0 = the system picks; read them back with sy_sandbox_endpoints */
    unsigned composio_port, pipedream_port, scalekit_port, github_port, infisical_port, worker_port;
    /* Folder with composio-toolkits.json, composio-tools.txt, pipedream-apps.json,
     * scalekit-connectors.json and scalekit-tools.json; absent: the built-in toolkits only. */
    struct sy_str catalogue_dir;
};

/* Binds and serves on `loop`, which must outlive the sandbox. Nothing of `options` is kept.
 * SY_INVALID: not a loopback host, or a catalogue file that is not what it should be. */
int sy_sandbox_create(struct sy_loop *loop, const struct sy_sandbox_options *options,
                      struct sy_sandbox **ret, struct sy_err *err);
/* Closes every connection at once. NULL is allowed. */
void sy_sandbox_destroy(struct sy_sandbox *sandbox);

/* Base URLs without a trailing slash, and the credentials the stand-ins accept. */
struct sy_sandbox_endpoints {
    char composio_url[64], pipedream_url[64], scalekit_url[64], github_url[64], infisical_url[64],
        worker_url[64];
    const char *composio_api_key;
    const char *pipedream_client_id, *pipedream_client_secret, *pipedream_project_id;
    const char *scalekit_client_id, *scalekit_client_secret;
    const char *worker_secret;
    const char *github_token;
    const char *infisical_client_id, *infisical_client_secret;
};
/* The strings are static and outlive the sandbox. */
void sy_sandbox_endpoints(const struct sy_sandbox *sandbox, struct sy_sandbox_endpoints *ret);

#endif
