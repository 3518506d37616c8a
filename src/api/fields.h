/*
 * Strict reading of request bodies: a table of members in, a struct out, every fault at its place.
 * Pure.
 */
#ifndef SY_API_FIELDS_H
#define SY_API_FIELDS_H

#include "base/json.h"
#include "contract/failure.h"
#include "contract/registry.h"

#define API_ERRORS_MAX 100u
#define API_LIST_MAX 64u

/* The faults of a request, for problem documents' errors[]. Zero it, with the arena set. */
struct api_errors {
    struct sy_arena *arena;
    struct sy_buf text;
    struct sy_json_writer w;
    unsigned count;
    bool broken;    /* the body is no JSON at all */
    unsigned names; /* how many are about a name's characters or length */
};
/* Adds {pointer, detail}; `pointer` as RFC 6901. */
void api_error_at(struct api_errors *errors, struct sy_str pointer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds {parameter, detail} or {header, detail}. */
void api_error_in(struct api_errors *errors, const char *where, struct sy_str name,
                  struct sy_str detail);
/* The writer inside the open array, for readers that add objects themselves; tell how many. */
struct sy_json_writer *api_errors_writer(struct api_errors *errors);
/* The failure that they make; ends the collection. */
struct sy_failure api_errors_failure(struct api_errors *errors);

enum api_field_kind {
    API_FIELD_TEXT,   /* struct sy_str, 1 byte or more */
    API_FIELD_I64,    /* int64_t between min and max */
    API_FIELD_BOOL,   /* bool */
    API_FIELD_OBJECT, /* struct sy_str: the raw bytes of an object */
    API_FIELD_NAMES,  /* struct api_names */
    API_FIELD_PAIRS,  /* struct api_pairs: an object of strings */
};
struct api_names {
    struct sy_str *items;
    size_t count;
};
struct api_pairs {
    struct sy_pair *items;
    size_t count;
};

/* NULL if the text will do, else what is wrong with it. */
typedef const char *api_check_fn(struct sy_str text);

/* A member. null counts as left out. */
struct api_field {
    const char *pointer; /* "/tool"; the name is what follows the slash */
    enum api_field_kind kind;
    bool required;
    bool is_name; /* a fault of `check` is one of a name */
    size_t offset;
    api_check_fn *check; /* TEXT, and each of NAMES */
    int64_t min, max;    /* I64: value; TEXT: bytes at most (0: 1,024) */
};

/*
 * Reads a JSON object of at most SY_JSON_DEPTH_MAX levels into `out`, whose absent members stay as
 * they are. *ret_seen has bit i set when field i was given (null, too). False if any error was
 * added. Slices borrow the body or live in the arena.
 */
bool api_fields_read(struct sy_str body, const struct api_field *fields, size_t count, void *out,
                     struct api_errors *errors, uint32_t *ret_seen);

/* ---- checks ---- */

const char *api_check_tool(struct sy_str text); /* also toolkits: 1..128 of [A-Za-z0-9 _.-] */
const char *api_check_user(struct sy_str text);
const char *api_check_tenant(struct sy_str text);
const char *api_check_visible(struct sy_str text); /* visible ASCII */
const char *api_check_line(struct sy_str text);    /* no control characters */

#endif
