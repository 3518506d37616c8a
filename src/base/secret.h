/*
 * A secret that is owned: the bytes of a credential, wiped before their memory is given back.
 *
 * The type has no print path on purpose: no formatter, log field or JSON writer takes it. Whoever
 * needs the bytes borrows them by sy_secret_str for the one call that sends or compares them and
 * keeps no copy. Compare with sy_secret_eq of base/crypto.h.
 */
#ifndef SY_BASE_SECRET_H
#define SY_BASE_SECRET_H

#include "base/str.h"

struct sy_secret {
    char *bytes; /* NULL: holds no secret */
    size_t len;
};

/*
 * Makes *secret the owner of a copy of `text`; what it held before is not released. An absent or
 * empty text gives a secret that holds nothing. 0, or SY_NOMEM with *secret holding nothing.
 */
int sy_secret_init_copy(struct sy_secret *secret, struct sy_str text);
/* Wipes and frees the bytes; the secret then holds nothing and may be used again. NULL is fine. */
void sy_secret_release(struct sy_secret *secret);
/* Borrows the bytes until release; {NULL,0} when it holds nothing. */
struct sy_str sy_secret_str(const struct sy_secret *secret);

#endif
