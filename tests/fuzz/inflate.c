/*
 * A gzip body that arrives in pieces (first byte: how large): the same verdict and the same bytes
 * as in one piece, never more than the ratio lets out, and what zlib itself reads whole is read
 * alike.
 */
#include "fuzz.h"

#include <zlib.h>

#include "net/inflate.h"

#define OUT_MAX ((size_t)2 << 20)
#define FREE_OUT ((uint64_t)1 << 20)
#define RATIO_MAX 100u

struct read {
    enum sy_inflate_result result;
    bool ended;
    size_t len;
    char *bytes;
};

static bool take(void *ctx, struct sy_str piece)
{
    struct read *read = ctx;

    if (piece.len > OUT_MAX - read->len)
        return false;
    memcpy(read->bytes + read->len, piece.ptr, piece.len);
    read->len += piece.len;
    return true;
}

static struct read read_in_pieces(struct sy_str text, size_t size, char *out)
{
    struct read read = {.bytes = out};
    struct sy_inflate state = {0};

    FUZZ_CHECK(sy_inflate_begin(&state) == SY_OK);
    for (size_t at = 0; at < text.len && read.result == SY_INFLATE_OK; at += size) {
        size_t left = text.len - at;

        read.result = sy_inflate_feed(&state, sy_str_from(text.ptr + at, left < size ? left : size),
                                      take, &read);
        FUZZ_CHECK(state.out <= FREE_OUT + (uint64_t)RATIO_MAX * state.in + 16384);
    }
    read.ended = state.ended;
    sy_inflate_end(&state);
    return read;
}

/* One member, whole, by zlib alone. */
static bool zlib_reads(struct sy_str text, char *out, size_t *ret_len)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text.ptr,
                  .avail_in = (uInt)text.len,
                  .next_out = (Bytef *)out,
                  .avail_out = (uInt)OUT_MAX};
    int status;

    FUZZ_CHECK(inflateInit2(&z, 15 + 16) == Z_OK);
    status = inflate(&z, Z_FINISH);
    *ret_len = z.total_out;
    inflateEnd(&z);
    return status == Z_STREAM_END && z.avail_in == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str text = fuzz_all(data, size);
    size_t piece = fuzz_byte(&text) + 1;
    static char outputs[3][OUT_MAX]; /* allocating them would take most of the time */
    struct read whole = read_in_pieces(text, text.len ? text.len : 1, outputs[0]);
    struct read cut = read_in_pieces(text, piece, outputs[1]);
    char *plain = outputs[2];
    size_t len;

    /* The ratio is judged as bytes arrive; all else does not depend on where they are cut. */
    if (whole.result != SY_INFLATE_RATIO && cut.result != SY_INFLATE_RATIO) {
        FUZZ_CHECK(whole.result == cut.result && whole.ended == cut.ended && whole.len == cut.len);
        FUZZ_CHECK(!whole.len || memcmp(whole.bytes, cut.bytes, whole.len) == 0);
    }
    if (zlib_reads(text, plain, &len) && whole.result != SY_INFLATE_RATIO &&
        whole.result != SY_INFLATE_STOPPED) {
        FUZZ_CHECK(whole.result == SY_INFLATE_OK && whole.ended && whole.len == len);
        FUZZ_CHECK(!len || memcmp(whole.bytes, plain, len) == 0);
    }
    return 0;
}
