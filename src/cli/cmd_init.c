#include <unistd.h>

#include "cli/commands.h"

static const struct cli_option options[] = {
    {"--config", "FILE", "configuration to write (default " SY_CONFIG_FILE_DEFAULT ")", false},
    {NULL, NULL, NULL, false},
};

struct init {
    struct sy_str config, policy;
    struct sy_str secret;
};

static bool is_there(struct cli *cli, struct sy_str path)
{
    const char *name = sy_arena_z(&cli->arena, path);

    return name && access(name, F_OK) == 0;
}

static int write_files(struct cli *cli, const struct init *init)
{
    struct sy_err err = SY_ERR_INIT;
    struct sy_buf text;

    if (is_there(cli, init->config))
        return cli_fail(cli, "%.*s is there already; nothing was written", SY_FMT(init->config));
    if (is_there(cli, init->policy))
        return cli_fail(cli, "%.*s is there already; nothing was written", SY_FMT(init->policy));
    sy_buf_init_arena(&text, &cli->arena, (size_t)1 << 20);
    sy_settings_write_example(&text);
    if (sy_folder_make(sy_path_folder(init->policy), &err) != SY_OK ||
        sy_file_write(init->policy, sy_policy_default_text(), false, false, &err) != SY_OK ||
        sy_file_write(init->config, sy_buf_str(&text), false, false, &err) != SY_OK)
        return cli_fail(cli, "%s", err.text);
    return SY_EXIT_DONE;
}

/* A gateway of our own makes the store and the key: the same code that will serve them. */
static int make_key(struct cli *cli, struct init *init)
{
    struct sy_gateway_options what = {.one_shot = true};
    struct sy_gateway *gateway = NULL;
    struct sy_err err = SY_ERR_INIT;
    struct sy_config config;
    struct sy_faults faults;
    int status;

    sy_faults_init(&faults);
    status = sy_config_load(init->config, &config, &faults);
    if (status != SY_OK)
        sy_err_set(&err, SY_INVALID, "%.*s", SY_FMT(sy_buf_str(&faults.text)));
    what.config = &config;
    if (status == SY_OK)
        status = sy_gateway_start(&what, &gateway, &err);
    if (status == SY_OK) {
        status = sy_gateway_make_key(gateway, SY_STR("init"), &cli->arena, &init->secret, &err);
        sy_gateway_stop(gateway, 1000);
    }
    sy_config_release(&config);
    sy_faults_release(&faults);
    return status == SY_OK ? SY_EXIT_DONE : cli_fail(cli, "%s", err.text);
}

static void print_json(struct cli *cli, const struct init *init)
{
    struct sy_json_writer w;
    struct sy_buf out;

    cli_writer(cli, &out, &w);
    sy_jw_object(&w);
    sy_jw_member_str(&w, "secret", init->secret);
    sy_jw_member_z(&w, "tenant", "default");
    sy_jw_member_str(&w, "config", init->config);
    sy_jw_member_str(&w, "policy", init->policy);
    sy_jw_object_end(&w);
    cli_print_json(cli, sy_buf_str(&out));
}

static int init(struct cli *cli)
{
    struct init init = {.config = cli_get(cli, "--config")};
    int code;

    if (!init.config.ptr)
        init.config = SY_STR(SY_CONFIG_FILE_DEFAULT);
    init.policy =
        sy_path_below(sy_path_folder(init.config), SY_STR("policies/default.yaml"), &cli->arena);
    code = write_files(cli, &init);
    if (code == SY_EXIT_DONE)
        code = make_key(cli, &init);
    if (code != SY_EXIT_DONE)
        return code;
    if (cli->json) {
        print_json(cli, &init);
        return SY_EXIT_DONE;
    }
    printf("%.*s\n", SY_FMT(init.secret));
    cli_note(cli,
             "the key of tenant default, with all scopes; it is shown this once\n\n"
             "%.*s and %.*s are written, the store has its seed rows. Next:\n"
             "  set the vendors' variables (%.*s names them), then\n"
             "  switchyard check, switchyard doctor, switchyard serve",
             SY_FMT(init.config), SY_FMT(init.policy), SY_FMT(init.config));
    return SY_EXIT_DONE;
}

const struct cli_command cli_init = {
    .name = "init",
    .arguments = "",
    .summary = "Writes a configuration, a policy, a store and a first key.",
    .details =
        "Writes switchyard.yaml and policies/default.yaml beside it, creates the store with\n"
        "tenant `default`, and prints one key with all scopes, this once. What is there\n"
        "already is never written over.",
    .options = options,
    .run = init,
};
