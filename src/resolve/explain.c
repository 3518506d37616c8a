/* The reasons in words: one for each vendor of the order, short ones for the route taken. */
#include <string.h>

#include "resolve/internal.h"

struct sy_str sy_words(const struct sy_resolution *r, const struct sy_str *parts, size_t count)
{
    return sy_arena_join(r->arena, parts, count);
}

struct sy_str sy_number(const struct sy_resolution *r, int64_t number)
{
    char digits[24];
    size_t at = sizeof(digits);
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    do
        digits[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        digits[--at] = '-';
    return sy_arena_copy(r->arena, sy_str_from(digits + at, sizeof(digits) - at));
}

struct sy_str sy_row_words(const struct sy_resolution *r, const struct sy_route *row, bool version)
{
    struct sy_str state = sy_str_of(sy_row_state_name(row->state));
    struct sy_str vendor = row->state == SY_ROW_PENDING_NATIVE ? SY_STR("pending") : row->vendor;

    if (!version)
        return SY_WORDS(r, SY_STR("row "), row->toolkit, SY_STR("/"), vendor, SY_STR(" "), state);
    return SY_WORDS(r, SY_STR("row "), row->toolkit, SY_STR("/"), vendor, SY_STR(" "), state,
                    SY_STR(" (version "), sy_number(r, row->version_number), SY_STR(")"));
}

static struct sy_str rule_words(const struct sy_resolution *r, const struct sy_entry *entry)
{
    switch (entry->out) {
    case SY_OUT_DENIED:
        return SY_WORDS(r, SY_STR("rule "), entry->rule, SY_STR(": deny; "));
    case SY_OUT_AVOID:
        return SY_WORDS(r, SY_STR("rule "), entry->rule, SY_STR(": avoid "), entry->vendor,
                        SY_STR("; "));
    case SY_OUT_USE:
        return SY_WORDS(r, SY_STR("rule "), entry->rule, SY_STR(": uses others; "));
    case SY_OUT_NOT:
    case SY_OUT_EXPIRED:
    case SY_OUT_BLOCKED:
    case SY_OUT_ORDER:
    case SY_OUT_ADR:
    case SY_OUT_ENVIRONMENT:
    case SY_OUT_PIN:
    case SY_OUT_QUARANTINED:
    case SY_OUT_ABSENT:
    case SY_OUT_SUBJECT:
        break;
    }
    return SY_STR("");
}

/* What stands before or after the row's own words. */
static struct sy_str out_words(enum sy_out out)
{
    switch (out) {
    case SY_OUT_EXPIRED:
        return SY_STR(", found by a probe too long ago");
    case SY_OUT_ORDER:
        return SY_STR(", not in the policy's order");
    case SY_OUT_ADR:
        return SY_STR(", names no decision record (adr)");
    case SY_OUT_ENVIRONMENT:
        return SY_STR(", debug sessions are not for this key's environment");
    case SY_OUT_PIN:
        return SY_STR(", the caller pinned another vendor");
    case SY_OUT_QUARANTINED:
        return SY_STR(", the vendor is quarantined");
    case SY_OUT_ABSENT:
        return SY_STR(", the vendor has no usable credentials");
    case SY_OUT_SUBJECT:
        return SY_STR(", tenant and user are too long for the vendor");
    case SY_OUT_NOT:
    case SY_OUT_BLOCKED:
    case SY_OUT_DENIED:
    case SY_OUT_AVOID:
    case SY_OUT_USE:
        break;
    }
    return SY_STR("");
}

static void consider(struct sy_resolution *r, struct sy_str vendor, enum sy_path path,
                     const struct sy_entry *entry)
{
    struct sy_decision *d = r->ret;
    struct sy_consideration *c;

    if (!d->considered)
        d->considered = sy_arena_array(r->arena, SY_CANDIDATES_MAX, sizeof(*d->considered));
    if (!d->considered || d->considered_count == SY_CANDIDATES_MAX)
        return;
    c = &d->considered[d->considered_count++];
    *c = (struct sy_consideration){.path = path, .vendor = sy_arena_copy(r->arena, vendor)};
    if (!entry) {
        c->reason = sy_in_list(vendor, d->probe_vendors, d->probe_count)
                        ? SY_STR("no row; a call would ask the vendor")
                        : SY_STR("no row");
        return;
    }
    c->taken = entry->out == SY_OUT_NOT && d->kind == SY_DECIDED;
    c->reason = SY_WORDS(r, rule_words(r, entry), sy_row_words(r, &entry->route, true),
                         entry->out == SY_OUT_NOT && entry->broken ? SY_STR(", breaker open")
                                                                   : out_words(entry->out));
}

static const struct sy_entry *entry_of(const struct sy_resolution *r, struct sy_str vendor)
{
    for (unsigned i = 0; i < r->entry_count; i++) {
        if (sy_str_eq(r->entries[i].vendor, vendor))
            return &r->entries[i];
    }
    return NULL;
}

static bool in_chain(const struct sy_policy *policy, struct sy_str vendor)
{
    for (unsigned i = 0; i < policy->chain_count; i++) {
        if (sy_str_eq(policy->chain[i].vendor, vendor))
            return true;
    }
    return false;
}

/* Why this path and no earlier one. */
static struct sy_str order_words(const struct sy_resolution *r, const struct sy_entry *first)
{
    struct sy_str path = sy_str_of(sy_path_name(first->path));

    if (r->pin.len > 0)
        return SY_WORDS(r, SY_STR("pinned by the caller: "), first->vendor);
    if (r->verdict.use_count > 0)
        return SY_WORDS(r, SY_STR("rule "), r->verdict.use_rule, SY_STR(": use "),
                        r->verdict.use[first->use_rank]);
    if (first->route.flags & SY_PACK_RANK)
        return SY_WORDS(r, SY_STR("rank "), sy_number(r, first->route.rank));
    if (first->path_rank == 0)
        return SY_WORDS(r, SY_STR("policy default: "), path, SY_STR(" first"));
    return SY_WORDS(r, SY_STR("policy order: no better route than "), path);
}

static void because(struct sy_resolution *r)
{
    struct sy_decision *d = r->ret;
    const struct sy_entry *first = entry_of(r, d->candidates[0].vendor);

    if (!first)
        return;
    d->because[d->because_count++] = sy_row_words(r, &first->route, false);
    d->because[d->because_count++] = order_words(r, first);
    if (d->candidates[0].mapped)
        d->because[d->because_count++] =
            SY_WORDS(r, SY_STR("map row "), d->tool, SY_STR(" is "), d->candidates[0].vendor_tool);
}

void sy_resolve_explain(struct sy_resolution *r)
{
    const struct sy_policy *p = r->policy;

    if (r->ret->kind == SY_DECIDED)
        because(r);
    if (r->request->brief)
        return;
    for (unsigned i = 0; i < p->chain_count; i++)
        consider(r, p->chain[i].vendor, p->chain[i].path, entry_of(r, p->chain[i].vendor));
    /* `native` is listed even where the order leaves the path out. */
    for (unsigned i = 0; i < p->native_count; i++) {
        if (!in_chain(p, p->native[i]) && !entry_of(r, p->native[i]))
            consider(r, p->native[i], SY_PATH_NATIVE, NULL);
    }
    for (unsigned i = 0; i < r->entry_count; i++) {
        if (!in_chain(p, r->entries[i].vendor))
            consider(r, r->entries[i].vendor, r->entries[i].path, &r->entries[i]);
    }
}
