#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "cli/commands.h"
#include "sandbox/sandbox.h"

static const struct cli_option options[] = {
    {"--catalogue", "DIR", "load real catalogues from this folder", false},
    {"--composio-port", "PORT", "a fixed port (default: any free one)", false},
    {"--pipedream-port", "PORT", "likewise", false},
    {"--scalekit-port", "PORT", "likewise", false},
    {"--github-port", "PORT", "likewise", false},
    {"--infisical-port", "PORT", "likewise", false},
    {"--worker-port", "PORT", "likewise", false},
    {NULL, NULL, NULL, false},
};

static int read_port(struct cli *cli, const char *option, unsigned *ret)
{
    struct sy_str text = cli_get(cli, option);
    uint64_t port = 0;

    if (text.ptr && (!sy_str_to_u64(text, &port) || port < 1 || port > 65535))
        return cli_usage(cli, "%s is a number from 1 to 65535", option);
    *ret = (unsigned)port;
    return SY_EXIT_DONE;
}

static int read_options(struct cli *cli, struct sy_sandbox_options *ret)
{
    const struct {
        const char *option;
        unsigned *port;
    } ports[] = {
        {"--composio-port", &ret->composio_port},   {"--pipedream-port", &ret->pipedream_port},
        {"--scalekit-port", &ret->scalekit_port},   {"--github-port", &ret->github_port},
        {"--infisical-port", &ret->infisical_port}, {"--worker-port", &ret->worker_port},
    };
    int code = SY_EXIT_DONE;

    *ret = (struct sy_sandbox_options){.catalogue_dir = cli_get(cli, "--catalogue")};
    for (size_t i = 0; i < SY_ARRAY_LEN(ports) && code == SY_EXIT_DONE; i++)
        code = read_port(cli, ports[i].option, ports[i].port);
    return code;
}

/* ---- what it tells ---- */

struct stand_in {
    const char *name, *url;
    struct {
        const char *name, *value;
    } settings[4];
};

static void print_json(struct cli *cli, const struct stand_in *all, size_t count)
{
    struct sy_json_writer w;
    struct sy_buf out;

    cli_writer(cli, &out, &w);
    sy_jw_object(&w);
    for (size_t i = 0; i < count; i++) {
        sy_jw_name(&w, all[i].name);
        sy_jw_object(&w);
        sy_jw_member_z(&w, "base_url", all[i].url);
        for (size_t s = 0; s < SY_ARRAY_LEN(all[i].settings) && all[i].settings[s].name; s++)
            sy_jw_member_z(&w, all[i].settings[s].name, all[i].settings[s].value);
        sy_jw_object_end(&w);
    }
    sy_jw_object_end(&w);
    cli_print_json(cli, sy_buf_str(&out));
}

/* The lines before a stand-in's own, and what stands before each of these: what is no section of
 * switchyard.yaml is a comment, so that all of it can be pasted there. */
static const struct place {
    const char *name, *lead, *indent;
} places[] = {
    {"composio", "\nvendors:\n", "  "},
    {"pipedream", "", "  "},
    {"scalekit", "", "  "},
    {"github", "\n", ""},
    {"infisical", "\n", "# "},
    {"worker", "\n", "# "},
};

static void print_stand_in(struct cli *cli, const struct stand_in *stand_in)
{
    const char *indent = "";

    for (size_t i = 0; i < SY_ARRAY_LEN(places); i++)
        if (!strcmp(places[i].name, stand_in->name)) {
            cli_printz(cli, CLI_PLAIN, places[i].lead);
            indent = places[i].indent;
        }
    cli_printz(cli, CLI_PLAIN, indent);
    cli_print(cli, CLI_BOLD, sy_str_of(stand_in->name));
    cli_printf(cli, ":\n%s  base_url: %s\n", indent, stand_in->url);
    for (size_t s = 0; s < SY_ARRAY_LEN(stand_in->settings) && stand_in->settings[s].name; s++)
        cli_printf(cli, "%s  %s: literal:%s\n", indent, stand_in->settings[s].name,
                   stand_in->settings[s].value);
}

static void print_text(struct cli *cli, const struct stand_in *all, size_t count)
{
    cli_printz(cli, CLI_PLAIN,
               "# stand-ins on this machine; put this in place of the same sections of "
               "switchyard.yaml\n");
    for (size_t i = 0; i < count; i++)
        print_stand_in(cli, &all[i]);
    cli_printz(cli, CLI_PLAIN, "\n# stop with Ctrl-C\n");
}

static void print_endpoints(struct cli *cli, const struct sy_sandbox *sandbox)
{
    struct sy_sandbox_endpoints at;

    sy_sandbox_endpoints(sandbox, &at);
    {
        const struct stand_in all[] = {
            {"composio", at.composio_url, {{"api_key", at.composio_api_key}}},
            {"pipedream",
             at.pipedream_url,
             {{"client_id", at.pipedream_client_id},
              {"client_secret", at.pipedream_client_secret},
              {"project_id", at.pipedream_project_id},
              {"environment", "development"}}},
            {"scalekit",
             at.scalekit_url,
             {{"client_id", at.scalekit_client_id}, {"client_secret", at.scalekit_client_secret}}},
            {"github", at.github_url, {{"token", at.github_token}}},
            {"infisical",
             at.infisical_url,
             {{"client_id", at.infisical_client_id},
              {"client_secret", at.infisical_client_secret}}},
            {"worker", at.worker_url, {{"secret", at.worker_secret}}},
        };

        if (cli->json)
            print_json(cli, all, SY_ARRAY_LEN(all));
        else
            print_text(cli, all, SY_ARRAY_LEN(all));
    }
    fflush(stdout);
}

/* ---- running ---- */

static void *loop_main(void *loop)
{
    sy_loop_run(loop);
    return NULL;
}

static int run_until_signal(struct cli *cli, struct sy_loop *loop, const struct sy_sandbox *sandbox)
{
    pthread_t thread;
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (pthread_create(&thread, NULL, loop_main, loop) != 0)
        return cli_fail(cli, "no thread for the stand-ins");
    print_endpoints(cli, sandbox);
    while (sigwaitinfo(&signals, NULL) < 0 && errno == EINTR)
        continue;
    sy_loop_stop(loop);
    pthread_join(thread, NULL);
    return SY_EXIT_DONE;
}

static int sandbox(struct cli *cli)
{
    struct sy_sandbox_options what;
    struct sy_sandbox *stand_ins = NULL;
    struct sy_err err = SY_ERR_INIT;
    struct sy_loop *loop = NULL;
    int code = read_options(cli, &what);

    if (code != SY_EXIT_DONE)
        return code;
    if (sy_loop_create(0, &loop, &err) != SY_OK ||
        sy_sandbox_create(loop, &what, &stand_ins, &err) != SY_OK)
        code = cli_fail(cli, "%s", err.text);
    else
        code = run_until_signal(cli, loop, stand_ins);
    sy_sandbox_destroy(stand_ins);
    if (loop)
        sy_loop_destroy(loop);
    return code;
}

const struct cli_command cli_sandbox = {
    .name = "sandbox",
    .arguments = "",
    .summary = "Runs the local stand-ins of all vendors alone.",
    .details = "Prints their URLs and the credentials they accept, then serves until a signal. A\n"
               "gateway, or a vendor's own SDK, is pointed at them by base URL and key alone.",
    .options = options,
    .run = sandbox,
};
