/*
 * YAML as nodes that know where they stand: file, line, column. The only file that includes yaml.h
 * is yaml.c.
 *
 * The accepted subset: one document; block and flow mappings and sequences; plain and quoted
 * scalars; comments. Refused with a place: anchors, aliases, merge keys, tags, directives, more
 * than one document, duplicate keys (both lines), depth over 32, NUL, files over 4 MiB, flow keys
 * holding ':'. Scalars keep their text; only a plain `true`/`false` is a boolean, a plain `null` or
 * `~` null.
 */
#ifndef SY_CONFIG_YAML_H
#define SY_CONFIG_YAML_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum sy_yaml_kind { SY_YAML_SCALAR, SY_YAML_LIST, SY_YAML_MAP };

struct sy_yaml {
    enum sy_yaml_kind kind;
    struct sy_str file;
    unsigned line;      /* from 1 */
    unsigned column;    /* from 1 */
    struct sy_str text; /* SCALAR */
    bool quoted;
    struct sy_yaml *key; /* in a map: the member's name (a scalar) */
    struct sy_yaml
        *parent; /* the LIST or MAP this stands in, or NULL: fault messages name the way */
    struct sy_yaml *first; /* LIST, MAP: members */
    struct sy_yaml *next;  /* sibling */
};

/* A list of faults, each one line "file:line:column: key.path: what (hint)". */
struct sy_faults {
    struct sy_buf text;
    unsigned errors;
    unsigned warnings;
};
void sy_faults_init(struct sy_faults *faults);
void sy_faults_release(struct sy_faults *faults);
void sy_fault(struct sy_faults *faults, const struct sy_yaml *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void sy_fault_warn(struct sy_faults *faults, const struct sy_yaml *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define SY_YAML_DEPTH_MAX 32u
#define SY_YAML_BYTES_MAX (4u << 20)

/* Reads `text`; nodes live in `arena`. NULL after adding at least one fault. A text without content
 * gives a null scalar. */
struct sy_yaml *sy_yaml_read(struct sy_str text, struct sy_str file, struct sy_arena *arena,
                             struct sy_faults *faults);
/* The member called `name`, or NULL; also for NULL and for anything that is no map. */
struct sy_yaml *sy_yaml_get(const struct sy_yaml *map, const char *name);
size_t sy_yaml_count(const struct sy_yaml *container);
bool sy_yaml_is_null(const struct sy_yaml *node);
/* Typed reads: false after a fault at the node. */
bool sy_yaml_bool(const struct sy_yaml *node, struct sy_faults *faults, bool *ret);
bool sy_yaml_i64(const struct sy_yaml *node, struct sy_faults *faults, int64_t *ret);
/* "250ms", "30s", "5m", "2h", "14d"; plain 0. */
bool sy_yaml_duration(const struct sy_yaml *node, struct sy_faults *faults, int64_t *ret_ms);
bool sy_yaml_bytes(const struct sy_yaml *node, struct sy_faults *faults,
                   uint64_t *ret); /* "4MiB", "4096" */
/* A text that is there: no container, not null, no control bytes. */
bool sy_yaml_text(const struct sy_yaml *node, struct sy_faults *faults, struct sy_str *ret);
/* Whether the node has this kind; a fault says what was expected if not. */
bool sy_yaml_expect(const struct sy_yaml *node, enum sy_yaml_kind kind, struct sy_faults *faults);
/* Faults every key of `map` that is not in `known` (NULL-ended), suggesting the nearest. */
void sy_yaml_refuse_unknown(const struct sy_yaml *map, const char *const *known,
                            struct sy_faults *faults);
/* The nearest of `known` within three edits of `name`, or NULL: for "did you mean". */
const char *sy_yaml_nearest(struct sy_str name, const char *const *known);

#endif
