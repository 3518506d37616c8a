/*
 * Inflating gzip replies piece by piece, bounded by a ratio, and knowing whether the end was seen.
 */
#ifndef SY_NET_INFLATE_H
#define SY_NET_INFLATE_H

#include "base/err.h"
#include "base/str.h"

/* What an inflating transfer holds apart from its reply, for the memory budget. */
#define SY_INFLATE_MEMORY 49152u

struct sy_inflate {
    void *stream; /* zlib's; NULL: not begun */
    uint64_t in;
    uint64_t out;
    bool ended; /* the trailer of the last member was seen and was right */
};

enum sy_inflate_result {
    SY_INFLATE_OK,
    SY_INFLATE_BROKEN,  /* not gzip, or its checksum is wrong */
    SY_INFLATE_RATIO,   /* over 1 MiB out and over 100 times what came in */
    SY_INFLATE_STOPPED, /* the sink said no */
};

/* Takes a piece of output; false stops. */
typedef bool sy_inflate_sink_fn(void *ctx, struct sy_str piece);

int sy_inflate_begin(struct sy_inflate *state);
/* Gives one piece of input; output goes to `sink` in pieces of at most 16 KiB. */
enum sy_inflate_result sy_inflate_feed(struct sy_inflate *state, struct sy_str input,
                                       sy_inflate_sink_fn *sink, void *ctx);
/* Frees; the struct may be begun again. Nothing happens if it was not begun. */
void sy_inflate_end(struct sy_inflate *state);

#endif
