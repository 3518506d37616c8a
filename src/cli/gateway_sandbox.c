#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/gateway_int.h"

static void *sandbox_main(void *arg)
{
    struct sy_gateway *gateway = arg;

    sy_loop_run(gateway->sandbox_loop);
    return NULL;
}

int gateway_sandbox_start(struct sy_gateway *gateway, struct sy_err *err)
{
    const unsigned *ports = gateway->options.sandbox_ports;
    struct sy_sandbox_options options = {
        .composio_port = ports[0],
        .pipedream_port = ports[1],
        .scalekit_port = ports[2],
        .github_port = ports[3],
        .infisical_port = ports[4],
        .worker_port = ports[5],
        .catalogue_dir = gateway->options.catalogue,
    };
    int status = sy_loop_create(GATEWAY_THREADS_MAX, &gateway->sandbox_loop, err);

    if (status == SY_OK)
        status = sy_sandbox_create(gateway->sandbox_loop, &options, &gateway->sandbox, err);
    if (status != SY_OK)
        return status;
    sy_sandbox_endpoints(gateway->sandbox, &gateway->endpoints);
    if (pthread_create(&gateway->sandbox_thread, NULL, sandbox_main, gateway) != 0)
        return sy_err_set(err, SY_UNAVAILABLE, "the sandbox's thread cannot be started");
    gateway->sandbox_started = true;
    return SY_OK;
}

void gateway_sandbox_stop(struct sy_gateway *gateway)
{
    if (gateway->sandbox_started) {
        sy_loop_stop(gateway->sandbox_loop);
        pthread_join(gateway->sandbox_thread, NULL);
    }
    if (gateway->sandbox)
        sy_sandbox_destroy(gateway->sandbox);
    if (gateway->sandbox_loop)
        sy_loop_destroy(gateway->sandbox_loop);
    gateway->sandbox_started = false;
    gateway->sandbox = NULL;
    gateway->sandbox_loop = NULL;
}
