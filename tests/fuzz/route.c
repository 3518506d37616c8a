/*
 * A request target against the table of routes: a byte for the method and the port, a path, then a
 * query. The same path means the same route at both readings; what is captured is decoded once,
 * safe to print and stands in no other segment; a query gives pairs and ends.
 */
#include "fuzz.h"

#include "api/router.h"
#include "http/response.h"

static void check_match(const struct api_match *match, enum sy_http_method method, bool admin,
                        struct sy_arena *arena)
{
    struct sy_str allowed = api_allow(match->allowed, arena);

    FUZZ_CHECK(!match->allowed || (allowed.len && sy_str_is_utf8(allowed)));
    if (!match->route)
        return;
    FUZZ_CHECK(admin || api_route_is_public(match->route));
    FUZZ_CHECK(match->route->method == (method == SY_HTTP_HEAD ? SY_HTTP_GET : method));
    for (size_t i = 0; i < API_CAPTURES_MAX; i++) {
        struct sy_str captured = match->captured[i];

        FUZZ_CHECK(!captured.len || (sy_str_is_utf8(captured) && !sy_str_has_control(captured)));
        FUZZ_CHECK(sy_str_find_char(captured, '/') == (size_t)-1);
        FUZZ_CHECK(!sy_str_eq(captured, SY_STR("..")) && !sy_str_eq(captured, SY_STR(".")));
    }
}

static void check_query(struct sy_str query, struct sy_arena *arena)
{
    struct sy_str rest = query, name, value;
    size_t pairs = 0;
    bool bad = false;

    while (rest.ptr && sy_http_query_next(&rest, arena, &name, &value, &bad)) {
        FUZZ_CHECK(++pairs <= query.len + 1);
        FUZZ_CHECK(!name.len || sy_str_is_utf8(name));
        FUZZ_CHECK(!value.len || sy_str_is_utf8(value));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str rest = fuzz_all(data, size);
    unsigned flags = fuzz_byte(&rest);
    enum sy_http_method method = (enum sy_http_method)(flags % (SY_HTTP_OTHER + 1));
    struct sy_str path = fuzz_part(&rest);
    struct api_match first, second;
    struct sy_arena arena;
    int status;

    sy_arena_init(&arena, 1u << 20);
    status = api_route_find(method, path, flags & 128, &arena, &first);
    FUZZ_CHECK(status == SY_OK || status == SY_INVALID);
    FUZZ_CHECK(api_route_find(method, path, flags & 128, &arena, &second) == status);
    if (status == SY_OK) {
        FUZZ_CHECK(first.route == second.route && first.allowed == second.allowed);
        check_match(&first, method, flags & 128, &arena);
    }
    check_query(rest, &arena);
    sy_arena_release(&arena);
    return 0;
}
