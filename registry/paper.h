/*
 * The registry on paper, inside this folder: every format becomes the same nodes with places, and
 * one reader makes rows, tool maps and changes of them.
 *
 * A document is a list of maps. A map with `tool` is a tool map row, any other a registry row.
 */
#ifndef SY_REGISTRY_PAPER_H
#define SY_REGISTRY_PAPER_H

#include "base/json.h"
#include "config/yaml.h"
#include "registry/registry.h"
#include "registry/row.h"

#define SY_PAPER_BYTES_MAX (64u << 20) /* JSON and Markdown; YAML has its own, smaller maximum */

/* Where faults go: lines with places, or JSON objects with pointers (then a node's `file` is its
 * pointer). */
struct sy_paper {
    struct sy_arena *arena;
    struct sy_faults *faults;        /* or NULL */
    struct sy_json_writer *pointers; /* or NULL */
    unsigned errors;
    bool typed; /* JSON: texts must be strings and numbers numbers */
};
void sy_paper_fault(struct sy_paper *paper, const struct sy_yaml *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* NULL after at least one fault (or out of memory: arena->failed). */
struct sy_yaml *sy_paper_json(struct sy_paper *paper, struct sy_str text, struct sy_str name);
struct sy_yaml *sy_paper_markdown(struct sy_paper *paper, struct sy_str text, struct sy_str name);
/* One value of JSON inside a larger text (a Markdown cell): all its nodes stand where `at` does. */
struct sy_yaml *sy_paper_json_at(struct sy_paper *paper, struct sy_str text,
                                 const struct sy_yaml *at);

/* ---- entries ---- */

struct sy_read_row {
    struct sy_row row;
    struct sy_toolkit_facts facts; /* what this row says about its toolkit */
    bool has_aliases;
    const struct sy_yaml *node;
};
struct sy_read_map {
    struct sy_tool_map map;
    const struct sy_yaml *node;
};
/* Reads and checks one entry. False after a fault. */
bool sy_paper_row(struct sy_paper *paper, const struct sy_yaml *node, struct sy_str toolkit,
                  struct sy_read_row *ret);
bool sy_paper_map(struct sy_paper *paper, const struct sy_yaml *node, struct sy_read_map *ret);

/* Rows by toolkit and vendor, in place; faults for rows that stand twice or disagree about their
 * toolkit, and for names that two toolkits claim. */
void sy_paper_check_rows(struct sy_paper *paper, struct sy_read_row *rows, size_t count);
void sy_paper_check_maps(struct sy_paper *paper, struct sy_read_map *maps, size_t count);
/* What the rows [first, end) of one toolkit say about it. */
struct sy_toolkit_facts sy_paper_facts(const struct sy_read_row *first,
                                       const struct sy_read_row *end);

/* ---- writing ---- */

void sy_paper_write_yaml(struct sy_buf *out, const struct sy_registry *registry);
void sy_paper_write_json(struct sy_buf *out, const struct sy_registry *registry);
void sy_paper_write_markdown(struct sy_buf *out, const struct sy_registry *registry);
/* The facts to write with row `index`: its toolkit's, with the toolkit's first row only. */
const struct sy_toolkit_facts *sy_paper_facts_of(const struct sy_registry *registry, size_t index,
                                                 size_t *cursor);

#endif
