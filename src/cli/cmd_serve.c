#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/commands.h"

#define GRACE_MS 310000
#define SECRETS_RETRY_MS 15000
#define FILES_WATCH_MS 1000     /* certificate and key */
#define PREDECESSOR_WATCH_MS 50 /* whether the process before has ended */

static const struct cli_option options[] = {
    {"--config", "FILE", "configuration (default " SY_CONFIG_FILE_DEFAULT ")", false},
    {"--sandbox", NULL, "local stand-ins for every vendor: no config and no vendor keys needed",
     false},
    {"--catalogue", "DIR", "sandbox: load real catalogues from this folder", false},
    {"--listen", "ADDRESS", "listen here instead of the configured address", false},
    {"--admin-listen", "ADDRESS", "metrics here instead of the configured address; off: none",
     false},
    {NULL, NULL, NULL, false},
};

static int load(struct cli *cli, struct sy_config *config, struct sy_gateway_options *what)
{
    struct sy_str file = cli_get(cli, "--config");
    struct sy_faults faults;
    int status;

    if (cli_has(cli, "--sandbox")) {
        if (file.ptr)
            return cli_usage(cli, "--sandbox takes no --config: it needs none");
        sy_config_default(config);
        config->settings.policies = (struct sy_str){NULL, 0};
        return SY_EXIT_DONE;
    }
    if (!file.ptr)
        file = SY_STR(SY_CONFIG_FILE_DEFAULT);
    sy_faults_init(&faults);
    status = sy_config_load(file, config, &faults);
    fprintf(stderr, "%.*s", SY_FMT(sy_buf_str(&faults.text)));
    sy_faults_release(&faults);
    what->config_file = file;
    if (status == SY_NOT_FOUND)
        fputs("switchyard: no configuration; `switchyard init` writes one, "
              "`switchyard serve --sandbox` needs none\n",
              stderr);
    if (status != SY_OK)
        sy_config_release(config);
    return status == SY_OK ? SY_EXIT_DONE : SY_EXIT_FAILED;
}

/* Only loopback may be listened on where a key is printed and stand-ins answer. */
static bool is_loopback(struct sy_str address)
{
    return sy_str_starts(address, SY_STR("127.")) || sy_str_starts(address, SY_STR("localhost:")) ||
           sy_str_starts(address, SY_STR("[::1]:"));
}

static struct sy_str sample_call(struct cli *cli)
{
    struct sy_json_writer w;
    struct sy_buf out;

    cli_writer(cli, &out, &w);
    sy_jw_object(&w);
    sy_jw_member_z(&w, "tool", "gmail_fetch_emails");
    sy_jw_member_z(&w, "user_id", "user_123");
    sy_jw_name(&w, "arguments");
    sy_jw_object(&w);
    sy_jw_member_z(&w, "query", "is:unread");
    sy_jw_object_end(&w);
    sy_jw_object_end(&w);
    return sy_buf_str(&out);
}

static int print_start(struct cli *cli, struct sy_gateway *gateway, bool sandbox)
{
    struct sy_str url = sy_gateway_url(gateway), admin = sy_gateway_admin_url(gateway), secret;
    struct sy_err err = SY_ERR_INIT;

    fprintf(stderr, "%.*s", SY_FMT(sy_gateway_warnings(gateway)));
    if (sy_gateway_lost(gateway))
        fprintf(stderr,
                "calls in flight when the last process ended: %u; their rows say outcome unknown\n",
                sy_gateway_lost(gateway));
    printf("switchyard %s listens on %.*s (%u threads, %zu registry rows)\n", SY_VERSION,
           SY_FMT(url), sy_gateway_threads(gateway), sy_gateway_rows(gateway));
    if (admin.ptr)
        printf("metrics at %.*s/metrics\n", SY_FMT(admin));
    if (sandbox) {
        if (sy_gateway_make_key(gateway, SY_STR("sandbox"), &cli->arena, &secret, &err) != SY_OK)
            return cli_fail(cli, "no key: %s", err.text);
        printf("\nsandbox: every vendor is a local stand-in, nothing leaves this machine\n"
               "  export SWITCHYARD_URL=%.*s\n  export SWITCHYARD_KEY=%.*s\n",
               SY_FMT(url), SY_FMT(secret));
        printf("\ntry:\n  curl -s $SWITCHYARD_URL/v1/execute -H \"Authorization: Bearer "
               "$SWITCHYARD_KEY\" \\\n       -H 'Content-Type: application/json' -d '%.*s'\n",
               SY_FMT(sample_call(cli)));
    }
    fflush(stdout);
    return SY_EXIT_DONE;
}

static void notify_reloading(void)
{
    char text[64];

    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)sy_clock_ms() * 1000);
    sy_service_notify(text);
}

static void reload(struct sy_gateway *gateway)
{
    struct sy_faults faults;
    int status;

    notify_reloading();
    sy_faults_init(&faults);
    status = sy_gateway_reload(gateway, &faults);
    if (status == SY_OK)
        sy_logf(SY_LOG_INFO, "reload", "configuration, policy and registry read again");
    else
        sy_logf(SY_LOG_ERROR, "reload_refused", "the old state stays: %.*s",
                SY_FMT(sy_str_trim(sy_buf_str(&faults.text))));
    sy_faults_release(&faults);
    sy_service_notify("READY=1");
}

/* From here on a second SIGTERM or SIGINT ends the process at once: the ledger survives that. */
static void drain(struct sy_gateway *gateway, bool handed_over)
{
    sigset_t enough;

    sigemptyset(&enough);
    sigaddset(&enough, SIGTERM);
    sigaddset(&enough, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &enough, NULL);
    if (!handed_over)
        sy_service_notify("STOPPING=1");
    sy_logf(SY_LOG_INFO, "drain",
            handed_over ? "another process has the listeners; connections here are let go"
                        : "no new calls; those in flight are answered");
    sy_gateway_stop(gateway, GRACE_MS);
}

/* What is looked at from time to time; for how long to wait until it is looked at again. */
static int64_t look_around(struct sy_gateway *gateway, int64_t *secrets_at_ms)
{
    int64_t wait_ms = sy_gateway_watch_files(gateway) ? FILES_WATCH_MS : SECRETS_RETRY_MS;

    if (sy_gateway_has_predecessor(gateway))
        wait_ms = PREDECESSOR_WATCH_MS;
    if (sy_clock_ms() < *secrets_at_ms)
        return wait_ms;
    *secrets_at_ms = sy_clock_ms() + SECRETS_RETRY_MS;
    if (sy_gateway_retry_secrets(gateway))
        sy_logf(SY_LOG_INFO, "secrets", "a secret that could not be read is here now");
    return wait_ms;
}

/* True: another process serves. */
static bool upgrade(struct sy_gateway *gateway)
{
    struct sy_err err = SY_ERR_INIT;

    sy_logf(SY_LOG_INFO, "upgrade", "starting the program again to hand over to it");
    if (sy_gateway_hand_over(gateway, &err) == SY_OK)
        return true;
    sy_logf(SY_LOG_ERROR, "upgrade_refused", "this process goes on serving: %s", err.text);
    return false;
}

static int wait_for_signals(struct sy_gateway *gateway, const sigset_t *signals)
{
    int64_t secrets_at_ms = sy_clock_ms() + SECRETS_RETRY_MS;

    for (;;) {
        int64_t wait_ms = look_around(gateway, &secrets_at_ms);
        struct timespec every = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
        int signal_number = sigtimedwait(signals, NULL, &every);

        if (signal_number == SIGHUP)
            reload(gateway);
        if (signal_number == SIGTERM || signal_number == SIGINT ||
            (signal_number == SIGUSR2 && upgrade(gateway))) {
            drain(gateway, signal_number == SIGUSR2);
            return SY_EXIT_DONE;
        }
    }
}

static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
    sigaddset(signals, SIGUSR2);
    /* Before any thread starts, so that all inherit the mask and only the main thread is told. */
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void set_up_log(const struct sy_settings *settings)
{
    static const struct {
        const char *name;
        enum sy_log_level level;
    } levels[] = {
        {"debug", SY_LOG_DEBUG},
        {"info", SY_LOG_INFO},
        {"warn", SY_LOG_WARN},
        {"error", SY_LOG_ERROR},
    };
    bool json = sy_str_eq(settings->log_format, SY_STR("json")) ||
                (!sy_str_eq(settings->log_format, SY_STR("text")) && !isatty(STDERR_FILENO));
    enum sy_log_level least = SY_LOG_INFO;

    for (size_t i = 0; i < SY_ARRAY_LEN(levels); i++)
        if (sy_str_eq(settings->log_level, sy_str_of(levels[i].name)))
            least = levels[i].level;
    sy_log_setup(least, json);
}

/* A connection is a descriptor. Shells and service managers start a program with 1024 of them for
 * the sake of select(), which nothing here uses, and let it take more. */
static void take_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int serve(struct cli *cli)
{
    bool sandbox = cli_has(cli, "--sandbox");
    struct sy_gateway_options what = {.sandbox = sandbox, .catalogue = cli_get(cli, "--catalogue")};
    struct sy_gateway *gateway;
    struct sy_err err = SY_ERR_INIT;
    struct sy_config config;
    sigset_t signals;
    int code = load(cli, &config, &what);

    if (code != SY_EXIT_DONE)
        return code;
    if (cli_has(cli, "--listen"))
        config.settings.listen = cli_get(cli, "--listen");
    if (cli_has(cli, "--admin-listen"))
        config.settings.admin_listen = cli_get(cli, "--admin-listen");
    if (sy_str_eq(config.settings.admin_listen, SY_STR("off")))
        config.settings.admin_listen = SY_STR("");
    if (sandbox && !is_loopback(config.settings.listen)) {
        sy_config_release(&config);
        return cli_usage(cli, "the sandbox listens on loopback only");
    }
    set_up_log(&config.settings);
    block_signals(&signals);
    take_descriptors();
    what.config = &config;
    sy_inherited_take(&what.inherited);
    if (sy_gateway_start(&what, &gateway, &err) != SY_OK) {
        code = cli_fail(cli, "%s", err.text);
    } else if ((sandbox && sy_gateway_seed_sandbox(gateway, &err) != SY_OK) ||
               print_start(cli, gateway, sandbox) != SY_EXIT_DONE) {
        code = cli_fail(cli, "the sandbox cannot be set up: %s", err.text);
        sy_gateway_stop(gateway, 0);
    } else {
        sy_service_notify_ready();
        code = wait_for_signals(gateway, &signals);
    }
    sy_config_release(&config);
    return code;
}

const struct cli_command cli_serve = {
    .name = "serve",
    .arguments = "",
    .summary = "Runs the gateway.",
    .details = "SIGTERM drains: calls in flight are answered, then the process ends. SIGHUP reads\n"
               "configuration and policy again; a fault in them leaves the old state in force.\n"
               "SIGUSR2 starts the program again and hands listeners and store over to it.",
    .options = options,
    .run = serve,
};
