/* Composio sessions: which tools fit a use case, by the words they share. */
#include "sandbox/composio.h"

/* Tools share words of three letters or more with the use case; the best five. */
static unsigned score(const struct sy_sb_tool *tool, struct sy_str text)
{
    unsigned points = 0;
    struct sy_str word;
    while (sy_str_split(&text, ' ', &word))
        points += word.len >= 3 &&
                  (sy_sb_contains(tool->name, word) || sy_sb_contains(tool->description, word));
    return points;
}

static size_t best_tools(struct sy_sb_request *r, const struct sy_sb_session *s, struct sy_str text,
                         const struct sy_sb_tool **out, size_t max)
{
    unsigned points[8] = {0};
    size_t count = 0;
    const struct sy_sb_list *all = &r->sb->catalogue.tools[SY_SB_COMPOSIO];
    for (size_t i = 0; i < all->count; i++) {
        const struct sy_sb_tool *tool = all->items[i];
        unsigned own =
            sy_sb_composio_allows(s, tool->app) && !tool->deprecated ? score(tool, text) : 0;
        size_t at = count < max ? count : max;
        while (own > 0 && at > 0 && points[at - 1] < own)
            at--;
        if (own == 0 || at >= max)
            continue;
        for (size_t k = count < max ? count : max - 1; k > at; k--) {
            points[k] = points[k - 1];
            out[k] = out[k - 1];
        }
        points[at] = own;
        out[at] = tool;
        count += count < max;
    }
    return count;
}

static void write_result(struct sy_sb_request *r, size_t index, struct sy_str use_case,
                         const struct sy_sb_tool **best, size_t count)
{
    struct sy_json_writer *w = &r->w;
    sy_jw_object(w);
    sy_jw_member_i64(w, "index", (int64_t)index);
    sy_jw_member_str(w, "use_case", use_case);
    sy_jw_name(w, "primary_tool_slugs");
    sy_jw_array(w);
    for (size_t i = 0; i < count && i < 2; i++)
        sy_jw_str(w, best[i]->name);
    sy_jw_array_end(w);
    sy_jw_name(w, "related_tool_slugs");
    sy_jw_array(w);
    for (size_t i = 2; i < count; i++)
        sy_jw_str(w, best[i]->name);
    sy_jw_array_end(w);
    sy_jw_name(w, "toolkits");
    sy_jw_array(w);
    if (count > 0)
        sy_jw_str(w, best[0]->app->slug);
    sy_jw_array_end(w);
    sy_jw_object_end(w);
}

static void write_tail(struct sy_sb_request *r, const struct sy_sb_session *s,
                       const struct sy_sb_tool *first)
{
    struct sy_json_writer *w = &r->w;
    sy_jw_name(w, "toolkit_connection_statuses");
    sy_jw_array(w);
    if (first) {
        bool active = first->app->no_auth || sy_sb_composio_active(r, s, first->app);
        sy_jw_object(w);
        sy_jw_member_str(w, "toolkit", first->app->slug);
        sy_jw_member_str(w, "description", first->app->description);
        sy_jw_member_bool(w, "has_active_connection", active);
        sy_jw_member_z(w, "status_message", active ? "Connected." : "Not connected yet.");
        sy_jw_object_end(w);
    }
    sy_jw_array_end(w);
    sy_jw_name(w, "tool_schemas");
    sy_jw_object(w);
    if (first) {
        sy_jw_name_str(w, first->name);
        sy_jw_object(w);
        sy_jw_member_str(w, "tool_slug", first->name);
        sy_jw_member_str(w, "toolkit", first->app->slug);
        sy_jw_member_str(w, "description", first->description);
        sy_jw_name(w, "input_schema");
        sy_sb_schema(w, first);
        sy_jw_object_end(w);
    }
    sy_jw_object_end(w);
    sy_jw_name(w, "time_info");
    sy_jw_object(w);
    sy_jw_member_time(w, "current_time_utc", sy_sb_now(r->sb));
    sy_jw_member_i64(w, "current_time_utc_epoch_seconds", sy_sb_now(r->sb) / 1000);
    sy_jw_member_z(w, "message", "All times are UTC.");
    sy_jw_object_end(w);
    sy_jw_name(w, "session");
    sy_jw_object(w);
    sy_jw_member_str(w, "id", s->id);
    sy_jw_member_bool(w, "generate_id", false);
    sy_jw_member_z(w, "instructions", "Go on with this session id.");
    sy_jw_object_end(w);
    sy_jw_member_raw(w, "next_steps_guidance", SY_STR("[\"Execute one of the tools.\"]"));
    sy_jw_object_end(w);
}

void sy_sb_composio_search(struct sy_sb_request *r, const struct sy_sb_session *s)
{
    struct sy_json_iter it = sy_json_iter(sy_json_get_z(r->json, "queries"));
    const struct sy_sb_tool *best[5] = {NULL};
    const struct sy_sb_tool *first = NULL;
    struct sy_str none;
    struct sy_json one;
    sy_jw_object(&r->w);
    sy_jw_member_bool(&r->w, "success", true);
    sy_jw_member_z(&r->w, "error", NULL);
    sy_jw_name(&r->w, "results");
    sy_jw_array(&r->w);
    for (size_t i = 1; sy_json_next(&it, &none, &one); i++) {
        struct sy_str text = sy_json_text(sy_json_get_z(one, "use_case"), r->mem);
        size_t count = best_tools(r, s, text, best, SY_ARRAY_LEN(best));
        write_result(r, i, text, best, count);
        if (!first && count > 0)
            first = best[0];
    }
    sy_jw_array_end(&r->w);
    write_tail(r, s, first);
    sy_sb_send(r, 200);
}
