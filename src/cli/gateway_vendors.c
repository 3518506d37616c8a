#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/gateway_int.h"
#include "vendors/vendors.h"

void gateway_warn(struct sy_gateway *gateway, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    sy_buf_append_z(&gateway->warnings, text);
    sy_buf_append_char(&gateway->warnings, '\n');
}

struct sy_str gateway_named_secret(void *ctx, struct sy_str name)
{
    struct sy_gateway *gateway = ctx;
    struct sy_secret_value value;

    if (gateway->options.sandbox && sy_str_eq(name, SY_STR("billing")))
        return sy_str_of(gateway->endpoints.worker_secret);
    value = sy_secrets_named(gateway->secrets, name);
    return value.state == SY_SECRET_READY ? value.value : (struct sy_str){NULL, 0};
}

/* In the sandbox a vendor's settings are what the stand-ins accept. */
static struct sy_str sandbox_setting(const struct sy_sandbox_endpoints *at, const char *vendor,
                                     const char *setting)
{
    const struct {
        const char *vendor, *setting, *value;
    } table[] = {
        {"composio", "base_url", at->composio_url},
        {"composio", "api_key", at->composio_api_key},
        {"scalekit", "base_url", at->scalekit_url},
        {"scalekit", "client_id", at->scalekit_client_id},
        {"scalekit", "client_secret", at->scalekit_client_secret},
        {"pipedream", "base_url", at->pipedream_url},
        {"pipedream", "client_id", at->pipedream_client_id},
        {"pipedream", "client_secret", at->pipedream_client_secret},
        {"pipedream", "project_id", at->pipedream_project_id},
        {"pipedream", "environment", "development"},
    };

    for (size_t i = 0; i < SY_ARRAY_LEN(table); i++)
        if (!strcmp(table[i].vendor, vendor) && !strcmp(table[i].setting, setting))
            return sy_str_of(table[i].value);
    return (struct sy_str){NULL, 0};
}

static void setting_read(struct sy_gateway *gateway, const struct sy_vendor_config *from,
                         size_t index, struct sy_vendor_runtime *ret)
{
    const struct sy_setting *setting = &from->vendor->settings[index];
    struct sy_secret_value value = {.state = SY_SECRET_ABSENT};

    if (gateway->options.sandbox)
        value.value = sandbox_setting(&gateway->endpoints, from->vendor->name, setting->name);
    if (value.value.ptr)
        value.state = SY_SECRET_READY;
    else if (from->settings[index].set)
        value = sy_secrets_get(gateway->secrets, &from->settings[index]);
    else if (setting->fallback)
        value = (struct sy_secret_value){SY_SECRET_READY, sy_str_of(setting->fallback), {NULL, 0}};
    if (value.state == SY_SECRET_READY) {
        ret->settings[index] = value.value;
        if ((setting->flags & SY_SETTING_URL) && sy_str_ends(value.value, SY_STR("/")))
            ret->settings[index].len--;
        return;
    }
    if (!(setting->flags & SY_SETTING_REQUIRED))
        return;
    if (value.state == SY_SECRET_UNAVAILABLE)
        ret->unavailable = true;
    else
        ret->present = false;
    ret->why = value.why.ptr ? value.why
                             : sy_arena_printf(&gateway->arena, "vendors.%s.%s is not set",
                                               from->vendor->name, setting->name);
}

int gateway_vendors(struct sy_gateway *gateway, const struct sy_settings *settings,
                    struct sy_vendor_runtime runtimes[SY_VENDORS_MAX], size_t *ret_count)
{
    *ret_count = settings->vendor_count;
    for (size_t i = 0; i < settings->vendor_count; i++) {
        const struct sy_vendor_config *from = &settings->vendors[i];
        struct sy_vendor_runtime *runtime = &runtimes[i];
        bool needs_settings = from->vendor->settings && from->vendor->settings[0].name;

        memset(runtime, 0, sizeof(*runtime));
        runtime->vendor = from->vendor;
        runtime->present = true;
        for (size_t s = 0; needs_settings && from->vendor->settings[s].name; s++)
            setting_read(gateway, from, s, runtime);
        if (!runtime->present && from->present)
            gateway_warn(gateway, "vendor %s is absent: %.*s", from->vendor->name,
                         SY_FMT(runtime->why));
        if (runtime->unavailable)
            gateway_warn(gateway, "vendor %s is unavailable: %.*s", from->vendor->name,
                         SY_FMT(runtime->why));
    }
    return SY_OK;
}
