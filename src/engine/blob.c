#include "engine/blob.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

struct sy_blob *sy_blob_new(struct sy_str bytes, bool secret)
{
    struct sy_blob *blob = malloc(sizeof(*blob) + bytes.len + 1);

    if (!blob)
        return NULL;
    atomic_init(&blob->refs, 1);
    atomic_init(&blob->proven, false);
    blob->secret = secret;
    blob->len = bytes.len;
    if (bytes.len)
        memcpy(blob->bytes, bytes.ptr, bytes.len);
    blob->bytes[bytes.len] = '\0';
    return blob;
}

struct sy_blob *sy_blob_ref(struct sy_blob *blob)
{
    if (blob)
        atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
    return blob;
}

void sy_blob_unref(struct sy_blob *blob)
{
    if (!blob || atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (blob->secret)
        sy_wipe(blob->bytes, blob->len);
    free(blob);
}

struct sy_str sy_blob_str(const struct sy_blob *blob)
{
    return blob ? sy_str_from(blob->bytes, blob->len) : (struct sy_str){NULL, 0};
}
