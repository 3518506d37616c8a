/*
 * docs/errors.md and docs/api.md hold tables made by the program, between "<!-- made: NAME -->" and
 * "<!-- end -->". With SY_UPDATE_DOCS=1 the test writes them instead of comparing.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "api/api_int.h"

static struct sy_buf read_file(const char *path)
{
    struct sy_buf text;
    FILE *file = fopen(path, "r");
    char part[4096];
    size_t got;

    sy_buf_init(&text, (size_t)4 << 20);
    if (!file)
        fail_msg("no %s", path);
    while ((got = fread(part, 1, sizeof(part), file)) > 0)
        sy_buf_append(&text, sy_str_from(part, got));
    fclose(file);
    return text;
}

static void write_file(const char *path, struct sy_str text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text.ptr, 1, text.len, file), text.len);
    fclose(file);
}

static void check(const char *path, const char *name, const struct sy_buf *made)
{
    struct sy_buf text = read_file(path), next;
    struct sy_str whole = sy_buf_str(&text), rest, inside;
    char mark[64];
    size_t from, len;

    snprintf(mark, sizeof(mark), "<!-- made: %s -->\n", name);
    from = sy_str_find(whole, sy_str_of(mark));
    if (from == (size_t)-1)
        fail_msg("%s has no %s", path, mark);
    from += strlen(mark);
    rest = sy_str_skip(whole, from);
    len = sy_str_find(rest, SY_STR("<!-- end -->"));
    assert_true(len != (size_t)-1);
    inside = sy_str_head(rest, len);
    if (!sy_str_eq(inside, sy_buf_str(made)) && getenv("SY_UPDATE_DOCS")) {
        sy_buf_init(&next, (size_t)4 << 20);
        sy_buf_append(&next, sy_str_head(whole, from));
        sy_buf_append(&next, sy_buf_str(made));
        sy_buf_append(&next, sy_str_skip(rest, len));
        write_file(path, sy_buf_str(&next));
        sy_buf_release(&next);
    } else if (!sy_str_eq(inside, sy_buf_str(made))) {
        fail_msg("%s: the table \"%s\" is not what the program makes; run this test with "
                 "SY_UPDATE_DOCS=1",
                 path, name);
    }
    sy_buf_release(&text);
}

static void the_error_page_is_what_the_tables_say(void **state)
{
    struct sy_buf made;

    (void)state;
    sy_buf_init(&made, (size_t)1 << 20);
    sy_api_write_error_docs(&made);
    check(SY_SOURCE_DIR "/docs/errors.md", "errors", &made);
    sy_buf_release(&made);
}

static void the_api_page_is_what_the_router_says(void **state)
{
    struct sy_buf made;

    (void)state;
    sy_buf_init(&made, (size_t)1 << 20);
    sy_api_write_route_docs(&made);
    check(SY_SOURCE_DIR "/docs/api.md", "routes", &made);
    sy_buf_clear(&made);
    sy_metrics_write_docs(&made);
    check(SY_SOURCE_DIR "/docs/api.md", "metrics", &made);
    sy_buf_release(&made);
}

/* ---- OpenAPI ---- */

static struct sy_json operation_of(struct sy_json root, const struct api_route *route,
                                   struct sy_arena *arena)
{
    char method[8] = {0};
    const char *name = api_method_name(route->method);

    (void)arena;
    for (size_t i = 0; name[i]; i++)
        method[i] = (char)(name[i] - 'A' + 'a');
    return sy_json_get_z(sy_json_get(sy_json_get_z(root, "paths"), sy_str_of(route->path)), method);
}

static bool has_schema(struct sy_json schemas, const char *name)
{
    return !name || strchr(name, '/') || strstr(name, "Document") ||
           sy_json_get_z(schemas, name).type == SY_JSON_OBJECT;
}

static void every_public_route_is_described_and_nothing_else(void **state)
{
    struct sy_json root, schemas, path;
    struct sy_json_iter iter;
    const struct api_route *routes;
    size_t count, described = 0, public = 0;
    struct sy_arena arena;
    struct sy_str name;
    struct sy_buf out;

    (void)state;
    sy_arena_init(&arena, (size_t)1 << 20);
    sy_buf_init(&out, (size_t)4 << 20);
    api_openapi_write(&out, SY_STR("http://127.0.0.1:1"));
    assert_true(sy_buf_ok(&out));
    assert_int_equal(sy_json_read(sy_buf_str(&out), 64, &root, NULL), SY_OK);
    schemas = sy_json_path(root, "components.schemas");
    routes = api_routes(&count);
    for (size_t i = 0; i < count; i++) {
        struct sy_json operation = operation_of(root, &routes[i], &arena);

        public += api_route_is_public(&routes[i]);
        if ((operation.type == SY_JSON_OBJECT) != api_route_is_public(&routes[i]))
            fail_msg("%s", routes[i].id);
        if (!has_schema(schemas, routes[i].request) || !has_schema(schemas, routes[i].response))
            fail_msg("%s: a schema is missing", routes[i].id);
    }
    iter = sy_json_iter(sy_json_get_z(root, "paths"));
    while (sy_json_next(&iter, &name, &path))
        described += sy_json_count(path);
    assert_int_equal(described, public);
    sy_buf_release(&out);
    sy_arena_release(&arena);
}

static void every_reference_of_the_description_leads_somewhere(void **state)
{
    static const struct sy_str mark = SY_STR_INIT("\"#/components/schemas/");
    struct sy_json root, schemas;
    struct sy_str rest;
    struct sy_buf out;
    unsigned count = 0;
    size_t at;

    (void)state;
    sy_buf_init(&out, (size_t)4 << 20);
    api_openapi_write(&out, SY_STR(""));
    assert_int_equal(sy_json_read(sy_buf_str(&out), 64, &root, NULL), SY_OK);
    schemas = sy_json_path(root, "components.schemas");
    rest = sy_buf_str(&out);
    while ((at = sy_str_find(rest, mark)) != (size_t)-1) {
        struct sy_str name = sy_str_skip(rest, at + mark.len);

        rest = name;
        name = sy_str_head(name, sy_str_find_char(name, '"'));
        if (sy_json_get(schemas, name).type != SY_JSON_OBJECT)
            fail_msg("no schema %.*s", SY_FMT(name));
        count++;
    }
    assert_true(count > 50);
    sy_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_error_page_is_what_the_tables_say),
        cmocka_unit_test(the_api_page_is_what_the_router_says),
        cmocka_unit_test(every_public_route_is_described_and_nothing_else),
        cmocka_unit_test(every_reference_of_the_description_leads_somewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
