#include "registry/apply.h"

#include "registry/registry.h"
#include "registry/row.h"

/* Memory one change may take: two states of a toolkit and their JSON. */
#define CHANGE_ARENA_MAX (16u << 20)
#define STATE_JSON_MAX (4u << 20)
#define TOOLKIT_ROWS_MAX 64u

struct applying {
    const struct sy_apply_ops *ops;
    void *self;
    const struct sy_change_note *note;
    int64_t version;        /* the version this apply makes */
    struct sy_arena *arena; /* of one change */
    bool changed;
};

/* ---- states ---- */

static struct sy_str state_json(struct sy_arena *arena, const struct sy_toolkit_state *state)
{
    struct sy_json_writer w;
    struct sy_buf out;

    if (!state->row_count)
        return (struct sy_str){NULL, 0};
    sy_buf_init_arena(&out, arena, STATE_JSON_MAX);
    sy_jw_init(&w, &out);
    sy_jw_array(&w);
    for (size_t i = 0; i < state->row_count; i++) {
        sy_jw_object(&w);
        sy_row_write_members(&w, &state->rows[i], i ? NULL : &state->facts);
        sy_jw_object_end(&w);
    }
    sy_jw_array_end(&w);
    if (!sy_buf_ok(&out))
        arena->failed = true;
    return sy_buf_str(&out);
}

static struct sy_str row_json(struct sy_arena *arena, const struct sy_row *row)
{
    const struct sy_toolkit_state one = {.rows = row, .row_count = 1};

    return state_json(arena, &one);
}

static const struct sy_row *find_row(const struct sy_toolkit_state *state, struct sy_str vendor)
{
    for (size_t i = 0; i < state->row_count; i++)
        if (sy_str_eq(state->rows[i].vendor, vendor))
            return &state->rows[i];
    return NULL;
}

/* Puts a checked copy of `row` among the `*count` sorted `rows`. */
static int insert_row(struct applying *a, struct sy_str toolkit, const struct sy_row *row,
                      struct sy_row *rows, size_t *count, struct sy_err *err)
{
    struct sy_row copy = sy_row_copy(a->arena, row);
    size_t at = *count;
    int rc = sy_row_check(&copy, err);

    if (rc) {
        sy_err_push(err, "row %.*s/%.*s", SY_FMT(row->toolkit), SY_FMT(row->vendor));
        return rc;
    }
    if (!sy_str_eq(copy.toolkit, toolkit))
        return sy_err_set(err, SY_INVALID, "row %.*s/%.*s: toolkit: is not %.*s",
                          SY_FMT(row->toolkit), SY_FMT(row->vendor), SY_FMT(toolkit));
    while (at && sy_str_cmp(rows[at - 1].vendor, copy.vendor) >= 0) {
        if (sy_str_eq(rows[at - 1].vendor, copy.vendor))
            return sy_err_set(err, SY_INVALID, "row %.*s/%.*s: vendor: stands twice",
                              SY_FMT(row->toolkit), SY_FMT(row->vendor));
        rows[at] = rows[at - 1];
        at--;
    }
    rows[at] = copy;
    ++*count;
    return SY_OK;
}

/* The rows the toolkit has after `change`. */
static int next_rows(struct applying *a, const struct sy_change *change, struct sy_str toolkit,
                     const struct sy_toolkit_state *before, struct sy_toolkit_state *after,
                     struct sy_err *err)
{
    size_t kept = change->kind == SY_CHANGE_PUT_TOOLKIT ? 0 : before->row_count;
    size_t put = change->kind == SY_CHANGE_DELETE_ROW ? 0 : change->row_count;
    struct sy_row *rows;
    size_t count = 0;
    int rc = SY_OK;

    if (put > TOOLKIT_ROWS_MAX)
        return sy_err_set(err, SY_INVALID, "toolkit %.*s: has more than %u rows", SY_FMT(toolkit),
                          TOOLKIT_ROWS_MAX);
    rows = sy_arena_array(a->arena, kept + put + 1, sizeof(*rows));
    if (!rows)
        return sy_err_set(err, SY_NOMEM, "out of memory");
    for (size_t i = 0; !rc && i < put; i++)
        rc = insert_row(a, toolkit, &change->rows[i], rows, &count, err);
    for (size_t i = 0; !rc && i < kept; i++) {
        struct sy_toolkit_state named = {.rows = change->rows, .row_count = change->row_count};
        if (!find_row(&named, before->rows[i].vendor))
            rc = insert_row(a, toolkit, &before->rows[i], rows, &count, err);
    }
    after->rows = rows;
    after->row_count = count;
    return rc;
}

/* Version and time of every row: a row that stays as it was keeps its time. */
static void stamp_rows(struct applying *a, const struct sy_toolkit_state *before,
                       struct sy_toolkit_state *after)
{
    struct sy_row *rows = sy_arena_array(a->arena, after->row_count + 1, sizeof(*rows));

    for (size_t i = 0; rows && i < after->row_count; i++) {
        const struct sy_row *old = find_row(before, after->rows[i].vendor);

        rows[i] = after->rows[i];
        rows[i].version_number = a->version;
        rows[i].changed_at_ms =
            old && sy_str_eq(row_json(a->arena, old), row_json(a->arena, &rows[i]))
                ? old->changed_at_ms
                : a->note->at_ms;
    }
    after->rows = rows;
    after->version = a->version;
}

static int record(struct applying *a, struct sy_str toolkit, const char *kind, struct sy_str before,
                  struct sy_str after, struct sy_err *err)
{
    const struct sy_history_entry entry = {.toolkit = toolkit,
                                           .version = a->version,
                                           .kind = kind,
                                           .before = before,
                                           .after = after,
                                           .note = a->note};

    a->changed = true;
    return a->ops->add_history(a->self, &entry, err);
}

static int change_rows(struct applying *a, const struct sy_change *change, struct sy_str toolkit,
                       struct sy_err *err)
{
    struct sy_toolkit_state before, after;
    struct sy_str old_json, new_json;
    int rc = a->ops->get_toolkit(a->self, toolkit, a->arena, &before, err);

    if (rc)
        return rc;
    if (change->kind == SY_CHANGE_DELETE_ROW &&
        (!change->row_count || !find_row(&before, change->rows[0].vendor)))
        return sy_err_set(err, SY_NOT_FOUND, "row %.*s/%.*s does not exist", SY_FMT(toolkit),
                          SY_FMT(change->row_count ? change->rows[0].vendor : toolkit));
    after = before;
    if (change->facts) {
        after.facts = sy_facts_copy(a->arena, change->facts);
        rc = sy_facts_check(&after.facts, err);
        if (rc)
            sy_err_push(err, "toolkit %.*s", SY_FMT(toolkit));
    }
    after.facts.toolkit = toolkit;
    if (!rc)
        rc = next_rows(a, change, toolkit, &before, &after, err);
    if (rc)
        return rc;
    old_json = state_json(a->arena, &before);
    new_json = state_json(a->arena, &after);
    if (a->arena->failed)
        return sy_err_set(err, SY_NOMEM, "toolkit %.*s: out of memory", SY_FMT(toolkit));
    if (sy_str_eq(old_json, new_json))
        return SY_OK;
    stamp_rows(a, &before, &after);
    if (a->arena->failed)
        return sy_err_set(err, SY_NOMEM, "toolkit %.*s: out of memory", SY_FMT(toolkit));
    rc = a->ops->put_toolkit(a->self, toolkit, &after, err);
    return rc ? rc : record(a, toolkit, "rows", old_json, new_json, err);
}

/* ---- maps ---- */

static struct sy_str map_json(struct sy_arena *arena, const struct sy_tool_map *map)
{
    struct sy_json_writer w;
    struct sy_buf out;

    if (!map->tool.ptr)
        return (struct sy_str){NULL, 0};
    sy_buf_init_arena(&out, arena, STATE_JSON_MAX);
    sy_jw_init(&w, &out);
    sy_map_write_json(&w, map);
    if (!sy_buf_ok(&out))
        arena->failed = true;
    return sy_buf_str(&out);
}

static int change_map(struct applying *a, const struct sy_change *change, struct sy_err *err)
{
    bool put = change->kind == SY_CHANGE_PUT_MAP;
    struct sy_tool_map before, after;
    struct sy_str old_json, new_json;
    int rc;

    if (!change->map)
        return sy_err_set(err, SY_INVALID, "a change of a tool map names no map");
    after = sy_map_copy(a->arena, change->map);
    if (put && sy_map_check(&after, err)) {
        sy_err_push(err, "tool %.*s at %.*s", SY_FMT(after.tool), SY_FMT(after.vendor));
        return SY_INVALID;
    }
    rc = a->ops->get_map(a->self, after.tool, after.vendor, a->arena, &before, err);
    if (rc)
        return rc;
    if (!put && !before.tool.ptr)
        return sy_err_set(err, SY_NOT_FOUND, "tool %.*s has no map row at %.*s", SY_FMT(after.tool),
                          SY_FMT(after.vendor));
    old_json = map_json(a->arena, &before);
    new_json = put ? map_json(a->arena, &after) : (struct sy_str){NULL, 0};
    if (a->arena->failed)
        return sy_err_set(err, SY_NOMEM, "tool %.*s: out of memory", SY_FMT(after.tool));
    if (sy_str_eq(old_json, new_json))
        return SY_OK;
    rc = put ? a->ops->put_map(a->self, &after, err)
             : a->ops->delete_map(a->self, after.tool, after.vendor, err);
    return rc ? rc
              : record(a, put ? after.toolkit : before.toolkit, "map", old_json, new_json, err);
}

/* ---- names ---- */

static int claim(struct applying *a, struct sy_str name, struct sy_str toolkit, struct sy_err *err)
{
    char *out = sy_arena_alloc(a->arena, name.len + 1);
    struct sy_str normalised, owner;
    int rc;

    if (!out)
        return sy_err_set(err, SY_NOMEM, "out of memory");
    normalised = sy_name_normalise(name, out);
    if (!normalised.len)
        return sy_err_set(err, SY_INVALID, "toolkit %.*s: the name \"%.*s\" has no letter or digit",
                          SY_FMT(toolkit), SY_FMT(name));
    rc = a->ops->claim_name(a->self, normalised, toolkit, a->arena, &owner, err);
    if (rc)
        return rc;
    if (!sy_str_eq(owner, toolkit))
        return sy_err_set(err, SY_INVALID,
                          "toolkit %.*s: the name \"%.*s\" already belongs to toolkit %.*s",
                          SY_FMT(toolkit), SY_FMT(name), SY_FMT(owner));
    return SY_OK;
}

static int claim_names(struct applying *a, struct sy_str toolkit, struct sy_err *err)
{
    struct sy_toolkit_state state;
    int rc = a->ops->get_toolkit(a->self, toolkit, a->arena, &state, err);

    if (rc || !state.row_count)
        return rc;
    rc = claim(a, toolkit, toolkit, err);
    for (size_t i = 0; !rc && i < state.row_count; i++)
        rc = claim(a, state.rows[i].vendor_slug, toolkit, err);
    for (size_t i = 0; !rc && i < state.facts.alias_count; i++)
        rc = claim(a, state.facts.aliases[i], toolkit, err);
    return rc;
}

/* ---- the whole ---- */

static bool is_map_change(const struct sy_change *change)
{
    return change->kind == SY_CHANGE_PUT_MAP || change->kind == SY_CHANGE_DELETE_MAP;
}

static int check_version(struct applying *a, const struct sy_change *change, struct sy_str toolkit,
                         struct sy_err *err)
{
    struct sy_toolkit_state state;
    int rc;

    if (change->expected_version < 0)
        return SY_OK;
    rc = a->ops->get_toolkit(a->self, toolkit, a->arena, &state, err);
    if (rc || state.version == change->expected_version)
        return rc;
    return sy_err_set(err, SY_CONFLICT, "toolkit %.*s is at version %lld, not %lld",
                      SY_FMT(toolkit), (long long)state.version,
                      (long long)change->expected_version);
}

enum pass { PASS_CHECK, PASS_WRITE, PASS_NAMES, PASS_COUNT };

static int run_pass(struct applying *a, enum pass pass, const struct sy_change *change,
                    struct sy_err *err)
{
    struct sy_str toolkit = sy_lower_copy(a->arena, change->toolkit);

    if (pass == PASS_CHECK)
        return check_version(a, change, toolkit, err);
    if (pass == PASS_WRITE)
        return is_map_change(change) ? change_map(a, change, err)
                                     : change_rows(a, change, toolkit, err);
    return is_map_change(change) ? SY_OK : claim_names(a, toolkit, err);
}

int sy_registry_apply(const struct sy_apply_ops *ops, void *self, const struct sy_change *changes,
                      size_t count, const struct sy_change_note *note, int64_t *ret_version,
                      struct sy_err *err)
{
    struct sy_arena arena;
    struct applying a = {.ops = ops, .self = self, .note = note, .arena = &arena};
    int64_t version;
    int rc = ops->get_version(self, &version, err);

    if (rc)
        return rc;
    a.version = version + 1;
    sy_arena_init(&arena, CHANGE_ARENA_MAX);
    /* Names are claimed last, so that one apply may move a name from one toolkit to another. */
    for (int pass = PASS_CHECK; !rc && pass < PASS_COUNT; pass++)
        for (size_t i = 0; !rc && i < count; i++) {
            sy_arena_clear(&arena);
            rc = run_pass(&a, (enum pass)pass, &changes[i], err);
        }
    if (!rc && a.changed)
        rc = ops->set_version(self, a.version, err);
    if (!rc && ret_version)
        *ret_version = a.changed ? a.version : version;
    sy_arena_release(&arena);
    return rc;
}

void sy_history_write(struct sy_json_writer *w, const struct sy_history_entry *entry)
{
    sy_jw_object(w);
    sy_jw_member_i64(w, "version", entry->version);
    sy_jw_member_time(w, "at", entry->note->at_ms);
    sy_jw_member_str(w, "actor", entry->note->actor);
    sy_jw_opt_str(w, "reason", entry->note->reason);
    sy_jw_member_z(w, "kind", entry->kind);
    sy_jw_name(w, "before");
    entry->before.ptr ? sy_jw_raw(w, entry->before) : sy_jw_null(w);
    sy_jw_name(w, "after");
    entry->after.ptr ? sy_jw_raw(w, entry->after) : sy_jw_null(w);
    sy_jw_object_end(w);
}
