/* What texts of requests may hold. Pure. */
#include "api/fields.h"

#include <string.h>

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

const char *api_check_tool(struct sy_str text)
{
    bool says_something = false;

    if (text.len > SY_NAME_MAX)
        return "is longer than 128 characters";
    for (size_t i = 0; i < text.len; i++) {
        bool edge = i == 0 || i == text.len - 1;

        if (!is_name_char(text.ptr[i]) && (edge || !memchr(" .-", text.ptr[i], 3)))
            return "must be a name: letters, digits and _, inside also - . and spaces";
        says_something = says_something || (is_name_char(text.ptr[i]) && text.ptr[i] != '_');
    }
    if (text.len && !says_something)
        return "must hold a letter or a digit";
    return text.len ? NULL : "must not be empty";
}

const char *api_check_user(struct sy_str text)
{
    return sy_user_id_is_valid(text) ? NULL
                                     : "must have 1 to 200 bytes, no control character, no comma";
}

const char *api_check_tenant(struct sy_str text)
{
    return sy_tenant_name_is_valid(text) ? NULL : "must match [a-z0-9][a-z0-9-]{0,31}";
}

const char *api_check_visible(struct sy_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7f)
            return "must be visible ASCII characters";
    return text.len ? NULL : "must not be empty";
}

const char *api_check_line(struct sy_str text)
{
    if (!text.len)
        return "must not be empty";
    return sy_str_has_control(text) || !sy_str_is_utf8(text) ? "must not hold control characters"
                                                             : NULL;
}
