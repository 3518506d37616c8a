/*
 * JSON without a tree: strict validation, slices into the validated text, and a writer.
 *
 * Why no tree library: payloads must pass octet for octet (64-bit integers, 1e400, duplicate keys,
 * \u0000), which every tree loses; see docs/decisions. A struct sy_json is one value inside text
 * that sy_json_read has validated as a whole; its functions rely on that and never fail on grammar.
 *
 * Grammar: RFC 8259 to the letter. UTF-8 is checked, a BOM is refused, control bytes in strings
 * are refused, depth is limited. Unpaired surrogate escapes are grammatical and pass.
 */
#ifndef SY_BASE_JSON_H
#define SY_BASE_JSON_H

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define SY_JSON_DEPTH_MAX 512u

enum sy_json_type {
    SY_JSON_NONE = 0, /* absent */
    SY_JSON_NULL,
    SY_JSON_FALSE,
    SY_JSON_TRUE,
    SY_JSON_NUMBER,
    SY_JSON_STRING,
    SY_JSON_ARRAY,
    SY_JSON_OBJECT,
};

struct sy_json_members;

struct sy_json {
    enum sy_json_type type;
    struct sy_str raw; /* the value's own bytes, no white space around it */
    /* What sy_json_read_listed found, so that no later look at the object walks its text; NULL
     * nearly everywhere, which only costs time. */
    const struct sy_json_members *members;
};

struct sy_json_member {
    struct sy_str name; /* raw, with its quotes */
    struct sy_str raw;  /* the value's bytes */
};

/* All members of an object, in order. */
struct sy_json_members {
    unsigned count;
    bool escaped; /* some name has an escape */
    struct sy_json_member items[];
};

/* Where and why a text is not JSON. */
struct sy_json_fault {
    size_t offset;   /* byte offset of the first byte that cannot be right */
    const char *why; /* static text, such as "control byte in string" */
};

/*
 * Validates all of `text` (white space around the value allowed, nothing else) and gives its root.
 * SY_INVALID with *ret_fault (may be NULL) set, and nothing else touched, if it is not JSON or is
 * nested deeper than max_depth (scalar = 0, [] = 1).
 */
int sy_json_read(struct sy_str text, unsigned max_depth, struct sy_json *ret_root,
                 struct sy_json_fault *ret_fault);

/* The same, and lists the members of a root that is an object (unless they are many) in `arena`:
 * sy_json_get, sy_json_next and sy_json_has_duplicates on it then walk the list. */
int sy_json_read_listed(struct sy_str text, unsigned max_depth, struct sy_arena *arena,
                        struct sy_json *ret_root, struct sy_json_fault *ret_fault);
/* One value's bytes, known to be valid, as a value. */
struct sy_json sy_json_of(struct sy_str raw);

/* Cursor over an object's members or an array's elements, in order, duplicates included. */
struct sy_json_iter {
    const char *at;
    const char *end;
    const struct sy_json_member *member, *members_end; /* of a listed object */
    bool object;
};

/* A value of another type gives an iterator that is at its end. */
struct sy_json_iter sy_json_iter(struct sy_json container);
/* Next member: *ret_name is the raw name with its quotes ({NULL,0} in arrays). False at the end. */
bool sy_json_next(struct sy_json_iter *iter, struct sy_str *ret_name, struct sy_json *ret_value);

/* Compares a raw quoted name or string value with plain text, escapes decoded. */
bool sy_json_name_is(struct sy_str raw_name, struct sy_str plain);
/* First member called `name` (exact, escapes decoded); type SY_JSON_NONE if absent. */
struct sy_json sy_json_get(struct sy_json object, struct sy_str name);
struct sy_json sy_json_get_z(struct sy_json object, const char *name);
/* Walks "a.b.c" through nested objects; for vendor replies. Names with dots cannot be asked for. */
struct sy_json sy_json_path(struct sy_json object, const char *dotted);
size_t sy_json_count(struct sy_json container);

/*
 * Decodes a string value. Without escapes the result borrows the document, else it lives in
 * `arena`. Unpaired surrogates become U+FFFD. SY_INVALID if the value is no string or, when
 * `refuse_nul`, contains U+0000; SY_NOMEM.
 */
int sy_json_string(struct sy_json value, struct sy_arena *arena, bool refuse_nul,
                   struct sy_str *ret_text);
/* The same with NUL refused; {NULL,0} for anything that is not such a string. */
struct sy_str sy_json_text(struct sy_json value, struct sy_arena *arena);
/* Exact integers only: no fraction, no exponent, in range. */
bool sy_json_i64(struct sy_json value, int64_t *ret_value);
bool sy_json_is_true(struct sy_json value);
/* Absent or null. */
bool sy_json_is_nothing(struct sy_json value);
/* True if two member names of this object (not of nested ones) are equal after decoding, and also
 * when `scratch` is too small to tell. */
bool sy_json_has_duplicates(struct sy_json object, struct sy_arena *scratch);

/*
 * A writer: appends to a buffer, puts commas and quotes, checks nesting by assertion. Errors are
 * the buffer's. Strings are escaped; invalid UTF-8 in them becomes U+FFFD.
 */
#define SY_JSON_WRITER_DEPTH 64u
struct sy_json_writer {
    struct sy_buf *out;
    unsigned depth;
    bool pretty; /* two-space indent, for people */
    bool after_name;
    bool has_items[SY_JSON_WRITER_DEPTH];
};

void sy_jw_init(struct sy_json_writer *w, struct sy_buf *out);
void sy_jw_object(struct sy_json_writer *w);
void sy_jw_object_end(struct sy_json_writer *w);
void sy_jw_array(struct sy_json_writer *w);
void sy_jw_array_end(struct sy_json_writer *w);
void sy_jw_name_str(struct sy_json_writer *w, struct sy_str name);
/* The way of sy_jw_name below when there is no room, or line breaks are wanted. */
void sy_jw_name_plain(struct sy_json_writer *w, const char *name, size_t len);
/* A name of ours, not one from outside: printable ASCII without quote and backslash. Inline, as the
 * members below, so that of a literal name the length is known and its bytes are constants. */
static inline __attribute__((always_inline)) void sy_jw_name(struct sy_json_writer *w,
                                                             const char *name)
{
    struct sy_buf *out = w->out;
    size_t len = strlen(name), comma;
    char *to;

    if (__builtin_expect(!__builtin_constant_p(len) || w->pretty ||
                             w->depth >= SY_JSON_WRITER_DEPTH || out->failed ||
                             out->cap - out->len < len + 4,
                         0)) {
        sy_jw_name_plain(w, name, len);
        return;
    }
    comma = w->has_items[w->depth];
    w->has_items[w->depth] = true;
    w->after_name = true;
    to = out->ptr + out->len;
    *to = ',';
    to += comma;
    *to = '"';
    memcpy(to + 1, name, len);
    to[len + 1] = '"';
    to[len + 2] = ':';
    out->len += comma + len + 3;
}
void sy_jw_str(struct sy_json_writer *w, struct sy_str value); /* absent writes null */
void sy_jw_z(struct sy_json_writer *w, const char *value);     /* NULL writes null */
void sy_jw_i64(struct sy_json_writer *w, int64_t value);
void sy_jw_u64(struct sy_json_writer *w, uint64_t value);
/* Microseconds as milliseconds with up to three decimals, e.g. 412.6. */
void sy_jw_us_as_ms(struct sy_json_writer *w, int64_t us);
void sy_jw_bool(struct sy_json_writer *w, bool value);
void sy_jw_null(struct sy_json_writer *w);
/* Splices a value that is already valid JSON text; no text at all writes null. */
void sy_jw_raw(struct sy_json_writer *w, struct sy_str json);
/* Name and value in one; sy_jw_opt_str leaves the member out when the string is absent. Inline, so
 * that the length of a literal name is known where it stands. */
static inline __attribute__((always_inline)) void
sy_jw_member_str(struct sy_json_writer *w, const char *name, struct sy_str value)
{
    sy_jw_name(w, name);
    sy_jw_str(w, value);
}

static inline __attribute__((always_inline)) void
sy_jw_opt_str(struct sy_json_writer *w, const char *name, struct sy_str value)
{
    if (value.ptr)
        sy_jw_member_str(w, name, value);
}

static inline __attribute__((always_inline)) void
sy_jw_member_z(struct sy_json_writer *w, const char *name, const char *value)
{
    sy_jw_name(w, name);
    sy_jw_z(w, value);
}

static inline __attribute__((always_inline)) void sy_jw_member_i64(struct sy_json_writer *w,
                                                                   const char *name, int64_t value)
{
    sy_jw_name(w, name);
    sy_jw_i64(w, value);
}

static inline __attribute__((always_inline)) void sy_jw_member_bool(struct sy_json_writer *w,
                                                                    const char *name, bool value)
{
    sy_jw_name(w, name);
    sy_jw_bool(w, value);
}

/* RFC 3339 UTC, or null for 0. */
void sy_jw_member_time(struct sy_json_writer *w, const char *name, int64_t unix_ms);
void sy_jw_member_raw(struct sy_json_writer *w, const char *name, struct sy_str json);
/* Appends `s` as a quoted JSON string without a writer. */
void sy_json_quote(struct sy_buf *out, struct sy_str s);

#endif
