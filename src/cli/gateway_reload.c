#include <string.h>

#include "base/log.h"
#include "cli/gateway_int.h"

struct reload_job {
    struct sy_gateway *gateway;
    struct sy_loaded_policy *policy;
    struct sy_err *err;
    int status;
};

static void reload_work(struct sy_store *store, struct sy_writer_job *job)
{
    struct reload_job *reload = job->ctx;
    struct sy_engine *engine = reload->gateway->engine;

    sy_engine_set_policy(engine, &reload->policy->arena, reload->policy->policy);
    reload->status = sy_engine_reload(engine, store, reload->err);
}

int gateway_put_policy(struct sy_gateway *gateway, struct sy_loaded_policy *policy,
                       struct sy_err *err)
{
    struct reload_job job = {.gateway = gateway, .policy = policy, .err = err};

    sy_writer_run(gateway->writer, reload_work, &job);
    if (job.status == SY_OK)
        gateway->has_policy = !policy->built_in;
    return job.status;
}

/* A folder that is gone for a moment must not take its rules along. */
static int policy_again(struct sy_gateway *gateway, const struct sy_config *config,
                        struct sy_faults *faults)
{
    struct sy_loaded_policy policy;
    struct sy_err err = SY_ERR_INIT;
    int status = sy_policy_from_config(config, &policy, faults);

    if (status != SY_OK)
        return status;
    if (policy.built_in && gateway->has_policy) {
        sy_arena_release(&policy.arena);
        sy_fault(faults, NULL, "the policy's files are gone; the one that was read stays in force");
        return SY_INVALID;
    }
    status = gateway_put_policy(gateway, &policy, &err);
    if (status != SY_OK)
        sy_fault(faults, NULL, "%s", err.text);
    return status;
}

/* The configuration in force for what a reload can change. */
static const struct sy_config *config_now(const struct sy_gateway *gateway)
{
    return gateway->has_reloaded ? &gateway->reloaded : gateway->config;
}

static void vendors_again(struct sy_gateway *gateway)
{
    struct sy_vendor_runtime runtimes[SY_VENDORS_MAX];
    size_t count;

    sy_buf_clear(&gateway->warnings);
    gateway_vendors(gateway, &config_now(gateway)->settings, runtimes, &count);
    for (size_t i = 0; i < count; i++)
        sy_engine_update_vendor(gateway->engine, i, &runtimes[i]);
}

static bool same_networks(const struct sy_settings *old, const struct sy_settings *new)
{
    if (old->egress_allow_count != new->egress_allow_count)
        return false;
    for (size_t i = 0; i < old->egress_allow_count; i++)
        if (!sy_str_eq(old->egress_allow[i], new->egress_allow[i]))
            return false;
    return true;
}

static bool same_ref(const struct sy_ref *old, const struct sy_ref *new)
{
    return old->set == new->set && old->kind == new->kind &&sy_str_eq(old->text, new->text);
}

static bool same_named(const struct sy_settings *old, const struct sy_settings *new)
{
    if (old->named_count != new->named_count)
        return false;
    for (size_t i = 0; i < old->named_count; i++)
        if (!sy_str_eq(old->named[i].name, new->named[i].name) ||
            !same_ref(&old->named[i].ref, &new->named[i].ref))
            return false;
    return true;
}

static bool same_infisical(const struct sy_settings *old, const struct sy_settings *new)
{
    return old->infisical.present ==
               new->infisical.present &&sy_str_eq(old->infisical.url, new->infisical.url) &&
           sy_str_eq(old->infisical.project, new->infisical.project) &&
           sy_str_eq(old->infisical.environment, new->infisical.environment) &&
           same_ref(&old->infisical.client_id, &new->infisical.client_id) &&
           same_ref(&old->infisical.client_secret, &new->infisical.client_secret);
}

/* What is built once at the start must not seem to have changed. */
static void warn_of_restart(const struct sy_settings *old, const struct sy_settings *new)
{
    const struct {
        const char *name;
        bool differs;
    } table[] = {
        {"listen", !sy_str_eq(old->listen, new->listen)},
        {"admin_listen", !sy_str_eq(old->admin_listen, new->admin_listen)},
        {"tls", gateway_tls_wanted(old) != gateway_tls_wanted(new)},
        {"threads", old->threads != new->threads},
        {"store", !sy_str_eq(old->store, new->store)},
        {"public_url", !sy_str_eq(old->public_url, new->public_url)},
        {"memory", old->memory != new->memory},
        {"ledger.durability", old->ledger_durability != new->ledger_durability},
        {"ledger.on_failure", old->ledger_on_failure != new->ledger_on_failure},
        {"ledger.keep", old->ledger_keep_ms != new->ledger_keep_ms},
        {"ledger.payloads", old->ledger_payloads != new->ledger_payloads},
        {"egress.allow", !same_networks(old, new)},
        {"egress.connections", old->egress_connections != new->egress_connections},
        {"secrets.named", !same_named(old, new)},
        {"secrets.infisical", !same_infisical(old, new)},
        {"log", !sy_str_eq(old->log_level, new->log_level) ||
                    !sy_str_eq(old->log_format, new->log_format)},
    };

    for (size_t i = 0; i < SY_ARRAY_LEN(table); i++)
        if (table[i].differs)
            sy_logf(SY_LOG_WARN, "reload_needs_restart",
                    "%s differs from what runs: it takes effect at the next start", table[i].name);
}

/* Read before anything changes: a reload is all of it or nothing. */
static int certificate_again(struct sy_gateway *gateway, const struct sy_config *config,
                             struct sy_tls_pair **ret, struct sy_faults *faults)
{
    struct sy_err err = SY_ERR_INIT;
    struct sy_yaml at = {.file = config->settings.tls_certificate.file,
                         .line = config->settings.tls_certificate.line,
                         .column = config->settings.tls_certificate.column};

    if (!gateway->tls || !gateway_tls_wanted(&config->settings))
        return SY_OK;
    if (gateway_tls_read(&config->settings, ret, &err) == SY_OK)
        return SY_OK;
    sy_fault(faults, &at, "%s", err.text);
    return SY_INVALID;
}

static int config_again(struct sy_gateway *gateway, struct sy_config *ret, struct sy_faults *faults)
{
    int status = sy_config_load(gateway->options.config_file, ret, faults);

    if (status != SY_OK)
        sy_config_release(ret);
    return status;
}

static int reload(struct sy_gateway *gateway, struct sy_faults *faults)
{
    bool has_file = gateway->options.config_file.ptr != NULL;
    const struct sy_config *next = gateway->config;
    struct sy_tls_pair *pair = NULL;
    struct sy_config config;
    int status = has_file ? config_again(gateway, &config, faults) : SY_OK;

    if (status != SY_OK)
        return status;
    if (has_file)
        next = &config;
    status = certificate_again(gateway, next, &pair, faults);
    if (status == SY_OK)
        status = policy_again(gateway, next, faults);
    if (status != SY_OK) {
        sy_tls_pair_free(pair);
        if (has_file)
            sy_config_release(&config);
        return status;
    }
    if (has_file) {
        warn_of_restart(&gateway->config->settings, &config.settings);
        if (gateway->has_reloaded)
            sy_config_release(&gateway->reloaded);
        gateway->reloaded = config;
        gateway->has_reloaded = true;
    }
    gateway_tls_put(gateway, pair);
    sy_secrets_renew(gateway->secrets);
    vendors_again(gateway);
    if (gateway->warnings.len)
        sy_logf(SY_LOG_WARN, "reload", "%.*s", SY_FMT(sy_buf_str(&gateway->warnings)));
    return SY_OK;
}

int sy_gateway_reload(struct sy_gateway *gateway, struct sy_faults *faults)
{
    int status = reload(gateway, faults);
    struct sy_str result = status == SY_OK ? SY_STR("ok") : SY_STR("refused");

    if (!gateway->counters)
        gateway->counters = sy_metrics_set_new(gateway->metrics);
    if (gateway->counters)
        sy_metric_add(gateway->counters, SY_METRIC_RELOADS, &result, 1);
    return status;
}

bool sy_gateway_retry_secrets(struct sy_gateway *gateway)
{
    if (!sy_secrets_retry(gateway->secrets))
        return false;
    vendors_again(gateway);
    return true;
}
