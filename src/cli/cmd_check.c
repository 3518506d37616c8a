#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "contract/snapshot.h"
#include "ledger/recover.h"
#include "registry/registry.h"

static const struct cli_option options[] = {
    {"--config", "FILE", "configuration (default " SY_CONFIG_FILE_DEFAULT ")", false},
    {NULL, NULL, NULL, false},
};

#define JOURNAL_LOOKS 3u

struct check {
    struct cli *cli;
    struct sy_config config;
    struct sy_loaded_policy policy;
    bool has_policy;
    struct sy_faults faults;
    size_t rows, maps, rules;
    bool has_store;
};

/* A place in a file, for settings that are read already. */
static struct sy_yaml place_of(const struct sy_ref *ref)
{
    return (struct sy_yaml){.file = ref->file, .line = ref->line, .column = ref->column};
}

/* ---- references ---- */

static void check_ref(struct check *check, const struct sy_ref *ref, const char *what)
{
    struct sy_yaml at = place_of(ref);
    const char *name = sy_arena_z(&check->cli->arena, ref->text);

    if (!ref->set || !name)
        return;
    if (ref->kind == SY_REF_ENV && !getenv(name))
        sy_fault_warn(&check->faults, &at, "%s: the variable %s is not set", what, name);
    if (ref->kind == SY_REF_FILE && access(name, R_OK) != 0)
        sy_fault_warn(&check->faults, &at, "%s: %s cannot be read", what, name);
}

static void check_tls(struct check *check)
{
    const struct sy_settings *settings = &check->config.settings;
    struct sy_yaml at = place_of(&settings->tls_certificate);
    struct sy_err err = SY_ERR_INIT;
    struct sy_str warning;

    if (sy_gateway_check_tls(settings, &check->cli->arena, &warning, &err) != SY_OK)
        sy_fault(&check->faults, &at, "%s", err.text);
    else if (warning.len)
        sy_fault_warn(&check->faults, &at, "%.*s", SY_FMT(warning));
}

static void check_refs(struct check *check)
{
    const struct sy_settings *settings = &check->config.settings;
    struct sy_arena *arena = &check->cli->arena;

    for (size_t v = 0; v < settings->vendor_count; v++) {
        const struct sy_vendor_config *vendor = &settings->vendors[v];
        const struct sy_setting *setting = vendor->vendor->settings;

        for (size_t s = 0; setting && setting[s].name; s++)
            check_ref(
                check, &vendor->settings[s],
                sy_arena_printf(arena, "vendors.%s.%s", vendor->vendor->name, setting[s].name).ptr);
    }
    for (size_t i = 0; i < settings->named_count; i++)
        check_ref(
            check, &settings->named[i].ref,
            sy_arena_printf(arena, "secrets.named.%.*s", SY_FMT(settings->named[i].name)).ptr);
    check_tls(check);
    check_ref(check, &settings->infisical.client_id, "secrets.infisical.client_id");
    check_ref(check, &settings->infisical.client_secret, "secrets.infisical.client_secret");
    check_ref(check, &settings->github.token, "github.token");
}

/* ---- the registry in the store ---- */

static bool is_declared(const struct sy_settings *settings, struct sy_str secret)
{
    for (size_t i = 0; i < settings->named_count; i++)
        if (sy_str_eq(settings->named[i].name, secret))
            return true;
    return false;
}

static void check_row(struct check *check, const struct sy_row *row)
{
    bool worker = sy_str_eq(row->vendor, SY_STR("worker"));
    struct sy_err err = SY_ERR_INIT;

    if (sy_row_check(row, &err) != SY_OK)
        sy_fault(&check->faults, NULL, "registry row %.*s/%.*s: %s", SY_FMT(row->toolkit),
                 SY_FMT(row->vendor), err.text);
    if (row->secret.len && !is_declared(&check->config.settings, row->secret))
        sy_fault(&check->faults, NULL,
                 "registry row %.*s/%.*s: secret: \"%.*s\" is not declared under secrets.named",
                 SY_FMT(row->toolkit), SY_FMT(row->vendor), SY_FMT(row->secret));
    if (worker && check->has_policy && check->policy.policy->worker_requires_adr && !row->adr.len)
        sy_fault(&check->faults, NULL,
                 "registry row %.*s/worker: adr: the policy wants a decision record",
                 SY_FMT(row->toolkit));
}

static void check_registry(struct check *check, struct sy_store *store)
{
    struct sy_registry registry = {0};
    struct sy_snapshot *snapshot = NULL;
    struct sy_err err = SY_ERR_INIT;
    struct sy_arena arena;

    sy_arena_init(&arena, (size_t)4 << 30);
    if (store->ops->load(store, &arena, &registry, &err) != SY_OK) {
        sy_fault(&check->faults, NULL, "registry: %s", err.text);
    } else {
        check->rows = registry.row_count;
        check->maps = registry.map_count;
        for (size_t i = 0; i < registry.row_count; i++)
            check_row(check, &registry.rows[i]);
        if (check->has_policy &&
            sy_snapshot_build(&registry, check->policy.policy, &snapshot, &err) != SY_OK)
            sy_fault(&check->faults, NULL, "registry: %s", err.text);
        if (snapshot)
            sy_snapshot_free(snapshot);
    }
    sy_arena_release(&arena);
}

/* ---- the journals beside it ---- */

/* What is not whole now may be whole a moment later: a gateway may be writing it. */
static bool look_for_damage(const char *folder, unsigned index, struct sy_halves *halves)
{
    struct sy_err err = SY_ERR_INIT;
    bool damaged = false;

    for (unsigned tries = 0; tries < JOURNAL_LOOKS && (tries == 0 || damaged); tries++) {
        if (tries)
            sy_halves_free(halves);
        if (sy_halves_look(folder, index, halves, &err) != SY_OK)
            return false;
        sy_halves_scan(halves);
        damaged =
            sy_journal_is_damaged(&halves->damage[0]) || sy_journal_is_damaged(&halves->damage[1]);
    }
    return damaged;
}

/* A torn last record is what a kill may leave; anything else is a disk that forgot. */
static void check_half(struct check *check, unsigned index, unsigned half,
                       const struct sy_journal_damage *damage)
{
    struct sy_buf text;

    if (!sy_journal_is_damaged(damage))
        return;
    sy_buf_init(&text, 1024);
    sy_journal_damage_text(&text, index, half, damage);
    if (damage->heads || damage->places)
        sy_fault(&check->faults, NULL, "ledger: %.*s", SY_FMT(sy_buf_str(&text)));
    else
        sy_fault_warn(&check->faults, NULL, "ledger: %.*s", SY_FMT(sy_buf_str(&text)));
    sy_buf_release(&text);
}

static void check_folder(struct check *check, const char *folder)
{
    for (unsigned i = 0; i < LEDGER_LOOPS_MAX; i++) {
        struct sy_halves halves = {0};

        if (look_for_damage(folder, i, &halves))
            for (unsigned half = 0; half < 2; half++)
                check_half(check, i, half, &halves.damage[half]);
        sy_halves_free(&halves);
    }
}

static void check_journals(struct check *check, struct sy_str store)
{
    struct sy_arena *arena = &check->cli->arena;

    for (unsigned i = 0; i < GATEWAY_JOURNALS; i++) {
        const char *folder = sy_gateway_journals_name(store, i, arena);

        if (folder)
            check_folder(check, folder);
    }
}

static void check_store(struct check *check)
{
    struct sy_str prefix = SY_STR("sqlite:"), url = check->config.settings.store, path;
    struct sy_store_options what = {.read_only = true};
    struct sy_err err = SY_ERR_INIT;
    struct sy_store *store;

    if (!sy_str_starts(url, prefix))
        return;
    path = sy_path_below(check->config.folder, sy_str_skip(url, prefix.len), &check->cli->arena);
    what.url = sy_arena_printf(&check->cli->arena, "sqlite:%.*s", SY_FMT(path));
    if (access(what.url.ptr + prefix.len, F_OK) != 0)
        return;
    check->has_store = true;
    check_journals(check, path);
    if (sy_store_open(&what, &store, &err) != SY_OK) {
        sy_fault(&check->faults, NULL, "store: %s", err.text);
        return;
    }
    check_registry(check, store);
    store->ops->close(store);
}

/* ---- the verdict ---- */

static void print_json(struct check *check)
{
    struct sy_str text = sy_buf_str(&check->faults.text), line;
    struct sy_json_writer w;
    struct sy_buf out;

    cli_writer(check->cli, &out, &w);
    sy_jw_object(&w);
    sy_jw_member_bool(&w, "ok", !check->faults.errors);
    sy_jw_member_i64(&w, "errors", check->faults.errors);
    sy_jw_member_i64(&w, "warnings", check->faults.warnings);
    sy_jw_member_i64(&w, "rows", (int64_t)check->rows);
    sy_jw_name(&w, "faults");
    sy_jw_array(&w);
    while (sy_str_split(&text, '\n', &line))
        if (line.len)
            sy_jw_str(&w, line);
    sy_jw_array_end(&w);
    sy_jw_object_end(&w);
    cli_print_json(check->cli, sy_buf_str(&out));
}

static void print_text(struct check *check, struct sy_str file)
{
    struct cli *cli = check->cli;

    cli_print(cli, CLI_PLAIN, sy_buf_str(&check->faults.text));
    if (check->faults.errors) {
        cli_note(cli, "%u error%s, %u warning%s", check->faults.errors,
                 check->faults.errors == 1 ? "" : "s", check->faults.warnings,
                 check->faults.warnings == 1 ? "" : "s");
        return;
    }
    cli_print(cli, CLI_GREEN, SY_STR("good"));
    cli_printf(cli, ": %.*s, policy of %zu rule%s, ", SY_FMT(file), check->rules,
               check->rules == 1 ? "" : "s");
    if (check->has_store)
        cli_printf(cli, "registry of %zu rows and %zu tool maps", check->rows, check->maps);
    else
        cli_printz(cli, CLI_PLAIN, "no store yet");
    cli_printf(cli, "; %u warning%s\n", check->faults.warnings,
               check->faults.warnings == 1 ? "" : "s");
}

static int check(struct cli *cli)
{
    struct sy_str file = cli_get(cli, "--config");
    struct check *check = sy_arena_zalloc(&cli->arena, sizeof(*check));
    int status;

    if (!check)
        return cli_fail(cli, "no memory");
    if (!file.ptr)
        file = SY_STR(SY_CONFIG_FILE_DEFAULT);
    check->cli = cli;
    sy_faults_init(&check->faults);
    status = sy_config_load(file, &check->config, &check->faults);
    if (status == SY_OK)
        check_refs(check);
    if (status == SY_OK || status == SY_INVALID) {
        check->has_policy =
            sy_policy_from_config(&check->config, &check->policy, &check->faults) == SY_OK;
        check->rules = check->has_policy ? check->policy.policy->rule_count : 0;
        check_store(check);
    }
    if (status != SY_OK && !check->faults.errors)
        check->faults.errors = 1;
    if (cli->json)
        print_json(check);
    else
        print_text(check, file);
    if (status == SY_NOT_FOUND)
        cli_note(cli, "`switchyard init` writes a configuration");
    status = check->faults.errors ? SY_EXIT_FAILED : SY_EXIT_DONE;
    if (check->has_policy)
        sy_arena_release(&check->policy.arena);
    sy_config_release(&check->config);
    sy_faults_release(&check->faults);
    return status;
}

const struct cli_command cli_check = {
    .name = "check",
    .arguments = "",
    .summary = "Validates configuration, policy, registry and journals, all at once.",
    .details =
        "Each fault stands on a line of its own as file:line:column: what. References to\n"
        "variables and files that are not there are warnings: a gateway starts without them.",
    .options = options,
    .run = check,
};
