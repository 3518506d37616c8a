/*
 * Packs bytes that repeat themselves, as rows of a ledger do: what stood before is named, not
 * written again. Cheaper than writing the bytes to a disk twice; pure.
 *
 * A packed text is u32 length of the plain bytes (little endian), then steps: a length and that
 * many bytes as they are, then, until the plain length is reached, a length and a distance back to
 * copy from. Lengths and distances are numbers of 7 bits a byte, the lowest first.
 */
#ifndef SY_REGISTRY_PRESS_H
#define SY_REGISTRY_PRESS_H

#include "base/buf.h"

/* Appends `plain`, at most 1 GiB, packed; never more than 1/64 and 16 bytes longer than it is. */
void sy_press(struct sy_buf *out, struct sy_str plain);
/* Appends what was packed, at most `max` bytes. False: it is damaged or longer (then `out` has got
 * what stands before the damage, or nothing), or there is no memory (then `out` has failed). */
bool sy_unpress(struct sy_buf *out, struct sy_str packed, size_t max);

#endif
