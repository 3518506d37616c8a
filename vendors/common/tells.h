/*
 * Whether a text gives a credential away.
 */
#ifndef VENDORS_COMMON_TELLS_H
#define VENDORS_COMMON_TELLS_H

#include "base/str.h"

/*
 * Whether `text` holds `secret`, as it is or with any of its characters written as JSON escapes, as
 * a reply that quotes it would have it. Secrets of fewer than six bytes occur in honest text by
 * chance and are never found.
 */
bool sy_text_tells(struct sy_str text, struct sy_str secret);

#endif
