#include "cli/commands.h"

#define DOCUMENT_MAX ((size_t)64 << 20)

static const struct cli_option import_options[] = {
    {"--format", "FORMAT", "yaml, md or json (default: by the file's name, else yaml)", false},
    {"--reason", "TEXT", "why, for the history", false},
    {"--dry-run", NULL, "show the effect, change nothing", false},
    {NULL, NULL, NULL, false},
};
static const struct cli_option export_options[] = {
    {"--format", "FORMAT", "yaml, md or json (default: by the file's name, else yaml)", false},
    {"--replace", NULL, "write over a file that is there", false},
    {NULL, NULL, NULL, false},
};

static const struct {
    const char *name, *suffix, *media_type;
} formats[] = {
    {"yaml", ".yaml", "application/yaml"},
    {"yaml", ".yml", "application/yaml"},
    {"md", ".md", "text/markdown"},
    {"json", ".json", "application/json"},
};

/* The row of `formats`, by --format, else by the file's name; -1 after a message. */
static int find_format(struct cli *cli, struct sy_str file)
{
    struct sy_str wanted = cli_get(cli, "--format");

    for (size_t i = 0; i < SY_ARRAY_LEN(formats); i++)
        if (wanted.ptr ? sy_str_eq(wanted, sy_str_of(formats[i].name))
                       : sy_str_ends(file, sy_str_of(formats[i].suffix)))
            return (int)i;
    if (!wanted.ptr)
        return 0;
    cli_usage(cli, "--format is yaml, md or json, not %.*s", SY_FMT(wanted));
    return -1;
}

static void print_imported(struct cli *cli, struct sy_json root)
{
    bool changed = sy_json_is_true(sy_json_get_z(root, "changed"));
    bool dry = cli_has(cli, "--dry-run");

    cli_printf(cli, "read %.*s rows and %.*s tool maps: ", SY_FMT(cli_text(cli, root, "rows")),
               SY_FMT(cli_text(cli, root, "maps")));
    if (changed)
        cli_printf(cli, "the registry %s version %.*s\n", dry ? "would become" : "is now",
                   SY_FMT(cli_text(cli, root, "version")));
    else
        cli_printf(cli, "the registry says all of it already, version %.*s\n",
                   SY_FMT(cli_text(cli, root, "version")));
    if (dry)
        cli_note(cli, "nothing was changed (--dry-run)");
}

static int print_refused(struct cli *cli, const struct cli_reply *reply, bool guessed)
{
    int code = cli_problem(cli, reply);

    if (guessed && reply->status == 400)
        cli_note(cli, "it was read as YAML; --format md or json says what else it is");
    return code;
}

static int registry_import(struct cli *cli)
{
    struct cli_ask ask = {.verb = SY_VERB_POST};
    struct sy_err err = SY_ERR_INIT;
    int format = find_format(cli, cli->words[0]), code;
    bool guessed = !format && !cli_has(cli, "--format") &&
                   !sy_str_ends(cli->words[0], sy_str_of(formats[0].suffix));
    struct cli_reply reply;
    struct sy_buf path;

    if (format < 0)
        return SY_EXIT_USAGE;
    cli->document = cli->words[0];
    if (sy_file_read(cli->words[0], DOCUMENT_MAX, &cli->arena, &ask.body, &err) != SY_OK)
        return cli_fail(cli, "%s", err.text);
    sy_buf_init_arena(&path, &cli->arena, 65536);
    sy_buf_append_z(&path, "/v1/registry/import");
    cli_query(&path, "format", sy_str_of(formats[format].name));
    if (cli_has(cli, "--dry-run"))
        cli_query(&path, "dry_run", SY_STR("true"));
    cli_query(&path, "reason", cli_get(cli, "--reason"));
    ask.path = sy_buf_str(&path);
    ask.content_type = sy_str_of(formats[format].media_type);
    code = cli_ask(cli, &ask, &reply);
    if (code != SY_EXIT_DONE)
        return code;
    if (reply.status != 200)
        return print_refused(cli, &reply, guessed);
    if (cli->json)
        cli_print_json(cli, reply.body);
    else
        print_imported(cli, reply.root);
    return SY_EXIT_DONE;
}

static int registry_export(struct cli *cli)
{
    struct sy_str file = cli->word_count ? cli->words[0] : SY_STR("-");
    struct cli_ask ask = {.verb = SY_VERB_GET};
    struct sy_err err = SY_ERR_INIT;
    int format = find_format(cli, file), code;
    struct cli_reply reply;
    struct sy_buf path;

    if (format < 0)
        return SY_EXIT_USAGE;
    if (cli->json)
        format = (int)SY_ARRAY_LEN(formats) - 1;
    sy_buf_init_arena(&path, &cli->arena, 65536);
    sy_buf_append_z(&path, "/v1/registry/export");
    cli_query(&path, "format", sy_str_of(formats[format].name));
    ask.path = sy_buf_str(&path);
    code = cli_get_done(cli, &ask, &reply);
    if (code != SY_EXIT_DONE)
        return code;
    if (sy_str_eq(file, SY_STR("-"))) {
        cli_print(cli, CLI_PLAIN, reply.body);
        return SY_EXIT_DONE;
    }
    if (sy_file_write(file, reply.body, false, cli_has(cli, "--replace"), &err) == SY_EXISTS)
        return cli_fail(cli, "%.*s is there already; --replace writes over it", SY_FMT(file));
    if (err.status != SY_OK)
        return cli_fail(cli, "%s", err.text);
    cli_note(cli, "the registry is in %.*s", SY_FMT(file));
    return SY_EXIT_DONE;
}

const struct cli_command cli_registry_import = {
    .name = "registry import",
    .arguments = "FILE",
    .summary = "Brings the registry to what a document says; - reads stdin.",
    .details =
        "Takes what `registry export` writes: YAML, Markdown or JSON. All faults are told at\n"
        "once, with their places, and then nothing is changed.",
    .options = import_options,
    .words_min = 1,
    .words_max = 1,
    .run = registry_import,
    .client = true,
};

const struct cli_command cli_registry_export = {
    .name = "registry export",
    .arguments = "[FILE]",
    .summary = "Writes the whole registry as YAML, Markdown or JSON.",
    .options = export_options,
    .words_max = 1,
    .run = registry_export,
    .client = true,
};
