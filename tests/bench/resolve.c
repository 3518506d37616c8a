/*
 * What a decision costs over registries of growing size, and what their snapshot does.
 *
 *   bench-resolve [--json] [SIZE …]           times; SIZE in rows, 100 to 1,000,000 by default
 *   bench-resolve --count DECISIONS SIZE [unknown]
 *                                              that many decisions and nothing timed: callgrind
 *                                              counts what `decisions` runs
 *
 * A registry has three map rows to two rows, real words as names, aliases and other spellings. Half
 * of the questions name a mapped tool; the rest are derived names, vendors' own names, aliases,
 * toolkits given apart, and calls that a rule of the tenant refuses. Misspelt and unknown toolkits,
 * whose likes are looked for before vendors are asked over the network, are questions apart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "resolve/resolve.h"

#define QUESTIONS_COLD 65536u
#define QUESTIONS_WARM 256u
#define TIMED_DECISIONS 50000u
#define ROUNDS 3u
#define AHEAD 4u /* questions */
#define ROWS_A_TOOLKIT 5u
#define JSON_MAX (1u << 20)

/* ---- names ---- */

static const char *const WORDS[] = {
    "google", "drive",   "mail",    "slack",    "notion", "hub",     "spot",   "linear", "jira",
    "air",    "table",   "zen",     "desk",     "fresh",  "books",   "stripe", "pay",    "pal",
    "square", "shop",    "cloud",   "flare",    "data",   "dog",     "send",   "grid",   "twilio",
    "click",  "up",      "monday",  "asana",    "trello", "dropbox", "box",    "sign",   "docu",
    "zoom",   "teams",   "outlook", "share",    "point",  "sales",   "force",  "pipe",   "inter",
    "com",    "figma",   "canva",   "git",      "lab",    "sentry",  "snow",   "flake",  "mongo",
    "redis",  "elastic", "search",  "postgres", "open",   "weather",
};
static const char *const ACTIONS[] = {"send_message", "list_items", "create_record",
                                      "get_file",     "update_row", "search_everything"};

struct random {
    uint64_t state;
};

static uint32_t below(struct random *r, uint32_t limit)
{
    r->state = r->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(((r->state >> 32) * limit) >> 32);
}

/* Two words and one that nobody knows: as long, and as much alike, in a small registry as in a large
 * one. */
static struct sy_str toolkit_name(struct sy_arena *mem, size_t number)
{
    static const char consonants[] = "bcdfghjklmnpqrstvwxz", vowels[] = "aeiou";
    size_t count = SY_ARRAY_LEN(WORDS), rest = number * 7919 % 1000000;
    char made[7] = {0};

    for (unsigned i = 0; i < 3; i++, rest /= 100) {
        made[2 * i] = consonants[rest % 20];
        made[2 * i + 1] = vowels[rest / 20 % 5];
    }
    return sy_arena_printf(mem, "%s_%s%s", WORDS[number % count], WORDS[number / count % count],
                           made);
}

/* ---- a registry ---- */

struct world {
    struct sy_arena source; /* of the registry; released once the snapshot is built */
    struct sy_arena mem;
    struct sy_policy policy;
    struct sy_snapshot *snapshot;
    size_t toolkits;
    struct sy_resolve_request *questions;
    size_t question_count;
};

static void fill_rows(struct world *w, struct sy_row *rows, size_t number)
{
    struct sy_str name = toolkit_name(&w->source, number);

    rows[0] = (struct sy_row){
        .toolkit = name,
        .vendor = SY_STR("composio"),
        .vendor_slug = name,
        .auth_config_id = sy_arena_printf(&w->source, "ac_%010zx", number * 2654435761u),
        .version_number = (int64_t)number + 1,
    };
    rows[1] = (struct sy_row){
        .toolkit = name,
        .vendor = number % 2 ? SY_STR("pipedream") : SY_STR("scalekit"),
        .vendor_slug = number % 4 ? name : sy_arena_printf(&w->source, "%.*s_app", SY_FMT(name)),
        .version_number = (int64_t)number + 1,
        .has_rank = number % 8 == 0,
        .rank = 2,
    };
}

static void fill_maps(struct world *w, struct sy_tool_map *maps, const struct sy_row *rows,
                      size_t number)
{
    const char *first = ACTIONS[number % SY_ARRAY_LEN(ACTIONS)];
    struct sy_str name = rows[0].toolkit;
    struct sy_str tool = sy_arena_printf(&w->source, "%.*s_%s", SY_FMT(name), first);
    char *upper = sy_arena_z(&w->source, tool);

    for (size_t i = 0; upper && i < tool.len; i++) {
        if (upper[i] >= 'a' && upper[i] <= 'z')
            upper[i] = (char)(upper[i] - 'a' + 'A');
    }
    maps[0] = (struct sy_tool_map){.tool = tool,
                                   .toolkit = name,
                                   .vendor = SY_STR("composio"),
                                   .vendor_tool = sy_str_from(upper, upper ? tool.len : 0),
                                   .effect = SY_EFFECT_READ};
    maps[1] = maps[0];
    maps[1].vendor = rows[1].vendor;
    maps[1].vendor_tool = sy_arena_printf(&w->source, "%.*s-do-%s", SY_FMT(name), first);
    maps[2] = maps[0];
    maps[2].tool = sy_arena_printf(&w->source, "%.*s_delete_it", SY_FMT(name));
    maps[2].vendor_tool = maps[2].tool;
    maps[2].effect = SY_EFFECT_DESTRUCTIVE;
}

static void die(const char *what)
{
    fprintf(stderr, "bench-resolve: %s\n", what);
    exit(1);
}

static void load_policy(struct world *w)
{
    static const struct sy_str vendors[] = {SY_STR_INIT("composio"), SY_STR_INIT("scalekit"),
                                            SY_STR_INIT("pipedream")};
    static const char rules[] = "version: 1\n"
                                "order: [native, pipedream, pending, worker]\n"
                                "native: [composio, scalekit]\n"
                                "rules:\n"
                                "  - {name: no-deletes, when: {tenant: globex, tool: '*_delete_*'},"
                                " deny: not here}\n"
                                "  - {name: eu, when: {tenant_label.region: eu},"
                                " avoid: [pipedream]}\n";
    const struct sy_policy_source source = {.file = SY_STR("bench.yaml"), .text = SY_STR(rules)};
    struct sy_faults faults;

    sy_faults_init(&faults);
    if (sy_policy_load(&source, 1, vendors, SY_ARRAY_LEN(vendors), &w->mem, &w->policy, &faults) !=
        SY_OK)
        die("the policy does not load");
    sy_faults_release(&faults);
}

static void fill(struct world *w, struct sy_registry *registry)
{
    static const struct sy_pair region = {SY_STR_INIT("region"), SY_STR_INIT("eu")};
    static const struct sy_tenant tenants[] = {
        {.name = SY_STR_INIT("acme")},
        {.name = SY_STR_INIT("globex")},
        {.name = SY_STR_INIT("initech"), .labels = &region, .label_count = 1}};
    struct sy_row *rows = sy_arena_array(&w->source, 2 * w->toolkits, sizeof(*rows));
    struct sy_tool_map *maps = sy_arena_array(&w->source, 3 * w->toolkits, sizeof(*maps));
    struct sy_toolkit_facts *facts = sy_arena_array(&w->source, w->toolkits, sizeof(*facts));
    struct sy_str *aliases = sy_arena_array(&w->source, w->toolkits, sizeof(*aliases));

    if (!rows || !maps || !facts || !aliases)
        die("no memory for the registry");
    for (size_t i = 0; i < w->toolkits; i++) {
        fill_rows(w, rows + 2 * i, i);
        fill_maps(w, maps + 3 * i, rows + 2 * i, i);
        facts[i].toolkit = rows[2 * i].toolkit;
        if (i % 4)
            continue;
        aliases[i] = sy_arena_printf(&w->source, "my %.*s", SY_FMT(facts[i].toolkit));
        facts[i].aliases = &aliases[i];
        facts[i].alias_count = 1;
    }
    *registry = (struct sy_registry){.version = 1,
                                     .rows = rows,
                                     .row_count = 2 * w->toolkits,
                                     .maps = maps,
                                     .map_count = 3 * w->toolkits,
                                     .toolkits = facts,
                                     .toolkit_count = w->toolkits,
                                     .tenants = tenants,
                                     .tenant_count = SY_ARRAY_LEN(tenants)};
}

/* ---- questions ---- */

static void ask_unknown(struct world *w, struct random *r, struct sy_resolve_request *q,
                        struct sy_str name)
{
    if (below(r, 2))
        q->tool = sy_arena_printf(&w->mem, "%.*sx_list", SY_FMT(name));
    else
        q->tool = sy_arena_printf(&w->mem, "nobody%u_has_this", below(r, 100000));
}

static void ask(struct world *w, struct random *r, struct sy_resolve_request *q, size_t number,
                bool unknown)
{
    static const struct sy_str tenants[] = {SY_STR_INIT("acme"), SY_STR_INIT("initech")};
    uint32_t kind = below(r, 19);
    struct sy_str name = toolkit_name(&w->mem, kind == 15 ? number - number % 4 : number);
    const char *action = ACTIONS[number % SY_ARRAY_LEN(ACTIONS)];

    *q = (struct sy_resolve_request){.user_id = SY_STR("user_123"),
                                     .tenant = tenants[below(r, 2)],
                                     .environment = SY_STR("production"),
                                     .brief = true};
    if (unknown) {
        ask_unknown(w, r, q, name);
    } else if (kind < 10) {
        q->tool = sy_arena_printf(&w->mem, "%.*s_%s", SY_FMT(name), action);
    } else if (kind < 13) {
        q->tool = sy_arena_printf(&w->mem, "%.*s_do_something_else", SY_FMT(name));
    } else if (kind < 15) {
        q->tool = sy_arena_printf(&w->mem, "%.*s-do-%s", SY_FMT(name), action);
    } else if (kind == 15) {
        q->tool = sy_arena_printf(&w->mem, "My-%.*s-fetch", SY_FMT(name));
    } else if (kind == 16) {
        q->toolkit = name;
        q->tool = sy_str_of(action);
    } else {
        q->tenant = SY_STR("globex");
        q->tool = sy_arena_printf(&w->mem, "%.*s_delete_it", SY_FMT(name));
    }
}

static void ask_all(struct world *w, size_t count, size_t toolkits, bool unknown)
{
    struct random r = {.state = 42};

    w->questions = sy_arena_array(&w->mem, count + 2 * AHEAD, sizeof(*w->questions));
    if (!w->questions)
        die("no memory for the questions");
    w->question_count = count;
    for (size_t i = 0; i < count; i++)
        ask(w, &r, &w->questions[i], below(&r, (uint32_t)toolkits), unknown);
}

/* ---- decisions ---- */

static struct sy_str tool_name(struct sy_str slug, struct sy_str action, struct sy_arena *mem)
{
    const struct sy_str parts[] = {slug, SY_STR("_"), action};
    return sy_arena_join(mem, parts, SY_ARRAY_LEN(parts));
}

static const struct sy_vendor COMPOSIO = {.name = "composio",
                                          .path = SY_PATH_NATIVE,
                                          .user_connection = true,
                                          .can = SY_CAN(SY_OP_PROBE),
                                          .tool_name = tool_name};
static const struct sy_vendor SCALEKIT = {.name = "scalekit",
                                          .path = SY_PATH_NATIVE,
                                          .user_connection = true,
                                          .can = SY_CAN(SY_OP_PROBE),
                                          .tool_name = tool_name};
static const struct sy_vendor PIPEDREAM = {.name = "pipedream",
                                           .path = SY_PATH_PIPEDREAM,
                                           .user_connection = true,
                                           .tool_name = tool_name};
static const struct sy_vendor *const VENDORS[] = {&COMPOSIO, &SCALEKIT, &PIPEDREAM};

/* Callgrind collects what runs in here. Returns how many were routed. */
__attribute__((noinline)) size_t decisions(const struct world *w, size_t count,
                                           struct sy_arena *arena, struct sy_decision *d);
__attribute__((noinline)) size_t decisions(const struct world *w, size_t count,
                                           struct sy_arena *arena, struct sy_decision *d)
{
    const struct sy_resolve_facts facts = {
        .now_unix_ms = 1, .vendors = VENDORS, .vendor_count = SY_ARRAY_LEN(VENDORS)};
    size_t routed = 0;

    for (size_t i = 0; i < count; i++) {
        const struct sy_resolve_request *q = &w->questions[i % w->question_count];
        /* A request has just been read when it is decided; these wait in a long list. */
        __builtin_prefetch(&q[2 * AHEAD]);
        __builtin_prefetch((const char *)&q[2 * AHEAD] + sizeof(*q) - 1);
        __builtin_prefetch(q[AHEAD].tool.ptr);
        if (sy_resolve(w->snapshot, q, &facts, arena, d) != SY_OK)
            die("a decision had no memory");
        routed += d->kind == SY_DECIDED;
        sy_arena_clear(arena);
    }
    return routed;
}

static double seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Nanoseconds of CPU a decision, the best of several rounds: what disturbs only adds. */
static double time_decisions(const struct world *w, struct sy_arena *arena, struct sy_decision *d)
{
    double best = 1e9;

    decisions(w, w->question_count, arena, d);
    for (unsigned i = 0; i < ROUNDS; i++) {
        double from = seconds(CLOCK_THREAD_CPUTIME_ID), each;
        decisions(w, TIMED_DECISIONS, arena, d);
        each = (seconds(CLOCK_THREAD_CPUTIME_ID) - from) * 1e9 / TIMED_DECISIONS;
        best = each < best ? each : best;
    }
    return best;
}

/* ---- one size ---- */

static double build(struct world *w, size_t rows)
{
    struct sy_registry registry;
    struct sy_err err = SY_ERR_INIT;
    double from;

    memset(w, 0, sizeof(*w));
    w->toolkits = rows / ROWS_A_TOOLKIT;
    sy_arena_init(&w->source, (size_t)8 << 30);
    sy_arena_init(&w->mem, (size_t)1 << 30);
    load_policy(w);
    fill(w, &registry);
    from = seconds(CLOCK_THREAD_CPUTIME_ID);
    if (sy_snapshot_build(&registry, &w->policy, &w->snapshot, &err) != SY_OK)
        die(err.text);
    from = seconds(CLOCK_THREAD_CPUTIME_ID) - from;
    sy_arena_release(&w->source);
    return from;
}

static void drop(struct world *w)
{
    sy_snapshot_free(w->snapshot);
    sy_arena_release(&w->mem);
}

/* Milliseconds of one edit's snapshot, and of a fold. */
static void time_changes(const struct world *w, double *ret_edit_ms, double *ret_fold_ms)
{
    struct sy_arena mem;
    struct sy_str name;
    struct sy_row row = {.vendor = SY_STR("composio"), .version_number = 2};
    struct sy_registry_changes changes = {.toolkits = &name, .toolkit_count = 1};
    struct sy_snapshot *edited, *folded;
    double from;

    sy_arena_init(&mem, 1 << 16);
    name = row.toolkit = row.vendor_slug = toolkit_name(&mem, w->toolkits / 2);
    changes.now = (struct sy_registry){.version = 2, .rows = &row, .row_count = 1};
    from = seconds(CLOCK_THREAD_CPUTIME_ID);
    if (sy_snapshot_edit(w->snapshot, &changes, &w->policy, &edited, NULL) != SY_OK)
        die("an edit had no memory");
    *ret_edit_ms = (seconds(CLOCK_THREAD_CPUTIME_ID) - from) * 1e3;
    from = seconds(CLOCK_THREAD_CPUTIME_ID);
    if (sy_snapshot_fold(edited, &folded, NULL) != SY_OK)
        die("a fold had no memory");
    *ret_fold_ms = (seconds(CLOCK_THREAD_CPUTIME_ID) - from) * 1e3;
    sy_snapshot_free(folded);
    sy_snapshot_free(edited);
    sy_arena_release(&mem);
}

struct figures {
    size_t rows;
    double cold_ns, warm_ns, unknown_cold_ns, unknown_ns, bytes_a_row, build_ms, edit_ms, fold_ms;
};

static void measure(size_t rows, struct figures *ret)
{
    struct sy_decision *d = malloc(sizeof(*d));
    struct sy_arena arena;
    struct world w;

    if (!d)
        die("no memory");
    sy_arena_init(&arena, 1 << 20);
    ret->build_ms = build(&w, rows) * 1e3;
    ret->bytes_a_row = (double)sy_snapshot_bytes(w.snapshot, &ret->rows);
    ret->bytes_a_row /= (double)ret->rows;
    for (unsigned unknown = 0; unknown < 2; unknown++) {
        ask_all(&w, QUESTIONS_COLD, w.toolkits, unknown);
        *(unknown ? &ret->unknown_cold_ns : &ret->cold_ns) = time_decisions(&w, &arena, d);
        ask_all(&w, QUESTIONS_WARM, w.toolkits < 64 ? w.toolkits : 64, unknown);
        *(unknown ? &ret->unknown_ns : &ret->warm_ns) = time_decisions(&w, &arena, d);
    }
    time_changes(&w, &ret->edit_ms, &ret->fold_ms);
    sy_arena_release(&arena);
    drop(&w);
    free(d);
}

static void write_json(const struct figures *all, size_t count)
{
    struct sy_json_writer w;
    struct sy_buf out;

    sy_buf_init(&out, JSON_MAX);
    sy_jw_init(&w, &out);
    sy_jw_object(&w);
    sy_jw_name(&w, "resolve");
    sy_jw_array(&w);
    for (size_t i = 0; i < count; i++) {
        sy_jw_object(&w);
        sy_jw_member_i64(&w, "rows", (int64_t)all[i].rows);
        sy_jw_member_i64(&w, "cold_ns", (int64_t)all[i].cold_ns);
        sy_jw_member_i64(&w, "warm_ns", (int64_t)all[i].warm_ns);
        sy_jw_member_i64(&w, "unknown_cold_ns", (int64_t)all[i].unknown_cold_ns);
        sy_jw_member_i64(&w, "unknown_ns", (int64_t)all[i].unknown_ns);
        sy_jw_member_i64(&w, "bytes_a_row", (int64_t)(all[i].bytes_a_row + 0.5));
        sy_jw_member_i64(&w, "build_us", (int64_t)(all[i].build_ms * 1e3));
        sy_jw_member_i64(&w, "edit_us", (int64_t)(all[i].edit_ms * 1e3));
        sy_jw_member_i64(&w, "fold_us", (int64_t)(all[i].fold_ms * 1e3));
        sy_jw_object_end(&w);
    }
    sy_jw_array_end(&w);
    sy_jw_object_end(&w);
    if (!sy_buf_ok(&out))
        die("no memory for the report");
    printf("%.*s\n", SY_FMT(sy_buf_str(&out)));
    sy_buf_release(&out);
}

static void count(size_t wanted, size_t rows, bool unknown)
{
    struct sy_decision *d = malloc(sizeof(*d));
    struct sy_arena arena;
    struct world w;

    if (!d)
        die("no memory");
    sy_arena_init(&arena, 1 << 20);
    build(&w, rows);
    ask_all(&w, wanted, w.toolkits, unknown);
    printf("%zu routed\n", decisions(&w, wanted, &arena, d));
    sy_arena_release(&arena);
    drop(&w);
    free(d);
}

static size_t number(const char *text)
{
    uint64_t value;

    if (!sy_str_to_u64(sy_str_of(text), &value) || value < ROWS_A_TOOLKIT || value > 1000000)
        die("a SIZE is 5 to 1000000 rows");
    return (size_t)value;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {100, 1000, 10000, 100000, 1000000};
    struct figures all[16];
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    int first = json ? 2 : 1;
    size_t done = 0, wanted = argc > first ? (size_t)(argc - first) : SY_ARRAY_LEN(sizes);

    if ((argc == 4 || argc == 5) && strcmp(argv[1], "--count") == 0) {
        count(number(argv[2]), number(argv[3]), argc == 5 && strcmp(argv[4], "unknown") == 0);
        return 0;
    }
    for (; done < wanted && done < SY_ARRAY_LEN(all); done++) {
        struct figures *f = &all[done];
        measure(argc > first ? number(argv[first + (int)done]) : sizes[done], f);
        if (!json)
            printf("%8zu rows: %5.0f ns a decision (%.0f warm), %.0f if the toolkit is unknown "
                   "(%.0f warm), %.1f bytes a row, build %.1f ms, edit %.3f ms, fold %.1f ms\n",
                   f->rows, f->cold_ns, f->warm_ns, f->unknown_cold_ns, f->unknown_ns,
                   f->bytes_a_row, f->build_ms, f->edit_ms, f->fold_ms);
    }
    if (json)
        write_json(all, done);
    return 0;
}
