/*
 * A credential and a text around it: found as it stands and in every way JSON may write it; not
 * found where neither the text nor what its escapes mean holds it.
 */
#include "fuzz.h"

#include "vendors/common/tells.h"

#define SECRET_MIN 6u

/* The secret as JSON may write it: `way` chooses for each byte. */
static struct sy_str escaped(struct sy_str secret, unsigned way, char *out, size_t size)
{
    size_t len = 0;

    for (size_t i = 0; i < secret.len && len + 8 < size; i++) {
        unsigned char c = (unsigned char)secret.ptr[i];

        if (c < 0x20 || (c < 0x80 && (way >> (i % 8) & 1u)))
            len += (size_t)snprintf(out + len, size - len, i % 2 ? "\\u%04x" : "\\u%04X", c);
        else if (c == '"' || c == '\\' || (c == '/' && way & 1u))
            len += (size_t)snprintf(out + len, size - len, "\\%c", c);
        else
            out[len++] = (char)c;
    }
    return sy_str_from(out, len);
}

static void is_found_escaped(struct sy_str secret, unsigned way)
{
    char text[2048] = "{\"said\":\"";
    size_t head = strlen(text);
    struct sy_str written = escaped(secret, way, text + head, sizeof(text) - head - 2);

    text[head + written.len] = '"';
    FUZZ_CHECK(sy_text_tells(sy_str_from(text, head + written.len + 1), secret));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str rest = fuzz_all(data, size);
    unsigned way = fuzz_byte(&rest);
    struct sy_str secret = fuzz_part(&rest), text = rest;
    bool plain = secret.len >= SECRET_MIN && sy_str_find(text, secret) != (size_t)-1;
    bool tells = sy_text_tells(text, secret);

    if (plain)
        FUZZ_CHECK(tells);
    if (sy_str_find_char(text, '\\') == (size_t)-1)
        FUZZ_CHECK(tells == plain);
    if (secret.len >= SECRET_MIN && secret.len < 200)
        is_found_escaped(secret, way);
    return 0;
}
