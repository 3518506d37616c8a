/* An outbound URL that our reader takes is read by libcurl in the very same way. */
#include "fuzz.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include "net/egress.h"

static struct sy_str part_of(CURLU *url, CURLUPart what, unsigned flags, struct sy_arena *arena)
{
    struct sy_str copy = {NULL, 0};
    char *text = NULL;

    if (curl_url_get(url, what, &text, flags) == CURLUE_OK)
        copy = sy_arena_copy(arena, sy_str_of(text));
    curl_free(text);
    return copy;
}

static bool same_host(const struct sy_egress_url *ours, struct sy_str theirs,
                      struct sy_arena *arena)
{
    unsigned char a[16], b[16];

    if (!sy_str_starts(theirs, SY_STR("[")))
        return sy_str_eq_nocase(ours->host, theirs);
    theirs = sy_str_from(theirs.ptr + 1, theirs.len - 2);
    return ours->literal && inet_pton(AF_INET6, sy_arena_z(arena, ours->host), a) == 1 &&
           inet_pton(AF_INET6, sy_arena_z(arena, theirs), b) == 1 && memcmp(a, b, 16) == 0;
}

/* Path and query as they stand in the text. */
static void check_tail(CURLU *url, struct sy_str text, struct sy_arena *arena)
{
    struct sy_str query = part_of(url, CURLUPART_QUERY, 0, arena);
    struct sy_str path = part_of(url, CURLUPART_PATH, 0, arena);
    struct sy_str tail = sy_str_skip(text, sy_str_find(text, SY_STR("://")) + 3);
    size_t slash = sy_str_find_char(tail, '/'), mark = sy_str_find_char(tail, '?');
    struct sy_str ours = SY_STR("/");

    FUZZ_CHECK(path.ptr);
    if (mark != (size_t)-1)
        FUZZ_CHECK(sy_str_eq(query, sy_str_skip(tail, mark + 1)) ||
                   (!query.len && mark + 1 == tail.len));
    else
        FUZZ_CHECK(!query.ptr);
    if (slash < mark)
        ours = sy_str_skip(sy_str_head(tail, mark < tail.len ? mark : tail.len), slash);
    FUZZ_CHECK(sy_str_eq(path, ours));
}

static void compare(struct sy_str text, const struct sy_egress_url *ours)
{
    struct sy_arena arena;
    struct sy_str port;
    char number[8];
    CURLU *url = curl_url();

    sy_arena_init(&arena, 1u << 20);
    FUZZ_CHECK(url);
    FUZZ_CHECK(curl_url_set(url, CURLUPART_URL, sy_arena_z(&arena, text), 0) == CURLUE_OK);
    FUZZ_CHECK(sy_str_eq(part_of(url, CURLUPART_SCHEME, 0, &arena),
                         ours->tls ? SY_STR("https") : SY_STR("http")));
    FUZZ_CHECK(!part_of(url, CURLUPART_USER, 0, &arena).ptr);
    FUZZ_CHECK(!part_of(url, CURLUPART_PASSWORD, 0, &arena).ptr);
    FUZZ_CHECK(!part_of(url, CURLUPART_FRAGMENT, 0, &arena).ptr);
    FUZZ_CHECK(same_host(ours, part_of(url, CURLUPART_HOST, 0, &arena), &arena));
    port = part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, &arena);
    (void)snprintf(number, sizeof(number), "%u", ours->port);
    FUZZ_CHECK(sy_str_eq(port, sy_str_of(number)));
    check_tail(url, text, &arena);
    curl_url_cleanup(url);
    sy_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str text = fuzz_all(data, size);
    struct sy_err err = SY_ERR_INIT;
    struct sy_egress_url ours;

    if (sy_egress_read_url(text, &ours, &err)) {
        FUZZ_CHECK(err.text[0] && sy_egress_check_url(text, NULL) != SY_OK);
        return 0;
    }
    FUZZ_CHECK(!sy_str_has_control(text) && ours.host.len && ours.port);
    FUZZ_CHECK(sy_egress_check_url(text, NULL) == SY_OK);
    compare(text, &ours);
    return 0;
}
