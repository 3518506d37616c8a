#include "net/inflate.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_ONLY (15 + 16)
#define PIECE 16384
#define RATIO_MAX 100
#define RATIO_FREE 1048576 /* small replies may shrink as far as they like */

int sy_inflate_begin(struct sy_inflate *state)
{
    z_stream *stream = calloc(1, sizeof(*stream));

    if (!stream)
        return SY_NOMEM;
    if (inflateInit2(stream, GZIP_ONLY) != Z_OK) {
        free(stream);
        return SY_NOMEM;
    }
    *state = (struct sy_inflate){.stream = stream};
    return SY_OK;
}

void sy_inflate_end(struct sy_inflate *state)
{
    if (!state->stream)
        return;
    inflateEnd(state->stream);
    free(state->stream);
    *state = (struct sy_inflate){0};
}

static bool over_ratio(const struct sy_inflate *state)
{
    return state->out > RATIO_FREE && state->out / RATIO_MAX > state->in;
}

/* One call of zlib and what it gave. Sets *ret_more while the same input may give more output. */
static enum sy_inflate_result step(struct sy_inflate *state, sy_inflate_sink_fn *sink, void *ctx,
                                   bool *ret_more)
{
    z_stream *stream = state->stream;
    char piece[PIECE];
    uInt before = stream->avail_in;
    size_t made;
    int status;

    stream->next_out = (Bytef *)piece;
    stream->avail_out = PIECE;
    status = inflate(stream, Z_NO_FLUSH);
    made = PIECE - stream->avail_out;
    state->in += before - stream->avail_in;
    state->out += made;
    state->ended = status == Z_STREAM_END;
    *ret_more = stream->avail_in > 0 || (stream->avail_out == 0 && !state->ended);
    if (over_ratio(state))
        return SY_INFLATE_RATIO;
    if (made && !sink(ctx, sy_str_from(piece, made)))
        return SY_INFLATE_STOPPED;
    if (status == Z_BUF_ERROR && made == 0) {
        *ret_more = false;
        return SY_INFLATE_OK;
    }
    return status == Z_OK || status == Z_STREAM_END ? SY_INFLATE_OK : SY_INFLATE_BROKEN;
}

enum sy_inflate_result sy_inflate_feed(struct sy_inflate *state, struct sy_str input,
                                       sy_inflate_sink_fn *sink, void *ctx)
{
    z_stream *stream = state->stream;
    enum sy_inflate_result result = SY_INFLATE_OK;
    bool more = input.len > 0;

    stream->next_in = (z_const Bytef *)(uintptr_t)input.ptr;
    stream->avail_in = (uInt)input.len;
    while (more && result == SY_INFLATE_OK) {
        /* A gzip file may have several members; what follows the last must be another. */
        if (state->ended && inflateReset(stream) != Z_OK)
            return SY_INFLATE_BROKEN;
        result = step(state, sink, ctx, &more);
    }
    return result;
}
