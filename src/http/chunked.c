#include "http/internal.h"

/* The size line, extensions included, and the whole trailer section. */
#define LINE_MAX 512u
#define TRAILER_MAX 8192u

enum {
    SIZE_FIRST = 0, /* zero: the state of a fresh decoder */
    SIZE,
    EXT_NAME_FIRST,
    EXT_NAME,
    EXT_VALUE_FIRST,
    EXT_VALUE,
    EXT_QUOTED,
    EXT_ESCAPE,
    EXT_END,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_FIRST,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF,
    FINISHED,
};

/* Fields that would change what the head said; any other trailer is read and dropped. */
static const struct sy_str forbidden[] = {
    SY_STR_INIT("transfer-encoding"),
    SY_STR_INIT("content-length"),
    SY_STR_INIT("host"),
    SY_STR_INIT("connection"),
    SY_STR_INIT("upgrade"),
    SY_STR_INIT("trailer"),
    SY_STR_INIT("te"),
    SY_STR_INIT("expect"),
    SY_STR_INIT("authorization"),
    SY_STR_INIT("cookie"),
    SY_STR_INIT("content-encoding"),
    SY_STR_INIT("transfer_encoding"),
    SY_STR_INIT("content_length"),
};

static enum sy_http_verdict refuse_chunk(struct sy_http_refusal *refusal)
{
    return sy_http_refuse(refusal, 400, "bad_chunk");
}

static enum sy_http_verdict step_to(struct sy_http_chunked *state, int next)
{
    state->state = next;
    return SY_HTTP_DONE;
}

static enum sy_http_verdict on_size(struct sy_http_chunked *state, char c,
                                    struct sy_http_refusal *refusal)
{
    if (sy_http_is(c, SY_HTTP_HEX)) {
        if (state->left >> 60)
            return refuse_chunk(refusal);
        state->left = state->left << 4 | sy_http_hex_value(c);
        return step_to(state, SIZE);
    }
    if (state->state == SIZE_FIRST)
        return refuse_chunk(refusal);
    if (c == ';')
        return step_to(state, EXT_NAME_FIRST);
    return c == '\r' ? step_to(state, SIZE_LF) : refuse_chunk(refusal);
}

/* What may follow an extension: the next one or the end of the line. */
static enum sy_http_verdict after_extension(struct sy_http_chunked *state, char c,
                                            struct sy_http_refusal *refusal)
{
    if (c == ';')
        return step_to(state, EXT_NAME_FIRST);
    return c == '\r' ? step_to(state, SIZE_LF) : refuse_chunk(refusal);
}

static enum sy_http_verdict on_quoted(struct sy_http_chunked *state, char c,
                                      struct sy_http_refusal *refusal)
{
    if (!sy_http_is(c, SY_HTTP_VALUE))
        return refuse_chunk(refusal);
    if (state->state == EXT_ESCAPE)
        return step_to(state, EXT_QUOTED);
    if (c == '\\')
        return step_to(state, EXT_ESCAPE);
    return c == '"' ? step_to(state, EXT_END) : SY_HTTP_DONE;
}

/* token [ "=" ( token / quoted-string ) ], without the bad white space RFC 9112 §7.1.1 mentions. */
static enum sy_http_verdict on_extension(struct sy_http_chunked *state, char c,
                                         struct sy_http_refusal *refusal)
{
    bool token = sy_http_is(c, SY_HTTP_TCHAR);

    switch (state->state) {
    case EXT_NAME_FIRST:
        return token ? step_to(state, EXT_NAME) : refuse_chunk(refusal);
    case EXT_NAME:
        if (c == '=')
            return step_to(state, EXT_VALUE_FIRST);
        return token ? SY_HTTP_DONE : after_extension(state, c, refusal);
    case EXT_VALUE_FIRST:
        if (c == '"')
            return step_to(state, EXT_QUOTED);
        return token ? step_to(state, EXT_VALUE) : refuse_chunk(refusal);
    case EXT_VALUE:
        return token ? SY_HTTP_DONE : after_extension(state, c, refusal);
    case EXT_QUOTED:
    case EXT_ESCAPE:
        return on_quoted(state, c, refusal);
    default:
        return after_extension(state, c, refusal);
    }
}

static enum sy_http_verdict on_size_end(struct sy_http_chunked *state, char c, uint64_t max_bytes,
                                        struct sy_http_refusal *refusal)
{
    if (c != '\n')
        return refuse_chunk(refusal);
    state->line = 0;
    if (state->left == 0)
        return step_to(state, TRAILER_FIRST);
    if (state->left > max_bytes || state->total > max_bytes - state->left)
        return sy_http_refuse(refusal, 413, "body_too_large");
    return step_to(state, DATA);
}

/* `left` holds, while a trailer's name is read, which forbidden names it may still become. */
static void narrow_names(struct sy_http_chunked *state, char c)
{
    if (state->line == 0)
        state->left = (UINT64_C(1) << SY_ARRAY_LEN(forbidden)) - 1;
    for (size_t i = 0; i < SY_ARRAY_LEN(forbidden); i++) {
        bool fits =
            state->line < forbidden[i].len &&
            sy_str_eq_nocase(sy_str_from(&c, 1), sy_str_from(forbidden[i].ptr + state->line, 1));

        if (!fits)
            state->left &= ~(UINT64_C(1) << i);
    }
    state->line++;
}

static bool name_forbidden(const struct sy_http_chunked *state)
{
    for (size_t i = 0; i < SY_ARRAY_LEN(forbidden); i++) {
        if ((state->left >> i & 1) && state->line == forbidden[i].len)
            return true;
    }
    return false;
}

static enum sy_http_verdict on_trailer_name(struct sy_http_chunked *state, char c,
                                            struct sy_http_refusal *refusal)
{
    if (state->state == TRAILER_FIRST && c == '\r')
        return step_to(state, LAST_LF);
    if (sy_http_is(c, SY_HTTP_TCHAR)) {
        narrow_names(state, c);
        return step_to(state, TRAILER_NAME);
    }
    if (state->state == TRAILER_FIRST || c != ':')
        return sy_http_refuse(refusal, 400, "bad_trailer");
    if (name_forbidden(state))
        return sy_http_refuse(refusal, 400, "forbidden_trailer");
    return step_to(state, TRAILER_VALUE);
}

static enum sy_http_verdict on_trailer(struct sy_http_chunked *state, char c,
                                       struct sy_http_refusal *refusal)
{
    if (++state->trailer_bytes > TRAILER_MAX)
        return sy_http_refuse(refusal, 431, "trailers_too_large");
    switch (state->state) {
    case TRAILER_VALUE:
        if (c == '\r')
            return step_to(state, TRAILER_LF);
        return sy_http_is(c, SY_HTTP_VALUE) ? SY_HTTP_DONE
                                            : sy_http_refuse(refusal, 400, "bad_trailer");
    case TRAILER_LF:
        state->line = 0;
        return c == '\n' ? step_to(state, TRAILER_FIRST)
                         : sy_http_refuse(refusal, 400, "bad_trailer");
    case LAST_LF:
        return c == '\n' ? step_to(state, FINISHED) : sy_http_refuse(refusal, 400, "bad_trailer");
    default:
        return on_trailer_name(state, c, refusal);
    }
}

/* One byte that is not payload. */
static enum sy_http_verdict on_byte(struct sy_http_chunked *state, char c, uint64_t max_bytes,
                                    struct sy_http_refusal *refusal)
{
    switch (state->state) {
    case DATA_CR:
        return c == '\r' ? step_to(state, DATA_LF) : refuse_chunk(refusal);
    case DATA_LF:
        return c == '\n' ? step_to(state, SIZE_FIRST) : refuse_chunk(refusal);
    case SIZE_LF:
        return on_size_end(state, c, max_bytes, refusal);
    case TRAILER_FIRST:
    case TRAILER_NAME:
    case TRAILER_VALUE:
    case TRAILER_LF:
    case LAST_LF:
        return on_trailer(state, c, refusal);
    default:
        break;
    }
    if (++state->line > LINE_MAX)
        return sy_http_refuse(refusal, 400, "chunk_line_too_long");
    if (state->state == SIZE_FIRST || state->state == SIZE)
        return on_size(state, c, refusal);
    return on_extension(state, c, refusal);
}

static struct sy_str take_data(struct sy_http_chunked *state, struct sy_str rest)
{
    struct sy_str data = sy_str_head(rest, state->left < rest.len ? (size_t)state->left : rest.len);

    state->left -= data.len;
    state->total += data.len;
    if (state->left == 0)
        state->state = DATA_CR;
    return data;
}

enum sy_http_verdict sy_http_chunked_feed(struct sy_http_chunked *state, struct sy_str bytes,
                                          uint64_t max_bytes, size_t *ret_consumed,
                                          struct sy_str *ret_data,
                                          struct sy_http_refusal *ret_refusal)
{
    size_t at = 0;

    *ret_data = sy_str_from(bytes.ptr, 0);
    while (at < bytes.len && state->state != FINISHED) {
        if (state->state == DATA) {
            *ret_data = take_data(state, sy_str_skip(bytes, at));
            *ret_consumed = at + ret_data->len;
            return SY_HTTP_MORE;
        }
        if (on_byte(state, bytes.ptr[at], max_bytes, ret_refusal) == SY_HTTP_REFUSE)
            return SY_HTTP_REFUSE;
        at++;
    }
    *ret_consumed = at;
    return state->state == FINISHED ? SY_HTTP_DONE : SY_HTTP_MORE;
}
