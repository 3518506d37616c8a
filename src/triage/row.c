#include "base/encode.h"
#include "triage/triage_int.h"

/* Where a feature request is filed; the person puts the issue's own URL into the row afterwards. */
static struct sy_str request_url(struct triage *triage)
{
    struct sy_buf url;

    sy_buf_init_arena(&url, &triage->mem, 4096);
    sy_buf_append_z(&url, "https://github.com/ComposioHQ/composio/issues/new?title=");
    sy_percent(&url, SY_STR("Toolkit request: "));
    sy_percent(&url, triage->request.provider);
    return sy_buf_str(&url);
}

/* A toolkit name for something no vendor has: what a slug may hold, '_' between words. */
static struct sy_str own_slug(const struct triage *triage)
{
    return triage->slug_count ? triage->slugs[0] : triage->folded;
}

static void lacks(struct triage *triage, const char *field)
{
    triage->missing[triage->missing_count++] = field;
}

static const struct sy_row *pending_row(const struct triage *triage)
{
    for (unsigned i = 0; i < triage->row_count; i++)
        if (triage->rows[i].state == SY_ROW_PENDING_NATIVE)
            return &triage->rows[i];
    return NULL;
}

/* A toolkit that waits already keeps its request and since when; a new term begins when the old
 * one has passed. */
static void make_pending(struct triage *triage, struct sy_row *row, int64_t wait_ms)
{
    const struct sy_row *old = pending_row(triage);
    int64_t now_ms = triage->request.now_unix_ms;

    row->vendor = SY_STR("pending");
    row->vendor_slug = row->toolkit;
    row->state = SY_ROW_PENDING_NATIVE;
    row->issue_url = old ? old->issue_url : request_url(triage);
    row->requested_at_ms = old ? old->requested_at_ms : now_ms;
    row->due_at_ms = old && old->due_at_ms > now_ms ? old->due_at_ms : now_ms + wait_ms;
    if (!old)
        return;
    row->awaited = old->awaited;
    row->owner = old->owner;
    row->notes = old->notes;
}

void triage_make_row(struct triage *triage)
{
    const struct triage_verdict *verdict = &triage->verdict;
    const struct sy_policy *policy = sy_snapshot_policy(sy_engine_snapshot(triage->el));
    struct sy_row *row = &triage->row;

    *row = (struct sy_row){
        .toolkit = triage->known.len ? triage->known : own_slug(triage),
        .state = SY_ROW_LIVE,
        .version = SY_STR("latest"),
        .changed_at_ms = triage->request.now_unix_ms,
    };
    triage->has_row = true;
    switch (verdict->path) {
    case SY_PATH_NATIVE:
    case SY_PATH_PIPEDREAM:
        row->vendor = verdict->hit->vendor;
        row->vendor_slug = verdict->hit->slug;
        row->connection = verdict->hit->connection;
        row->notes = verdict->hit->name;
        if (!triage->known.len)
            row->toolkit = verdict->hit->slug;
        break;
    case SY_PATH_PENDING:
        make_pending(triage, row, policy->pending_wait_ms);
        break;
    case SY_PATH_WORKER:
        row->vendor = SY_STR("worker");
        row->vendor_slug = row->toolkit;
        lacks(triage, "adr");
        lacks(triage, "endpoint");
        lacks(triage, "secret");
        break;
    case SY_PATH_SESSION:
    case SY_PATH_COUNT:
        triage->has_row = false;
        break;
    }
    triage->facts = (struct sy_toolkit_facts){.toolkit = row->toolkit,
                                              .aliases = triage->aliases,
                                              .alias_count = triage->alias_count,
                                              .has_criticality = true,
                                              .criticality = triage->request.criticality};
}
