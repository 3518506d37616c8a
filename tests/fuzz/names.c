/*
 * Any spelling of tool, toolkit, vendor, user, account and environment over the seed registry: a
 * decision that is the same each time, well-formed, and a typed failure where it is a refusal.
 */
#include "gather.h"

#include "resolve/resolve.h"
#include "vendors/vendors.h"

struct world {
    struct sy_arena arena;
    struct sy_policy policy;
    struct sy_snapshot *snapshot;
};

static void build(struct world *w)
{
    static const struct sy_tenant tenants[] = {{.name = SY_STR_INIT("acme")},
                                               {.name = SY_STR_INIT("gone"), .disabled = true}};
    static const struct sy_str names[] = {SY_STR_INIT("composio"),  SY_STR_INIT("scalekit"),
                                          SY_STR_INIT("pipedream"), SY_STR_INIT("worker"),
                                          SY_STR_INIT("pending"),   SY_STR_INIT("session")};
    const struct sy_policy_source source = {.file = SY_STR("p"), .text = sy_policy_default_text()};
    struct sy_registry registry;
    struct sy_faults policy_faults;
    struct sy_import import;
    struct sy_buf faults;

    sy_arena_init(&w->arena, 256u << 20);
    sy_faults_init(&policy_faults);
    sy_buf_init_arena(&faults, &w->arena, 1u << 20);
    FUZZ_CHECK(sy_policy_load(&source, 1, names, SY_ARRAY_LEN(names), &w->arena, &w->policy,
                              &policy_faults) == SY_OK);
    sy_faults_release(&policy_faults);
    FUZZ_CHECK(sy_registry_read(sy_registry_seed_text(), SY_STR("seed"), SY_FORMAT_YAML, &w->arena,
                                &import, &faults) == SY_OK);
    gather(&import, &w->arena, &registry);
    registry.tenants = tenants;
    registry.tenant_count = SY_ARRAY_LEN(tenants);
    FUZZ_CHECK(sy_snapshot_build(&registry, &w->policy, &w->snapshot, NULL) == SY_OK);
}

static void check_names(struct sy_str name)
{
    char *out = malloc(name.len + 1), *again = malloc(name.len + 1);
    struct sy_str normal = sy_name_normalise(name, out);

    FUZZ_CHECK(normal.len <= name.len);
    FUZZ_CHECK(sy_str_eq(sy_name_normalise(normal, again), normal));
    if (sy_name_is_valid(name))
        FUZZ_CHECK(name.len && name.len <= SY_NAME_MAX && !sy_str_has_control(name));
    if (sy_user_id_is_valid(name))
        FUZZ_CHECK(sy_str_is_utf8(name) && !sy_str_has_control(name));
    if (sy_tenant_name_is_valid(name))
        FUZZ_CHECK(sy_name_is_valid(name) || sy_str_ends(name, SY_STR("-")));
    free(again);
    free(out);
}

static struct sy_str decide(const struct world *w, const struct sy_resolve_request *request,
                            unsigned flags, struct sy_arena *arena)
{
    static const struct sy_str some[] = {SY_STR_INIT("composio"), SY_STR_INIT("pipedream")};
    struct sy_resolve_facts facts = {.now_unix_ms = INT64_C(1795251600000),
                                     .broken = some,
                                     .broken_count = flags & 2 ? 1 : 0,
                                     .absent = some + 1,
                                     .absent_count = flags & 4 ? 1 : 0};
    struct sy_decision *decision = sy_arena_zalloc(arena, sizeof(*decision));
    struct sy_json_writer json;
    struct sy_buf out;

    facts.vendors = sy_vendors(&facts.vendor_count);
    FUZZ_CHECK(sy_resolve(w->snapshot, request, &facts, arena, decision) == SY_OK);
    FUZZ_CHECK(decision->candidate_count <= SY_CANDIDATES_MAX);
    sy_buf_init_arena(&out, arena, 4u << 20);
    sy_jw_init(&json, &out);
    sy_jw_object(&json);
    sy_decision_write(&json, decision, true);
    sy_jw_object_end(&json);
    FUZZ_CHECK(fuzz_is_json(sy_buf_str(&out), SY_JSON_OBJECT));
    if (decision->kind == SY_DECIDED) {
        FUZZ_CHECK(decision->candidate_count);
        return sy_buf_str(&out);
    }
    FUZZ_CHECK(decision->failure.code != SY_CODE_NONE);
    size_t head = out.len;

    sy_failure_write(&out, &decision->failure, false, (struct sy_str){NULL, 0});
    FUZZ_CHECK(fuzz_is_json(sy_str_skip(sy_buf_str(&out), head), SY_JSON_OBJECT));
    return sy_buf_str(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    struct sy_str rest = fuzz_all(data, size), all = rest, near[8];
    unsigned flags = fuzz_byte(&rest);
    struct sy_arena arena;

    if (!world.snapshot)
        build(&world);
    const struct sy_resolve_request request = {
        .tenant = flags & 8 ? fuzz_part(&rest) : SY_STR("acme"),
        .tool = fuzz_optional(&rest),
        .toolkit = fuzz_optional(&rest),
        .vendor = fuzz_optional(&rest),
        .user_id = fuzz_optional(&rest),
        .account = fuzz_optional(&rest),
        .environment = flags & 1 ? fuzz_part(&rest) : SY_STR("production"),
    };

    check_names(all);
    check_names(request.tool);
    sy_arena_init(&arena, 64u << 20);
    FUZZ_CHECK(sy_str_eq(decide(&world, &request, flags, &arena),
                         decide(&world, &request, flags, &arena)));
    FUZZ_CHECK(sy_snapshot_near_toolkits(world.snapshot, request.tool, 3, near, 8) <= 8);
    FUZZ_CHECK(sy_snapshot_near_tools(world.snapshot, SY_STR("gmail"), request.tool, near, 8) <= 8);
    sy_arena_release(&arena);
    return 0;
}
