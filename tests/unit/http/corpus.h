/*
 * The public HTTP/1.1 corpora below $SY_SHARED_DIR/data/corpora as lists of requests.
 */
#ifndef SY_TESTS_HTTP_CORPUS_H
#define SY_TESTS_HTTP_CORPUS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/json.h"

struct corpus_item {
    struct sy_str name;
    struct sy_str bytes;
    struct sy_str expected; /* llhttp: the error, absent if valid; guardian: the tier */
    struct sy_json source;  /* of JSON corpora */
};

struct corpus {
    struct sy_arena arena;
    struct corpus_item *items;
    size_t count;
    size_t cap;
};

static inline void corpus_init(struct corpus *corpus)
{
    memset(corpus, 0, sizeof(*corpus));
    sy_arena_init(&corpus->arena, 256u << 20);
}

static inline void corpus_release(struct corpus *corpus)
{
    free(corpus->items);
    sy_arena_release(&corpus->arena);
}

/* Skips the test with a clear line where the corpora are not there. */
#define CORPUS_REQUIRE()                                                                           \
    do {                                                                                           \
        char path_[512];                                                                           \
        FILE *file_ = fopen(corpus_path(path_, sizeof(path_), "README.md"), "rb");                 \
                                                                                                   \
        if (!file_) {                                                                              \
            print_message("skipped: no corpora, %s is absent\n", path_);                           \
            skip();                                                                                \
        } else {                                                                                   \
            fclose(file_);                                                                         \
        }                                                                                          \
    } while (0)

static inline const char *corpus_path(char *out, size_t size, const char *relative)
{
    const char *shared = getenv("SY_SHARED_DIR");

    snprintf(out, size, "%s/data/corpora/%s", shared ? shared : "$SY_SHARED_DIR", relative);
    return out;
}

static inline struct sy_str corpus_file(struct corpus *corpus, const char *relative)
{
    char path[512];
    FILE *file = fopen(corpus_path(path, sizeof(path), relative), "rb");
    struct sy_buf content;
    struct sy_str copy;
    char block[4096];
    size_t got;

    if (!file) {
        print_message("cannot read %s\n", path);
        abort();
    }
    sy_buf_init(&content, 64u << 20);
    while ((got = fread(block, 1, sizeof(block), file)) > 0)
        sy_buf_append(&content, sy_str_from(block, got));
    fclose(file);
    copy = sy_arena_copy(&corpus->arena, sy_buf_str(&content));
    sy_buf_release(&content);
    return copy;
}

static inline struct corpus_item *corpus_add(struct corpus *corpus, struct sy_str name,
                                             struct sy_str bytes)
{
    if (corpus->count == corpus->cap) {
        corpus->cap = corpus->cap ? corpus->cap * 2 : 256;
        corpus->items = realloc(corpus->items, corpus->cap * sizeof(*corpus->items));
    }
    corpus->items[corpus->count] = (struct corpus_item){.name = name, .bytes = bytes};
    return &corpus->items[corpus->count++];
}

static inline struct sy_json corpus_json(struct sy_str text)
{
    struct sy_json root = {0};

    if (sy_json_read(text, 64, &root, NULL) != SY_OK)
        abort();
    return root;
}

static inline struct sy_str corpus_text(struct corpus *corpus, struct sy_json object,
                                        const char *name)
{
    struct sy_json value = sy_json_get_z(object, name);
    struct sy_str text = {NULL, 0};

    if (value.type == SY_JSON_STRING)
        (void)sy_json_string(value, &corpus->arena, false, &text);
    return text;
}

/* The next line that is not empty. */
static inline bool corpus_line(struct sy_str *rest, struct sy_str *ret_line)
{
    while (sy_str_split(rest, '\n', ret_line)) {
        if (ret_line->len)
            return true;
    }
    return false;
}

/* The authority an absolute-form target on the first line names, else "localhost". */
static inline struct sy_str corpus_host_for(struct sy_str line)
{
    size_t scheme = sy_str_find(line, SY_STR("://"));
    struct sy_str rest = sy_str_skip(line, scheme + 3);
    size_t end = 0;
    size_t at;

    if (scheme == (size_t)-1 || scheme > 12)
        return SY_STR("localhost");
    while (end < rest.len && !memchr("/?# ", rest.ptr[end], 4))
        end++;
    rest = sy_str_head(rest, end);
    at = sy_str_find_char(rest, '@');
    return at == (size_t)-1 ? rest : sy_str_skip(rest, at + 1);
}

/*
 * Parsers of bytes alone do not ask for a Host, which HTTP/1.1 requires: where a text has none, one
 * is put behind each of its request lines.
 */
static inline struct sy_str corpus_with_host(struct corpus *corpus, struct sy_str bytes)
{
    struct sy_str rest = bytes;
    struct sy_buf out;

    if (sy_str_find_nocase(bytes, SY_STR("host:")) != (size_t)-1)
        return bytes;
    sy_buf_init_arena(&out, &corpus->arena, 2 * bytes.len + 1024);
    while (rest.len) {
        size_t end = sy_str_find(rest, SY_STR("\r\n"));
        struct sy_str line = sy_str_head(rest, end == (size_t)-1 ? rest.len : end + 2);

        sy_buf_append(&out, line);
        rest = sy_str_skip(rest, line.len);
        if (!sy_str_ends(line, SY_STR(" HTTP/1.1\r\n")))
            continue;
        sy_buf_append(&out, SY_STR("Host: "));
        sy_buf_append(&out, corpus_host_for(line));
        sy_buf_append(&out, SY_STR("\r\n"));
    }
    return sy_buf_str(&out);
}

static inline void corpus_llhttp(struct corpus *corpus)
{
    struct sy_str rest = corpus_file(corpus, "http-llhttp/cases.jsonl");
    struct sy_str line;

    while (corpus_line(&rest, &line)) {
        struct sy_json c = corpus_json(line);
        struct corpus_item *item;
        struct sy_buf bytes;

        if (!sy_str_eq(corpus_text(corpus, c, "type"), SY_STR("request")))
            continue;
        sy_buf_init_arena(&bytes, &corpus->arena, 1u << 20);
        if (!sy_unbase64(&bytes, corpus_text(corpus, c, "input_b64")))
            abort();
        item = corpus_add(corpus, corpus_text(corpus, c, "name"),
                          corpus_with_host(corpus, sy_buf_str(&bytes)));
        item->expected = corpus_text(corpus, c, "error");
        item->source = c;
    }
}

/* One item per raw request; items of one case have the same source. */
static inline void corpus_probe(struct corpus *corpus)
{
    struct sy_str rest = corpus_file(corpus, "http11probe/cases.jsonl");
    struct sy_str line;

    while (corpus_line(&rest, &line)) {
        struct sy_json c = corpus_json(line);
        struct sy_json_iter steps = sy_json_iter(sy_json_get_z(c, "steps"));
        struct sy_json step;
        struct sy_str none;

        while (sy_json_next(&steps, &none, &step)) {
            char path[256];
            struct sy_str file = corpus_text(corpus, step, "file");
            struct corpus_item *item;

            snprintf(path, sizeof(path), "http11probe/%.*s", SY_FMT(file));
            item = corpus_add(corpus, corpus_text(corpus, c, "id"), corpus_file(corpus, path));
            item->expected = corpus_text(corpus, c, "expected");
            item->source = c;
        }
    }
}

/* Code points up to U+00FF, written as UTF-8, as one byte each. */
static inline struct sy_str corpus_latin1(struct corpus *corpus, struct sy_str text)
{
    char *out = sy_arena_alloc(&corpus->arena, text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if ((c == 0xc2 || c == 0xc3) && i + 1 < text.len)
            c = (unsigned char)((c & 3) << 6 | ((unsigned char)text.ptr[++i] & 0x3f));
        out[len++] = (char)c;
    }
    return sy_str_from(out, len);
}

/* Where the spelling of Transfer-Encoding stands beside a right Content-Length. */
enum corpus_smuggler_form { SMUGGLER_TE_FIRST, SMUGGLER_CL_FIRST, SMUGGLER_NO_LENGTH };

/* A POST whose body, read as chunks, ends before a second request. */
static inline struct sy_str corpus_smuggle(struct corpus *corpus, struct sy_str line,
                                           enum corpus_smuggler_form form)
{
    struct sy_str body = SY_STR("0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n");
    struct sy_str length = SY_STR("Content-Length: 48\r\n");
    struct sy_str none = {NULL, 0};
    const struct sy_str parts[] = {SY_STR("POST / HTTP/1.1\r\nHost: localhost\r\n"),
                                   form == SMUGGLER_CL_FIRST ? length : none,
                                   line,
                                   SY_STR("\r\n"),
                                   form == SMUGGLER_TE_FIRST ? length : none,
                                   SY_STR("\r\n"),
                                   body};

    return sy_arena_join(&corpus->arena, parts, SY_ARRAY_LEN(parts));
}

/* Items are named by their line; each distinct line comes once. */
static inline void corpus_smuggler(struct corpus *corpus, enum corpus_smuggler_form form)
{
    struct sy_json_iter sets =
        sy_json_iter(corpus_json(corpus_file(corpus, "http-smuggler/te-mutations.json")));
    size_t first = corpus->count;
    struct sy_json set;
    struct sy_str name;

    while (sy_json_next(&sets, &name, &set)) {
        struct sy_json_iter lines = sy_json_iter(set);
        struct sy_json value;

        while (sy_json_next(&lines, &name, &value)) {
            struct sy_str line = {NULL, 0};
            size_t i = first;

            (void)sy_json_string(value, &corpus->arena, false, &line);
            line = corpus_latin1(corpus, line);
            while (i < corpus->count && !sy_str_eq(corpus->items[i].name, line))
                i++;
            if (i == corpus->count)
                corpus_add(corpus, line, corpus_smuggle(corpus, line, form));
        }
    }
}

/* \r \n \t \0 \v \f \" \\ \a and \xNN; `utf8` writes the latter as the code point it names. */
static inline struct sy_str corpus_unescape(struct corpus *corpus, struct sy_str text, bool utf8)
{
    static const char letters[] = "rnt0vf\"\\a";
    static const char values[] = "\r\n\t\0\v\f\"\\\a";
    char *out = sy_arena_alloc(&corpus->arena, 2 * text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        const char *letter = NULL;
        unsigned char byte;

        if (text.ptr[i] != '\\' || i + 1 == text.len) {
            out[len++] = text.ptr[i];
            continue;
        }
        letter = memchr(letters, text.ptr[i + 1], sizeof(letters) - 1);
        if (letter) {
            out[len++] = values[letter - letters];
            i++;
        } else if (text.ptr[i + 1] == 'x' && i + 3 < text.len &&
                   sy_unhex(sy_str_from(text.ptr + i + 2, 2), &byte, 1)) {
            if (utf8 && byte >= 0x80) {
                out[len++] = (char)(0xc0 | byte >> 6);
                byte = (unsigned char)(0x80 | (byte & 0x3f));
            }
            out[len++] = (char)byte;
            i += 3;
        } else {
            out[len++] = text.ptr[i];
        }
    }
    return sy_str_from(out, len);
}

/* How a payload of the garden is completed, so that its bug alone decides. */
enum corpus_garden_form {
    GARDEN_AS_IS,
    GARDEN_WITH_HOST,
    GARDEN_AS_POST, /* with Host, and a GET made a POST, which may have a body */
};

static inline struct sy_str corpus_as_post(struct corpus *corpus, struct sy_str bytes)
{
    const struct sy_str parts[] = {SY_STR("POST "), sy_str_skip(bytes, 4)};

    if (!sy_str_starts(bytes, SY_STR("GET ")))
        return bytes;
    return sy_arena_join(&corpus->arena, parts, SY_ARRAY_LEN(parts));
}

static inline void corpus_garden(struct corpus *corpus, enum corpus_garden_form form)
{
    struct sy_str rest = corpus_file(corpus, "http-garden/payloads.jsonl");
    struct sy_str line;

    while (corpus_line(&rest, &line)) {
        struct sy_json c = corpus_json(line);
        struct sy_str bytes = corpus_unescape(corpus, corpus_text(corpus, c, "payload"), false);

        if (form != GARDEN_AS_IS)
            bytes = corpus_with_host(corpus, bytes);
        if (form == GARDEN_AS_POST)
            bytes = corpus_as_post(corpus, bytes);
        corpus_add(corpus, corpus_text(corpus, c, "bug"), bytes)->source = c;
    }
}

/*
 * The guardian's files are a list of flat maps with a list of name and value pairs, one scalar a
 * line: plain, 'single' or "double" with escapes.
 */
static inline struct sy_str corpus_scalar(struct corpus *corpus, struct sy_str text, bool utf8)
{
    text = sy_str_trim(text);
    if (text.len >= 2 && text.ptr[0] == '"')
        return corpus_unescape(corpus, sy_str_from(text.ptr + 1, text.len - 2), utf8);
    if (text.len >= 2 && text.ptr[0] == '\'')
        return sy_str_from(text.ptr + 1, text.len - 2);
    return text;
}

struct corpus_guardian_case {
    struct sy_str name, uri, method, version, tier;
    struct sy_buf fields;
    bool has_host;
    bool open;
};

static inline void corpus_guardian_end(struct corpus *corpus, struct corpus_guardian_case *c)
{
    const struct sy_str parts[] = {c->method,
                                   SY_STR(" "),
                                   c->uri,
                                   SY_STR(" "),
                                   c->version,
                                   c->has_host ? SY_STR("\r\n") : SY_STR("\r\nHost: localhost\r\n"),
                                   sy_buf_str(&c->fields),
                                   SY_STR("\r\n")};

    if (!c->open)
        return;
    corpus_add(corpus, c->name, sy_arena_join(&corpus->arena, parts, SY_ARRAY_LEN(parts)))
        ->expected = c->tier;
    c->open = false;
}

static inline void corpus_guardian_line(struct corpus *corpus, struct corpus_guardian_case *c,
                                        struct sy_str line, bool utf8)
{
    struct sy_str text = sy_str_trim(line);
    bool top = sy_str_starts(line, SY_STR("- name:"));
    bool item = sy_str_starts(text, SY_STR("- name:"));
    size_t colon = sy_str_find_char(text, ':');
    struct sy_str key = sy_str_head(text, colon);
    struct sy_str value;

    if (text.len == 0 || text.ptr[0] == '#' || colon == (size_t)-1)
        return;
    value = corpus_scalar(corpus, sy_str_skip(text, colon + 1), utf8);
    if (top) {
        corpus_guardian_end(corpus, c);
        *c = (struct corpus_guardian_case){.name = value, .open = true};
        sy_buf_init_arena(&c->fields, &corpus->arena, 1u << 20);
    } else if (item) {
        c->has_host = c->has_host || sy_str_eq_nocase(value, SY_STR("host"));
        sy_buf_append(&c->fields, value);
    } else if (sy_str_eq(key, SY_STR("value"))) {
        sy_buf_append(&c->fields, SY_STR(": "));
        sy_buf_append(&c->fields, value);
        sy_buf_append(&c->fields, SY_STR("\r\n"));
    } else if (sy_str_eq(key, SY_STR("uri"))) {
        c->uri = value;
    } else if (sy_str_eq(key, SY_STR("method"))) {
        c->method = value;
    } else if (sy_str_eq(key, SY_STR("version"))) {
        c->version = value;
    } else if (sy_str_eq(key, SY_STR("tier")) && sy_str_starts(line, SY_STR("    tier:"))) {
        c->tier = value;
    }
}

static inline void corpus_guardian(struct corpus *corpus, bool utf8)
{
    static const char *const files[] = {"acceptable",
                                        "ambiguous",
                                        "bad-header-characters",
                                        "edge-cases",
                                        "more-compliant-tests",
                                        "real-life-test-cases",
                                        "rfc-compliant",
                                        "severe",
                                        "single-case",
                                        "uri-specific-test-cases"};

    for (size_t i = 0; i < SY_ARRAY_LEN(files); i++) {
        struct corpus_guardian_case c = {.open = false};
        char path[128];
        struct sy_str rest;
        struct sy_str line;

        snprintf(path, sizeof(path), "http-desync-guardian/tests/%s.yaml", files[i]);
        rest = corpus_file(corpus, path);
        while (sy_str_split(&rest, '\n', &line))
            corpus_guardian_line(corpus, &c, line, utf8);
        corpus_guardian_end(corpus, &c);
    }
}

#endif
