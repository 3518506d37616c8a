/*
 * Says of each text on standard input (four bytes of length, big-endian, then the text) whether our
 * reader takes it: '1' or '0'. For comparing it with another reader.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

#define TEXT_MAX ((size_t)16 << 20)

int main(void)
{
    unsigned char head[4];

    while (fread(head, 1, sizeof(head), stdin) == sizeof(head)) {
        size_t len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        char *text = len <= TEXT_MAX ? malloc(len ? len : 1) : NULL;
        struct sy_json root;

        if (!text || fread(text, 1, len, stdin) != len)
            return 1;
        putchar(sy_json_read(sy_str_from(text, len), SY_JSON_DEPTH_MAX, &root, NULL) ? '0' : '1');
        free(text);
    }
    return 0;
}
