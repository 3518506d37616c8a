#include "registry/registry.h"
#include "triage/triage_int.h"

static const char *asked_name(const struct triage_evidence *evidence)
{
    if (evidence->asked == TRIAGE_FAILED)
        return "could not be asked";
    if (evidence->asked == TRIAGE_NOT_ASKED)
        return "not asked";
    return evidence->hit ? "yes" : "no";
}

static void write_registry_step(struct sy_json_writer *w, const struct triage *triage)
{
    sy_jw_object(w);
    sy_jw_member_z(w, "step", "registry");
    sy_jw_member_z(w, "question", "Has the registry the answer already?");
    sy_jw_member_z(w, "answer", triage->answer_row ? "yes" : "no");
    sy_jw_opt_str(w, "toolkit", triage->known);
    sy_jw_name(w, "rows");
    sy_jw_array(w);
    for (unsigned i = 0; i < triage->row_count; i++) {
        sy_jw_object(w);
        sy_jw_member_str(w, "vendor", triage->rows[i].vendor);
        sy_jw_member_str(w, "vendor_slug", triage->rows[i].vendor_slug);
        sy_jw_member_z(w, "status", sy_row_state_name(triage->rows[i].state));
        sy_jw_object_end(w);
    }
    sy_jw_array_end(w);
    sy_jw_object_end(w);
}

static void write_catalogue_step(struct sy_json_writer *w, struct triage *triage,
                                 const struct triage_evidence *evidence)
{
    sy_jw_object(w);
    sy_jw_member_str(w, "step", evidence->vendor);
    sy_jw_member_str(
        w, "question",
        sy_arena_printf(&triage->mem, "Is it in the catalogue of %.*s?", SY_FMT(evidence->vendor)));
    sy_jw_member_z(w, "answer", asked_name(evidence));
    sy_jw_opt_str(w, "why", evidence->why);
    if (evidence->hit) {
        sy_jw_member_str(w, "slug", evidence->slug);
        sy_jw_opt_str(w, "name", evidence->name);
        sy_jw_member_bool(w, "configured", evidence->configured);
        sy_jw_member_bool(w, "connectable", evidence->connectable);
    }
    sy_jw_member_i64(w, "look_ups", evidence->questions);
    sy_jw_name(w, "resembling");
    sy_jw_array(w);
    for (unsigned i = 0; i < evidence->suggestion_count; i++)
        sy_jw_str(w, evidence->suggestions[i]);
    sy_jw_array_end(w);
    sy_jw_object_end(w);
}

static void write_wait_step(struct sy_json_writer *w, const struct triage *triage)
{
    sy_jw_object(w);
    sy_jw_member_z(w, "step", "wait");
    sy_jw_member_z(w, "question", "Can it wait for native support, and is it not critical?");
    sy_jw_member_z(w, "answer", triage->verdict.path == SY_PATH_PENDING ? "yes" : "no");
    sy_jw_object_end(w);
}

static void write_steps(struct sy_json_writer *w, struct triage *triage)
{
    sy_jw_name(w, "steps");
    sy_jw_array(w);
    write_registry_step(w, triage);
    for (unsigned i = 0; i < triage->evidence_count && !triage->answer_row; i++)
        write_catalogue_step(w, triage, &triage->evidence[i]);
    if (!triage->answer_row && !triage->verdict.hit)
        write_wait_step(w, triage);
    sy_jw_array_end(w);
}

static void next_native(struct sy_json_writer *w, struct triage *triage)
{
    const struct triage_evidence *hit = triage->verdict.hit;

    if (!triage->applied)
        sy_jw_str(w, SY_STR("Write the row: run the same triage with --apply."));
    if (hit->configured)
        sy_jw_str(w, SY_STR("Users connect with the link that their first call answers."));
    else
        sy_jw_str(
            w, sy_arena_printf(&triage->mem,
                               "Set %.*s up at %.*s (an auth config or a connection); until then "
                               "calls answer toolkit_not_configured.",
                               SY_FMT(hit->slug), SY_FMT(hit->vendor)));
    if (!hit->connectable)
        sy_jw_str(w,
                  SY_STR("The vendor brings no OAuth app of its own for it: register one with the "
                         "provider first."));
}

static void next_pending(struct sy_json_writer *w, struct triage *triage)
{
    sy_jw_str(w, SY_STR("Look for an existing feature request; if there is none, file one with the "
                        "row's issue_url."));
    sy_jw_str(w, SY_STR("Put the issue's own URL into the row (registry set)."));
    if (!triage->applied)
        sy_jw_str(w, SY_STR("Write the row: run the same triage with --apply."));
    sy_jw_str(w,
              SY_STR("On the due date run triage again: decide for a worker or for more waiting."));
}

static void next_worker(struct sy_json_writer *w, struct triage *triage)
{
    if (triage->verdict.ruled_out)
        sy_jw_str(w, SY_STR("Write down in the decision record which need rules Pipedream out."));
    sy_jw_str(w, SY_STR("Write the decision record (adr); a worker row is refused without one."));
    sy_jw_str(
        w, SY_STR("Build the worker: POST, signature over timestamp and body, docs/vendors.md."));
    sy_jw_str(w,
              SY_STR("Declare its secret under secrets.named, then registry set with adr, endpoint "
                     "and secret."));
}

static void write_next(struct sy_json_writer *w, struct triage *triage)
{
    sy_jw_name(w, "next");
    sy_jw_array(w);
    if (triage->answer_row && triage->answer_row->state == SY_ROW_BLOCKED)
        sy_jw_str(w, SY_STR("The row is blocked: somebody decided against it; ask its owner."));
    else if (triage->answer_row)
        sy_jw_str(w, SY_STR("Nothing: calls run on the row that is there."));
    else if (triage->verdict.path == SY_PATH_PENDING)
        next_pending(w, triage);
    else if (triage->verdict.path == SY_PATH_WORKER)
        next_worker(w, triage);
    else
        next_native(w, triage);
    sy_jw_array_end(w);
}

static void write_needs(struct sy_json_writer *w, unsigned needs)
{
    static const char *const names[] = {"latency", "signing", "residency"};

    sy_jw_name(w, "needs");
    sy_jw_array(w);
    for (unsigned i = 0; i < SY_ARRAY_LEN(names); i++)
        if (needs & (1u << i))
            sy_jw_z(w, names[i]);
    sy_jw_array_end(w);
}

static void write_row(struct sy_json_writer *w, const struct triage *triage)
{
    sy_jw_name(w, "row");
    if (triage->answer_row)
        sy_row_write_json(w, triage->answer_row, NULL);
    else if (triage->has_row)
        sy_row_write_json(w, &triage->row, &triage->facts);
    else
        sy_jw_null(w);
    sy_jw_name(w, "row_lacks");
    sy_jw_array(w);
    for (unsigned i = 0; i < triage->missing_count; i++)
        sy_jw_z(w, triage->missing[i]);
    sy_jw_array_end(w);
}

static enum sy_path row_path(const struct triage *triage, const struct sy_row *row)
{
    struct sy_vendor_health health[SY_VENDORS_MAX];
    size_t count = sy_engine_vendors(triage->el, health, SY_VENDORS_MAX);

    for (size_t i = 0; i < count; i++)
        if (sy_str_eq(health[i].name, row->vendor))
            return health[i].path;
    return SY_PATH_PENDING;
}

struct sy_str triage_write(struct triage *triage)
{
    const struct sy_row *answer = triage->answer_row;
    const struct sy_row *row = answer ? answer : &triage->row;
    struct sy_json_writer w;
    struct sy_buf out;

    sy_buf_init_arena(&out, &triage->mem, (size_t)1 << 20);
    sy_jw_init(&w, &out);
    sy_jw_object(&w);
    sy_jw_member_str(&w, "provider", triage->request.provider);
    sy_jw_member_z(&w, "criticality", sy_criticality_name(triage->request.criticality));
    sy_jw_member_bool(&w, "can_wait", triage->request.can_wait);
    write_needs(&w, triage->request.needs);
    sy_jw_member_z(&w, "path",
                   sy_path_name(answer ? row_path(triage, answer) : triage->verdict.path));
    sy_jw_member_str(&w, "toolkit", row->toolkit);
    sy_jw_member_str(&w, "vendor", row->vendor);
    sy_jw_member_z(&w, "decided_by", answer ? "registry" : "tree");
    sy_jw_member_z(&w, "because",
                   answer ? "the registry has a row for it" : triage->verdict.because);
    write_steps(&w, triage);
    write_row(&w, triage);
    sy_jw_member_bool(&w, "applied", triage->applied);
    write_next(&w, triage);
    sy_jw_object_end(&w);
    return sy_buf_str(&out);
}
