#include "cli/commands.h"

static const struct cli_option options[] = {
    {"--config", "FILE", "configuration (default " SY_CONFIG_FILE_DEFAULT ")", false},
    {"--sandbox", NULL, "ask local stand-ins instead of the vendors", false},
    {NULL, NULL, NULL, false},
};

/* Whose move it is, by what the vendor's answer means. */
static const char *whose_move(enum sy_code code)
{
    static const struct {
        enum sy_code code;
        const char *move;
    } moves[] = {
        {SY_CODE_VENDOR_AUTH,
         "ours: put a valid key into the setting, from the vendor's dashboard"},
        {SY_CODE_FORBIDDEN, "ours: the key lacks a permission at the vendor"},
        {SY_CODE_VENDOR_UNAVAILABLE, "the vendor's, if its base_url is right and this machine may "
                                     "reach it"},
        {SY_CODE_VENDOR_TIMEOUT, "the vendor's, if this machine may reach it"},
        {SY_CODE_RATE_LIMITED, "ours: wait, or ask the vendor for a higher limit"},
        {SY_CODE_VENDOR_PROTOCOL, "ours: base_url may point at something else than the vendor"},
        {SY_CODE_TOOLKIT_NOT_CONFIGURED, "ours: set the project up at the vendor"},
        {SY_CODE_OVERLOADED, "ours: this machine lacks memory"},
    };

    for (size_t i = 0; i < SY_ARRAY_LEN(moves); i++)
        if (moves[i].code == code)
            return moves[i].move;
    return "ours: look at the vendor's answer";
}

static struct sy_str state_text(const struct sy_ping *ping)
{
    if (!ping->present)
        return SY_STR("absent");
    if (!ping->asked)
        return SY_STR("nothing to ask");
    return ping->ok ? SY_STR("good") : sy_str_of(sy_code_name(ping->failure.code));
}

static struct sy_str detail_text(struct cli *cli, const struct sy_ping *ping)
{
    const char *cause =
        ping->failure.cause != SY_CAUSE_NONE ? sy_cause_text(ping->failure.cause) : "";

    if (!ping->present)
        return ping->why;
    if (!ping->asked)
        return SY_STR("");
    if (ping->ok)
        return sy_arena_printf(&cli->arena, "answered in %lld ms", (long long)ping->took_ms);
    if (ping->failure.detail.len)
        return ping->failure.detail;
    return sy_str_of(*cause ? cause : sy_code_title(ping->failure.code));
}

static void print_text(struct cli *cli, const struct sy_ping *pings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sy_ping *ping = &pings[i];
        bool bad = ping->present && ping->asked && !ping->ok;
        struct sy_str detail = detail_text(cli, ping);

        cli_printf(cli, "%-10.*s ", SY_FMT(ping->vendor));
        cli_print(cli, bad ? CLI_RED : ping->ok ? CLI_GREEN : CLI_DIM, state_text(ping));
        cli_printz(cli, CLI_PLAIN, detail.len ? "  " : "");
        cli_print(cli, CLI_PLAIN, detail);
        cli_newline(cli);
        if (bad)
            cli_printf(cli, "%-10s whose move: %s\n", "", whose_move(ping->failure.code));
        else if (!ping->present)
            cli_printf(cli, "%-10s whose move: ours, if calls are to go there\n", "");
    }
}

static void print_json(struct cli *cli, const struct sy_ping *pings, size_t count)
{
    struct sy_json_writer w;
    struct sy_buf out;

    cli_writer(cli, &out, &w);
    sy_jw_object(&w);
    sy_jw_name(&w, "vendors");
    sy_jw_array(&w);
    for (size_t i = 0; i < count; i++) {
        const struct sy_ping *ping = &pings[i];

        sy_jw_object(&w);
        sy_jw_member_str(&w, "vendor", ping->vendor);
        sy_jw_member_bool(&w, "present", ping->present);
        sy_jw_member_bool(&w, "asked", ping->asked);
        sy_jw_member_bool(&w, "ok", ping->ok);
        sy_jw_member_str(&w, "state", state_text(ping));
        sy_jw_member_str(&w, "detail", detail_text(cli, ping));
        if (ping->asked)
            sy_jw_member_i64(&w, "took_ms", ping->took_ms);
        if (ping->asked && !ping->ok)
            sy_jw_member_z(&w, "whose_move", whose_move(ping->failure.code));
        sy_jw_object_end(&w);
    }
    sy_jw_array_end(&w);
    sy_jw_object_end(&w);
    cli_print_json(cli, sy_buf_str(&out));
}

/* A vendor that is set up and does not answer is a failure; so is having none at all. */
static int verdict(struct cli *cli, const struct sy_ping *pings, size_t count)
{
    size_t good = 0, bad = 0;

    for (size_t i = 0; i < count; i++) {
        good += pings[i].asked && pings[i].ok;
        bad += pings[i].asked && !pings[i].ok;
    }
    if (!good && !bad)
        return cli_fail(cli, "no vendor is set up: calls can go to workers only");
    return bad ? SY_EXIT_FAILED : SY_EXIT_DONE;
}

static int load(struct cli *cli, struct sy_config *config)
{
    struct sy_str file = cli_get(cli, "--config");
    struct sy_faults faults;
    int status;

    if (cli_has(cli, "--sandbox")) {
        if (file.ptr)
            return cli_usage(cli, "--sandbox takes no --config: it needs none");
        sy_config_default(config);
        return SY_EXIT_DONE;
    }
    sy_faults_init(&faults);
    status = sy_config_load(file.ptr ? file : SY_STR(SY_CONFIG_FILE_DEFAULT), config, &faults);
    fprintf(stderr, "%.*s", SY_FMT(sy_buf_str(&faults.text)));
    sy_faults_release(&faults);
    if (status != SY_OK)
        sy_config_release(config);
    return status == SY_OK ? SY_EXIT_DONE : SY_EXIT_FAILED;
}

static int doctor(struct cli *cli)
{
    struct sy_gateway_options what = {
        .one_shot = true, .scratch_store = true, .sandbox = cli_has(cli, "--sandbox")};
    struct sy_ping pings[SY_VENDORS_MAX];
    struct sy_gateway *gateway;
    struct sy_err err = SY_ERR_INIT;
    struct sy_config config;
    size_t count;
    int code = load(cli, &config);

    if (code != SY_EXIT_DONE)
        return code;
    what.config = &config;
    if (sy_gateway_start(&what, &gateway, &err) != SY_OK) {
        code = cli_fail(cli, "%s", err.text);
        goto out;
    }
    cli_note(cli, "asking each vendor with the cheapest request its key allows");
    count = sy_gateway_ping(gateway, &cli->arena, pings);
    if (cli->json)
        print_json(cli, pings, count);
    else
        print_text(cli, pings, count);
    code = verdict(cli, pings, count);
    sy_gateway_stop(gateway, 1000);
out:
    sy_config_release(&config);
    return code;
}

const struct cli_command cli_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "Asks every vendor; says what is wrong and whose move it is.",
    .details = "Reads the configuration with its secrets and sends each vendor one request that\n"
               "changes nothing. The store is not touched, so a gateway may be running.",
    .options = options,
    .run = doctor,
};
