#include "cli/commands.h"

static const struct cli_option no_options[] = {{NULL, NULL, NULL, false}};

static void print_vendor(struct cli *cli, struct cli_table *table, struct sy_json vendor)
{
    struct sy_str why = cli_text(cli, vendor, "why");
    const struct sy_str cells[] = {
        cli_text(cli, vendor, "vendor"),   cli_text(cli, vendor, "path"),
        cli_text(cli, vendor, "state"),    cli_text(cli, vendor, "calls"),
        cli_text(cli, vendor, "failures"), why.len ? why : SY_STR("-"),
    };

    cli_table_add(cli, table, cells);
}

static void print_vendors(struct cli *cli, struct sy_json items)
{
    static const char *const columns[] = {"vendor", "path", "state", "calls", "failures", "why"};
    struct sy_json_iter iter = sy_json_iter(items);
    struct cli_table table;
    struct sy_json item;
    struct sy_str name;

    cli_table_init(&table, columns, SY_ARRAY_LEN(columns));
    if (items.type == SY_JSON_OBJECT)
        print_vendor(cli, &table, items);
    else
        while (sy_json_next(&iter, &name, &item))
            print_vendor(cli, &table, item);
    cli_table_print(cli, &table);
}

static int vendor_list(struct cli *cli)
{
    struct cli_ask ask = {.verb = SY_VERB_GET, .path = SY_STR("/v1/vendors")};
    struct cli_reply reply;
    int code = cli_get_done(cli, &ask, &reply);

    if (code != SY_EXIT_DONE)
        return code;
    if (cli->json)
        cli_print_json(cli, reply.body);
    else
        print_vendors(cli, sy_json_get_z(reply.root, "items"));
    return SY_EXIT_DONE;
}

static int set_switch(struct cli *cli, const char *verb)
{
    struct cli_ask ask = {.verb = SY_VERB_POST};
    struct cli_reply reply;
    struct sy_buf path;
    int code;

    sy_buf_init_arena(&path, &cli->arena, 65536);
    sy_buf_append_z(&path, "/v1/vendors");
    cli_segment(&path, cli->words[0]);
    sy_buf_append_z(&path, verb);
    ask.path = sy_buf_str(&path);
    code = cli_get_done(cli, &ask, &reply);
    if (code != SY_EXIT_DONE)
        return code;
    if (cli->json)
        cli_print_json(cli, reply.body);
    else
        print_vendors(cli, reply.root);
    return SY_EXIT_DONE;
}

static int vendor_quarantine(struct cli *cli)
{
    return set_switch(cli, "/quarantine");
}

static int vendor_release(struct cli *cli)
{
    return set_switch(cli, "/release");
}

const struct cli_command cli_vendor_list = {
    .name = "vendor list",
    .arguments = "",
    .summary = "Lists the vendors and their health.",
    .options = no_options,
    .run = vendor_list,
    .client = true,
};

const struct cli_command cli_vendor_quarantine = {
    .name = "vendor quarantine",
    .arguments = "VENDOR",
    .summary = "Takes a vendor out of service until it is released.",
    .options = no_options,
    .words_min = 1,
    .words_max = 1,
    .run = vendor_quarantine,
    .client = true,
};

const struct cli_command cli_vendor_release = {
    .name = "vendor release",
    .arguments = "VENDOR",
    .summary = "Puts a vendor back into service.",
    .options = no_options,
    .words_min = 1,
    .words_max = 1,
    .run = vendor_release,
    .client = true,
};
