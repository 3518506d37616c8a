/*
 * Finds where an HTTP/1.1 answer ends and what its status is, byte by byte, so that an answer may
 * come in any pieces. Bodies by Content-Length or chunked; 100-continue is passed over.
 */
#ifndef BENCH_ANSWER_H
#define BENCH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum answer_progress { ANSWER_MORE, ANSWER_WHOLE, ANSWER_BROKEN };

enum answer_place {
    ANSWER_LINE,       /* status line and fields, a line at a time */
    ANSWER_BODY,       /* `left` bytes to go */
    ANSWER_CHUNK_SIZE, /* a line */
    ANSWER_CHUNK,      /* `left` bytes to go, its line's end counted in */
    ANSWER_TRAILER,    /* lines up to an empty one */
};

struct answer {
    char line[256]; /* the beginning of the line being read */
    uint64_t left;
    size_t line_len;
    enum answer_place place;
    int status;
    bool chunked;
    bool closes; /* Connection: close was said */
};

void answer_reset(struct answer *answer);

/* Bytes behind a whole answer are ANSWER_BROKEN: nobody asked for them. */
enum answer_progress answer_feed(struct answer *answer, const char *bytes, size_t len);

#endif
