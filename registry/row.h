/*
 * Rows inside this folder: their fields as a table, deep copies, and every rule a row must keep.
 */
#ifndef SY_REGISTRY_ROW_H
#define SY_REGISTRY_ROW_H

#include "base/json.h"
#include "contract/registry.h"

#define SY_ALIASES_MAX 64u
#define SY_PAIRS_MAX 256u
#define SY_ROW_TEXT_MAX 512u   /* bytes of a single-line field */
#define SY_ROW_NOTES_MAX 4096u /* bytes of notes and of an extra column's cell */

enum sy_row_field_id {
#define SY_ROW_FIELD(name, kind, member) SY_FIELD_##name,
#include "registry/row_field.def"
#undef SY_ROW_FIELD
    SY_FIELD_COUNT
};

enum sy_row_field_kind {
    SY_FIELD_KIND_TEXT,
    SY_FIELD_KIND_VENDOR,
    SY_FIELD_KIND_STATE,
    SY_FIELD_KIND_RANK,
    SY_FIELD_KIND_AUTH,
    SY_FIELD_KIND_TIME,
    SY_FIELD_KIND_PAIRS,
};

struct sy_row_field {
    const char *name;
    enum sy_row_field_kind kind;
    size_t offset; /* of the member in struct sy_row */
};
extern const struct sy_row_field sy_row_fields[SY_FIELD_COUNT];

/* A text or vendor field's value / where it is kept. */
struct sy_str sy_row_text(const struct sy_row *row, enum sy_row_field_id field);
struct sy_str *sy_row_text_at(struct sy_row *row, enum sy_row_field_id field);
int64_t sy_row_time(const struct sy_row *row, enum sy_row_field_id field);
int64_t *sy_row_time_at(struct sy_row *row, enum sy_row_field_id field);
/* The two PAIRS fields. */
const struct sy_pair *sy_row_pairs(const struct sy_row *row, enum sy_row_field_id field,
                                   size_t *ret_count);
void sy_row_set_pairs(struct sy_row *row, enum sy_row_field_id field, const struct sy_pair *pairs,
                      size_t count);

/* "composio" for any case, '-' and '_' alike, "CF_WORKER" for worker; absent: no such vendor. */
struct sy_str sy_vendor_name_parse(struct sy_str text);

/* Deep copies. Out of memory shows as arena->failed. Copied rows have their defaults filled in
 * (vendor_slug, version), names in lower case, and pairs in the order of their names. */
struct sy_row sy_row_copy(struct sy_arena *arena, const struct sy_row *row);
struct sy_toolkit_facts sy_facts_copy(struct sy_arena *arena, const struct sy_toolkit_facts *facts);
struct sy_tool_map sy_map_copy(struct sy_arena *arena, const struct sy_tool_map *map);
struct sy_pair *sy_pairs_copy(struct sy_arena *arena, const struct sy_pair *pairs, size_t count);
struct sy_str *sy_strs_copy(struct sy_arena *arena, const struct sy_str *items, size_t count);
struct sy_str sy_lower_copy(struct sy_arena *arena, struct sy_str text);

/* Called once for each broken rule with the field's name. */
typedef void sy_rule_fn(void *ctx, const char *field, const char *what);
void sy_row_rules(const struct sy_row *row, sy_rule_fn *fn, void *ctx);
void sy_facts_rules(const struct sy_toolkit_facts *facts, sy_rule_fn *fn, void *ctx);
void sy_map_rules(const struct sy_tool_map *map, sy_rule_fn *fn, void *ctx);
/* The first broken rule as an error. */
int sy_facts_check(const struct sy_toolkit_facts *facts, struct sy_err *err);
int sy_map_check(const struct sy_tool_map *map, struct sy_err *err);

/* The members of a row, for a writer inside an open object. */
void sy_row_write_members(struct sy_json_writer *w, const struct sy_row *row,
                          const struct sy_toolkit_facts *facts);
void sy_map_write_json(struct sy_json_writer *w, const struct sy_tool_map *map);
/* A time as short as it can be without losing anything: a date alone at midnight. */
struct sy_str sy_time_short(int64_t unix_ms, char *out);

/* Pairs and names as JSON text for a column, absent when empty; and back. */
struct sy_str sy_pairs_to_json(struct sy_arena *arena, const struct sy_pair *pairs, size_t count);
struct sy_str sy_names_to_json(struct sy_arena *arena, const struct sy_str *names, size_t count);
int sy_pairs_from_json(struct sy_str json, struct sy_arena *arena, struct sy_pair **ret_pairs,
                       size_t *ret_count);
int sy_names_from_json(struct sy_str json, struct sy_arena *arena, struct sy_str **ret_names,
                       size_t *ret_count);

#endif
