/* The listeners' certificate: read at the start, on reload, and when its files change. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/gateway_int.h"

/* Where a setting's file is; an absent text if the reference cannot be one. */
static struct sy_str path_of(const struct sy_ref *ref, struct sy_arena *arena)
{
    const char *name;

    if (ref->kind == SY_REF_LITERAL || ref->kind == SY_REF_FILE)
        return ref->text;
    name = ref->kind == SY_REF_ENV ? sy_arena_z(arena, ref->text) : NULL;
    return sy_str_of(name ? getenv(name) : NULL);
}

bool gateway_tls_wanted(const struct sy_settings *settings)
{
    return settings->tls_certificate.set && settings->tls_key.set;
}

int gateway_tls_read(const struct sy_settings *settings, struct sy_tls_pair **ret,
                     struct sy_err *err)
{
    struct sy_str certificate, key;
    struct sy_arena arena;
    int status;

    sy_arena_init(&arena, 65536);
    certificate = path_of(&settings->tls_certificate, &arena);
    key = path_of(&settings->tls_key, &arena);
    if (!certificate.len || !key.len)
        status = sy_err_set(err, SY_INVALID, "tls: certificate and key must name files");
    else
        status = sy_tls_pair_read(certificate, key, ret, err);
    sy_arena_release(&arena);
    return status;
}

int sy_gateway_check_tls(const struct sy_settings *settings, struct sy_arena *arena,
                         struct sy_str *ret_warning, struct sy_err *err)
{
    struct sy_tls_pair *pair;
    int status;

    *ret_warning = SY_STR("");
    if (!gateway_tls_wanted(settings))
        return SY_OK;
    status = gateway_tls_read(settings, &pair, err);
    if (status != SY_OK)
        return status;
    *ret_warning = sy_arena_copy(arena, sy_str_of(sy_tls_pair_warning(pair)));
    sy_tls_pair_free(pair);
    return SY_OK;
}

static struct sy_metrics_set *counters(struct sy_gateway *gateway)
{
    if (!gateway->counters)
        gateway->counters = sy_metrics_set_new(gateway->metrics);
    return gateway->counters;
}

static void show_expiry(struct sy_gateway *gateway)
{
    struct sy_metrics_set *set = counters(gateway);

    if (set)
        sy_metric_set(set, SY_METRIC_CERTIFICATE_EXPIRES, NULL, sy_tls_expires_s(gateway->tls));
}

int gateway_tls_start(struct sy_gateway *gateway, struct sy_err *err)
{
    const struct sy_settings *settings = &gateway->config->settings;
    struct sy_tls_pair *pair;
    int status;

    if (gateway->options.one_shot || !gateway_tls_wanted(settings))
        return SY_OK;
    status = gateway_tls_read(settings, &pair, err);
    if (status != SY_OK)
        return status;
    if (*sy_tls_pair_warning(pair))
        gateway_warn(gateway, "%s", sy_tls_pair_warning(pair));
    status = sy_tls_create(pair, &gateway->tls, err);
    if (status == SY_OK)
        show_expiry(gateway);
    return status;
}

void gateway_tls_put(struct sy_gateway *gateway, struct sy_tls_pair *pair)
{
    if (!pair)
        return;
    if (*sy_tls_pair_warning(pair))
        sy_logf(SY_LOG_WARN, "certificate", "%s", sy_tls_pair_warning(pair));
    sy_tls_put(gateway->tls, pair);
    show_expiry(gateway);
}

bool sy_gateway_watch_files(struct sy_gateway *gateway)
{
    const struct sy_config *config = gateway->has_reloaded ? &gateway->reloaded : gateway->config;
    struct sy_metrics_set *set;
    struct sy_err err = SY_ERR_INIT;
    struct sy_tls_pair *pair;
    struct sy_str result;
    int status;

    if (!gateway->tls)
        return false;
    if (!sy_tls_is_stale(gateway->tls, sy_clock_ms()))
        return true;
    status = gateway_tls_read(&config->settings, &pair, &err);
    result = status == SY_OK ? SY_STR("ok") : SY_STR("refused");
    if (status == SY_OK)
        gateway_tls_put(gateway, pair);
    if (status == SY_OK)
        sy_logf(SY_LOG_INFO, "certificate", "certificate and key read again");
    else
        sy_logf(SY_LOG_ERROR, "certificate_refused", "the old certificate stays: %s", err.text);
    set = counters(gateway);
    if (set)
        sy_metric_add(set, SY_METRIC_CERTIFICATE_RELOADS, &result, 1);
    return true;
}
