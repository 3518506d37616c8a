#include "base/secret.h"

#include "base/crypto.h"
#include "base/err.h"

#include <stdlib.h>
#include <string.h>

int sy_secret_init_copy(struct sy_secret *secret, struct sy_str text)
{
    *secret = (struct sy_secret){0};
    if (text.len == 0)
        return SY_OK;

    char *bytes = malloc(text.len);
    if (!bytes)
        return SY_NOMEM;
    memcpy(bytes, text.ptr, text.len);
    *secret = (struct sy_secret){.bytes = bytes, .len = text.len};
    return SY_OK;
}

void sy_secret_release(struct sy_secret *secret)
{
    if (!secret)
        return;
    sy_wipe(secret->bytes, secret->len);
    free(secret->bytes);
    *secret = (struct sy_secret){0};
}

struct sy_str sy_secret_str(const struct sy_secret *secret)
{
    return (struct sy_str){secret->bytes, secret->len};
}
