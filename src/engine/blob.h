/*
 * Shared immutable bytes with a reference count: facts and kept answers, read on any loop.
 */
#ifndef SY_ENGINE_BLOB_H
#define SY_ENGINE_BLOB_H

#include <stdatomic.h>

#include "base/str.h"

struct sy_blob {
    _Atomic unsigned refs;
    bool secret;         /* wiped before it is freed */
    _Atomic bool proven; /* a token: the vendor has taken it at least once */
    size_t len;
    char bytes[];
};

/* A copy with one reference; NULL without memory. */
struct sy_blob *sy_blob_new(struct sy_str bytes, bool secret);
struct sy_blob *sy_blob_ref(struct sy_blob *blob);
/* NULL is fine. */
void sy_blob_unref(struct sy_blob *blob);
struct sy_str sy_blob_str(const struct sy_blob *blob);

#endif
