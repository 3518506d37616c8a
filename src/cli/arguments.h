/*
 * A tool's arguments from words: "k=text" is a string, "k:=json" any JSON value as it stands. Pure.
 */
#ifndef SY_CLI_ARGUMENTS_H
#define SY_CLI_ARGUMENTS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

/* One word taken apart; slices borrow it. */
struct cli_pair {
    struct sy_str name;
    struct sy_str value;
    bool raw; /* k:=json; the value is valid JSON */
};

/* SY_INVALID, with the reason, for a word without '=' or name, and for bad UTF-8 or JSON. */
int cli_pair_read(struct sy_str word, struct cli_pair *ret, struct sy_err *err);
/*
 * A JSON object of the words, in their order, each value's octets as they were given; {} of none.
 * SY_INVALID also for a name that stands twice. The text lives in `arena`.
 */
int cli_arguments(const struct sy_str *words, size_t count, struct sy_arena *arena,
                  struct sy_str *ret_json, struct sy_err *err);

#endif
