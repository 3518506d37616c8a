#include "api/execute.h"

#define TIMEOUT_MS_MAX 300000
#define KEY_MAX 255

#define AT(member) offsetof(struct api_execute_body, member)

static const struct api_field fields[] = {
    {.pointer = "/tool",
     .kind = API_FIELD_TEXT,
     .required = true,
     .is_name = true,
     .offset = AT(tool),
     .check = api_check_tool},
    {.pointer = "/arguments", .kind = API_FIELD_OBJECT, .offset = AT(arguments)},
    {.pointer = "/user_id",
     .kind = API_FIELD_TEXT,
     .is_name = true,
     .offset = AT(user_id),
     .check = api_check_user},
    {.pointer = "/toolkit",
     .kind = API_FIELD_TEXT,
     .is_name = true,
     .offset = AT(toolkit),
     .check = api_check_tool},
    {.pointer = "/vendor",
     .kind = API_FIELD_TEXT,
     .is_name = true,
     .offset = AT(vendor),
     .check = api_check_tool,
     .max = 32},
    {.pointer = "/connection_id",
     .kind = API_FIELD_TEXT,
     .is_name = true,
     .offset = AT(connection_id),
     .check = api_check_visible,
     .max = 255},
    {.pointer = "/idempotency_key",
     .kind = API_FIELD_TEXT,
     .offset = AT(idempotency_key),
     .check = api_check_visible,
     .max = KEY_MAX},
    {.pointer = "/timeout_ms",
     .kind = API_FIELD_I64,
     .offset = AT(timeout_ms),
     .min = 1,
     .max = TIMEOUT_MS_MAX},
    {.pointer = "/explain", .kind = API_FIELD_BOOL, .offset = AT(explain)},
};

static void header_fault(struct api_errors *errors, const char *detail)
{
    api_error_in(errors, "header", SY_STR("Idempotency-Key"), sy_str_of(detail));
}

static void merge_key(struct api_execute_body *body, struct sy_str header_key, unsigned header_keys,
                      struct api_errors *errors)
{
    if (!header_keys)
        return;
    if (header_keys > 1)
        header_fault(errors, "stands more than once");
    else if (!header_key.len || header_key.len > KEY_MAX || api_check_visible(header_key))
        header_fault(errors, "must be 1 to 255 visible ASCII characters");
    else if (body->idempotency_key.ptr && !sy_str_eq(header_key, body->idempotency_key))
        header_fault(errors, "differs from the member idempotency_key");
    else
        body->idempotency_key = header_key;
}

bool api_execute_read(struct sy_str body, struct sy_str header_key, unsigned header_keys,
                      struct api_execute_body *ret, struct api_errors *errors)
{
    uint32_t seen;

    *ret = (struct api_execute_body){0};
    (void)api_fields_read(body, fields, SY_ARRAY_LEN(fields), ret, errors, &seen);
    merge_key(ret, header_key, header_keys, errors);
    return errors->count == 0;
}
