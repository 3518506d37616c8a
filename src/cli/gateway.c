#include "cli/gateway.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/encode.h"
#include "base/log.h"
#include "cli/gateway_int.h"
#include "registry/registry.h"

#define LEDGER_JOURNAL_BYTES ((size_t)64 << 20)

/* ---- the sandbox's own folder ---- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static int sandbox_folder(struct sy_gateway *gateway, struct sy_err *err)
{
    const char *base = getenv("TMPDIR");
    struct sy_buf path;

    sy_buf_init(&path, sizeof(gateway->store_folder) - 1);
    sy_buf_printf(&path, "%s/switchyard-sandbox-XXXXXX", base && *base ? base : "/tmp");
    if (sy_buf_ok(&path))
        memcpy(gateway->store_folder, path.ptr, path.len);
    sy_buf_release(&path);
    if (!gateway->store_folder[0] || !mkdtemp(gateway->store_folder))
        return sy_err_set(err, SY_ERR, "no temporary folder for the sandbox's store");
    return SY_OK;
}

/* ---- parts, in the order they stand on each other ---- */

static int open_store(struct sy_gateway *gateway, struct sy_err *err)
{
    const struct sy_settings *settings = &gateway->config->settings;
    struct sy_store_options options = {.url = settings->store,
                                       .exclusive = true,
                                       .lock_fd = gateway->options.inherited.lock_fd,
                                       .seed = true,
                                       .holder_note = gateway->url};
    struct sy_str prefix = SY_STR("sqlite:"), path;
    struct sy_store *store;
    int status;

    if (gateway->store_folder[0]) {
        path = sy_arena_printf(&gateway->arena, "%s/switchyard.db", gateway->store_folder);
        options.url = sy_arena_printf(&gateway->arena, "sqlite:%.*s", SY_FMT(path));
    } else if (sy_str_starts(options.url, prefix)) {
        path = sy_path_below(gateway->config->folder, sy_str_skip(options.url, prefix.len),
                             &gateway->arena);
        options.url = sy_arena_printf(&gateway->arena, "sqlite:%.*s", SY_FMT(path));
        status = sy_folder_make(sy_path_folder(path), err);
        if (status != SY_OK)
            return status;
    } else {
        path = SY_STR("var/switchyard.db");
        status = sy_folder_make(SY_STR("var"), err);
        if (status != SY_OK)
            return status;
    }
    status = sy_store_open(&options, &store, err);
    if (status != SY_OK)
        return status;
    gateway->lock_fd = store->lock_fd;
    status = sy_writer_create(store, &gateway->writer, err);
    if (status != SY_OK)
        store->ops->close(store);
    return status == SY_OK ? gateway_journals_take(gateway, path, err) : status;
}

static int make_egress(struct sy_gateway *gateway, struct sy_err *err)
{
    const struct sy_settings *settings = &gateway->config->settings;
    int status = SY_OK;

    for (size_t i = 0; i < settings->egress_allow_count && status == SY_OK; i++)
        status = sy_egress_allow(&gateway->egress, settings->egress_allow[i], err);
    if (status == SY_OK && gateway->options.sandbox)
        status = sy_egress_allow(&gateway->egress, SY_STR("127.0.0.0/8"), err);
    return status;
}

/* The URL of a listener: the setting with the port that it has in fact. */
static struct sy_str url_of(struct sy_gateway *gateway, struct sy_str address, int fd)
{
    bool tls = !gateway->options.one_shot && gateway_tls_wanted(&gateway->config->settings);
    size_t host = address.len;

    while (host > 0 && address.ptr[host - 1] != ':')
        host--;
    return sy_arena_printf(&gateway->arena, "%s://%.*s%d", tls ? "https" : "http", (int)host,
                           address.ptr, sy_listen_port(fd));
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static int inherited(int fd)
{
    return fd > 0 ? fd : -1;
}

/* A service manager gives what its unit says: a file or a connection would make the loops spin. */
static int check_inherited(int fd, const char *setting, struct sy_err *err)
{
    if (fd < 0 || sy_listen_port(fd) >= 0)
        return SY_OK;
    return sy_err_set(err, SY_INVALID,
                      "descriptor %d was handed over for %s: it is not a listening TCP socket", fd,
                      setting);
}

static int listen_on(struct sy_gateway *gateway, struct sy_err *err)
{
    const struct sy_settings *settings = &gateway->config->settings;
    struct sy_str address = gateway->options.one_shot ? SY_STR("127.0.0.1:0") : settings->listen;
    int status;

    gateway->listen_fd = inherited(gateway->options.inherited.listen_fd);
    gateway->admin_fd = inherited(gateway->options.inherited.admin_fd);
    if ((status = check_inherited(gateway->listen_fd, "listen", err)) != SY_OK ||
        (status = check_inherited(gateway->admin_fd, "admin_listen", err)) != SY_OK)
        return status;
    if (gateway->listen_fd < 0)
        status = sy_listen(address, &gateway->listen_fd, err);
    if (status != SY_OK)
        return status;
    gateway->url = url_of(gateway, address, gateway->listen_fd);
    if (gateway->options.one_shot || !settings->admin_listen.len) {
        close_fd(gateway->admin_fd);
        gateway->admin_fd = -1;
        return SY_OK;
    }
    if (gateway->admin_fd < 0)
        status = sy_listen(settings->admin_listen, &gateway->admin_fd, err);
    if (status == SY_OK)
        gateway->admin_url = url_of(gateway, settings->admin_listen, gateway->admin_fd);
    return status;
}

static int make_engine(struct sy_gateway *gateway, struct sy_err *err)
{
    const struct sy_settings *settings = &gateway->config->settings;
    struct sy_vendor_runtime runtimes[SY_VENDORS_MAX];
    struct sy_engine_options options = {
        .vendors = runtimes,
        .named_secret = gateway_named_secret,
        .named_secret_ctx = gateway,
        .writer = gateway->writer,
        .ledger = gateway->ledger,
        .metrics = gateway->metrics,
        .mark_on_ledger_failure = settings->ledger_on_failure == SY_LEDGER_MARK,
        .payloads = settings->ledger_payloads,
        .memory = (size_t)settings->memory,
    };

    gateway_vendors(gateway, settings, runtimes, &options.vendor_count);
    return sy_engine_create(&options, &gateway->engine, err);
}

static int load_registry(struct sy_gateway *gateway, struct sy_err *err)
{
    struct sy_loaded_policy policy;
    struct sy_faults faults;
    int status;

    sy_faults_init(&faults);
    status = sy_policy_from_config(gateway->config, &policy, &faults);
    if (status == SY_OK)
        status = gateway_put_policy(gateway, &policy, err);
    else
        sy_err_set(err, SY_INVALID, "%.*s", SY_FMT(sy_buf_str(&faults.text)));
    sy_faults_release(&faults);
    return status;
}

static unsigned thread_count(const struct sy_gateway *gateway)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned count = gateway->config->settings.threads;

    if (gateway->options.one_shot)
        return 1;
    if (!count)
        count = cores > 0 ? (unsigned)cores : 1;
    return count < GATEWAY_THREADS_MAX ? count : GATEWAY_THREADS_MAX;
}

/* Other processes' writes (a command with --config, the process that hands over) are noticed on the
 * writer thread. */
static void watch_store(struct sy_store *store, void *ctx)
{
    struct sy_gateway *gateway = ctx;
    struct sy_err err = SY_ERR_INIT;
    uint64_t content;
    int64_t version;

    if (store->ops->data_version(store, &version, &err) != SY_OK ||
        version == gateway->store_version ||
        store->ops->content_version(store, &content, &err) != SY_OK)
        return;
    gateway->store_version = version;
    /* While two processes use the store each sees the other's ledger rows come. */
    if (content != gateway->store_content &&
        sy_engine_reload(gateway->engine, store, &err) != SY_OK)
        sy_logf(SY_LOG_ERROR, "registry_reload", "%s", err.text);
    gateway->store_content = content;
}

/* Before the registry is loaded, so that what is written meanwhile will be noticed. */
static void mark_version(struct sy_store *store, struct sy_writer_job *job)
{
    struct sy_gateway *gateway = job->ctx;
    struct sy_err err = SY_ERR_INIT;

    (void)store->ops->data_version(store, &gateway->store_version, &err);
    (void)store->ops->content_version(store, &gateway->store_content, &err);
}

static int start_parts(struct sy_gateway *gateway, struct sy_err *err)
{
    const struct sy_settings *settings = &gateway->config->settings;
    struct sy_ledger_options ledger = {
        .power = settings->ledger_durability == SY_DURABILITY_POWER,
        .journal_bytes = LEDGER_JOURNAL_BYTES,
        .keep_ms = settings->ledger_keep_ms,
    };
    struct sy_secret_fetch fetch;
    struct sy_api_options api = {0};
    unsigned threads = thread_count(gateway);
    int status = sy_transfers_global_init(err);

    if (status == SY_OK && (gateway->options.sandbox || gateway->options.scratch_store))
        status = sandbox_folder(gateway, err);
    if (status == SY_OK && gateway->options.sandbox)
        status = gateway_sandbox_start(gateway, err);
    if (status == SY_OK)
        status = sy_fetcher_create(&gateway->fetcher, err);
    if (status != SY_OK)
        return status;
    fetch = sy_fetcher_for_secrets(gateway->fetcher);
    if ((status = listen_on(gateway, err)) != SY_OK ||
        (status = sy_secrets_create(settings, &fetch, &gateway->secrets, err)) != SY_OK ||
        (status = make_egress(gateway, err)) != SY_OK ||
        (status = sy_dns_create(2, &gateway->dns, err)) != SY_OK ||
        (status = sy_metrics_create(&gateway->metrics, err)) != SY_OK ||
        (status = gateway_tls_start(gateway, err)) != SY_OK ||
        (status = open_store(gateway, err)) != SY_OK)
        return status;
    ledger.directory = gateway->journals;
    sy_writer_run(gateway->writer, mark_version, gateway);
    if ((status = sy_ledger_create(&ledger, gateway->writer, threads, &gateway->ledger,
                                   &gateway->lost, err)) != SY_OK)
        return status;
    (void)gateway_journals_recover(gateway, &gateway->lost);
    if ((status = make_engine(gateway, err)) != SY_OK ||
        (status = load_registry(gateway, err)) != SY_OK)
        return status;
    api.engine = gateway->engine;
    api.metrics = gateway->metrics;
    api.public_url = settings->public_url.len ? settings->public_url : gateway->url;
    api.local_secret = gateway->options.local_secret;
    if ((status = sy_api_create(&api, &gateway->api, err)) != SY_OK ||
        (status = gateway_upgrade_ready(gateway, err)) != SY_OK)
        return status;
    sy_writer_on_idle(gateway->writer, watch_store, gateway);
    status = gateway_threads_start(gateway, threads, err);
    if (status == SY_OK)
        gateway_upgrade_serving(gateway);
    return status;
}

int sy_gateway_start(const struct sy_gateway_options *options, struct sy_gateway **ret,
                     struct sy_err *err)
{
    struct sy_gateway *gateway = calloc(1, sizeof(*gateway));
    int status;

    if (!gateway)
        return sy_err_set(err, SY_NOMEM, "no memory for the gateway");
    gateway->options = *options;
    gateway->config = options->config;
    gateway->listen_fd = -1;
    gateway->admin_fd = -1;
    gateway->lock_fd = -1;
    gateway->upgrade_fd = inherited(options->inherited.upgrade_fd);
    for (unsigned i = 0; i < GATEWAY_JOURNALS; i++)
        gateway->journal_fds[i] = -1;
    sy_arena_init(&gateway->arena, (size_t)4 << 20);
    sy_buf_init(&gateway->warnings, 65536);
    status = start_parts(gateway, err);
    if (status != SY_OK) {
        sy_gateway_stop(gateway, 0);
        return status;
    }
    *ret = gateway;
    return SY_OK;
}

void sy_gateway_stop(struct sy_gateway *gateway, int64_t grace_ms)
{
    if (!gateway)
        return;
    /* Who hands over still heeds what its successor writes: keys revoked, vendors quarantined. */
    if (gateway->writer && !gateway->handed_over)
        sy_writer_on_idle(gateway->writer, NULL, NULL);
    gateway_threads_stop(gateway, grace_ms);
    if (gateway->writer)
        sy_writer_on_idle(gateway->writer, NULL, NULL);
    if (gateway->api)
        sy_api_free(gateway->api);
    sy_ledger_destroy(gateway->ledger);
    gateway_journals_leave(gateway);
    sy_engine_free(gateway->engine);
    sy_writer_destroy(gateway->writer);
    for (unsigned i = 0; i < gateway->thread_count; i++)
        if (gateway->threads[i].loop)
            sy_loop_destroy(gateway->threads[i].loop);
    sy_server_group_destroy(gateway->group);
    sy_tls_free(gateway->tls);
    sy_metrics_free(gateway->metrics);
    if (gateway->dns)
        sy_dns_destroy(gateway->dns);
    sy_secrets_free(gateway->secrets);
    sy_fetcher_free(gateway->fetcher);
    gateway_sandbox_stop(gateway);
    close_fd(gateway->listen_fd);
    close_fd(gateway->admin_fd);
    close_fd(gateway->upgrade_fd);
    if (gateway->store_folder[0])
        nftw(gateway->store_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    if (gateway->has_reloaded)
        sy_config_release(&gateway->reloaded);
    sy_buf_release(&gateway->warnings);
    sy_arena_release(&gateway->arena);
    sy_transfers_global_cleanup();
    free(gateway);
}

/* ---- what the surfaces ask ---- */

struct sy_str sy_gateway_url(const struct sy_gateway *gateway)
{
    return gateway->url;
}

struct sy_str sy_gateway_admin_url(const struct sy_gateway *gateway)
{
    return gateway->admin_url;
}

unsigned sy_gateway_lost(const struct sy_gateway *gateway)
{
    return gateway->lost;
}

unsigned sy_gateway_threads(const struct sy_gateway *gateway)
{
    return gateway->thread_count;
}

struct sy_str sy_gateway_warnings(const struct sy_gateway *gateway)
{
    return sy_buf_str(&gateway->warnings);
}
