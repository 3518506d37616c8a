/*
 * What the API reads out of request headers, each text the value of one: request id, trace context,
 * bearer token (a second text: sent twice), content type, the tags of If-Match with the version in
 * the first byte, and a cursor. Taken is only what may be echoed, forwarded or looked up.
 */
#include "fuzz.h"

#include "api/registry_change.h"

static const struct sy_str names[] = {SY_STR_INIT("x-request-id"), SY_STR_INIT("traceparent"),
                                      SY_STR_INIT("authorization"), SY_STR_INIT("Authorization"),
                                      SY_STR_INIT("content-type")};

static void check_request_id(const struct sy_http_head *head, struct sy_arena *arena)
{
    unsigned char serial[10] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 254};
    struct sy_str id = api_request_id(head, arena, INT64_C(1795251600000), serial);

    FUZZ_CHECK(id.len && id.len <= 128 && !api_check_visible(id));
}

static void check_trace(const struct sy_http_head *head)
{
    struct sy_str trace = api_traceparent(head);

    if (!trace.ptr)
        return;
    FUZZ_CHECK(trace.len >= 55 && trace.len <= 256 && !sy_str_has_control(trace));
    FUZZ_CHECK(trace.len == 55 || !sy_str_starts(trace, SY_STR("00")));
    FUZZ_CHECK(!sy_str_starts(trace, SY_STR("ff")));
    for (size_t i = 0; i < 55; i++)
        if (i == 2 || i == 35 || i == 52)
            FUZZ_CHECK(trace.ptr[i] == '-');
        else
            FUZZ_CHECK(strchr("0123456789abcdef", trace.ptr[i]) && trace.ptr[i]);
}

static void check_bearer(const struct sy_http_head *head)
{
    struct sy_str token = api_bearer(head);

    if (!token.ptr)
        return;
    FUZZ_CHECK(sy_http_header_count(head, SY_STR("authorization")) == 1);
    FUZZ_CHECK(token.len && token.len <= 512 && !api_check_visible(token));
}

static void check_kind(const struct sy_http_head *head)
{
    enum api_body_kind kind = api_body_kind(head);
    struct sy_str type = sy_http_header_get(head, SY_STR("content-type"));

    FUZZ_CHECK(kind <= API_BODY_OTHER);
    FUZZ_CHECK((kind == API_BODY_NONE) == !sy_http_header_count(head, SY_STR("content-type")));
    if (kind == API_BODY_JSON || kind == API_BODY_YAML)
        FUZZ_CHECK(type.len >= sizeof("text/yaml") - 1);
}

/* A tag of another version permits nothing, and what does not exist is only created. */
static void check_tags(struct sy_str list, int64_t version)
{
    const struct change_input change = {.if_match = list};
    const struct change_input create = {.if_match = list, .if_none_match = true};
    char tag[32];

    FUZZ_CHECK(!api_change_permitted(&change, 0));
    FUZZ_CHECK(api_change_permitted(&create, 0) && !api_change_permitted(&create, version + 1));
    (void)snprintf(tag, sizeof(tag), "%lld", (long long)version);
    if (version && api_change_permitted(&change, version))
        FUZZ_CHECK(sy_str_find_char(list, '*') != (size_t)-1 ||
                   sy_str_find(list, sy_str_of(tag)) != (size_t)-1);
}

static void check_cursor(struct sy_str text, struct sy_arena *arena)
{
    struct sy_str position, made = api_cursor_make(text, arena), again;

    if (api_cursor_read(text, arena, &position)) {
        FUZZ_CHECK(position.len && !sy_str_has_control(position) && sy_str_is_utf8(position));
        FUZZ_CHECK(api_cursor_read(api_cursor_make(position, arena), arena, &again));
        FUZZ_CHECK(sy_str_eq(again, position));
    }
    if (made.ptr && text.len && sy_str_is_utf8(text) && !sy_str_has_control(text)) {
        FUZZ_CHECK(api_cursor_read(made, arena, &position) && sy_str_eq(position, text));
        FUZZ_CHECK(!api_check_visible(made));
    }
}

/* What the parser lets through: tabs and bytes above 127, too. */
static bool is_field_value(struct sy_str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] != '\t' && ((unsigned char)value.ptr[i] < 32 || value.ptr[i] == 127))
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str rest = fuzz_all(data, size);
    int64_t version = (int64_t)fuzz_byte(&rest);
    struct sy_http_head head = {0};
    struct sy_arena arena;

    sy_arena_init(&arena, 1u << 20);
    for (size_t i = 0; i < SY_ARRAY_LEN(names); i++) {
        struct sy_str value = sy_str_trim(fuzz_optional(&rest));

        if (value.ptr && is_field_value(value))
            head.headers[head.header_count++] = (struct sy_http_header){names[i], value};
    }
    check_request_id(&head, &arena);
    check_trace(&head);
    check_bearer(&head);
    check_kind(&head);
    check_tags(fuzz_part(&rest), version);
    check_cursor(rest, &arena);
    sy_arena_release(&arena);
    return 0;
}
