#include "contract/vendor.h"

#include "base/json.h"

static const char *const effect_names[] = {
    [SY_EFFECT_UNKNOWN] = "write",
    [SY_EFFECT_READ] = "read",
    [SY_EFFECT_WRITE] = "write",
    [SY_EFFECT_DESTRUCTIVE] = "destructive",
};

static const char *const path_names[SY_PATH_COUNT] = {
    [SY_PATH_NATIVE] = "native", [SY_PATH_PIPEDREAM] = "pipedream", [SY_PATH_PENDING] = "pending",
    [SY_PATH_WORKER] = "worker", [SY_PATH_SESSION] = "session",
};

static const char *const verb_names[] = {
    [SY_VERB_GET] = "GET",     [SY_VERB_POST] = "POST",     [SY_VERB_PUT] = "PUT",
    [SY_VERB_PATCH] = "PATCH", [SY_VERB_DELETE] = "DELETE",
};

const char *sy_effect_name(enum sy_effect effect)
{
    return effect_names[(unsigned)effect < SY_ARRAY_LEN(effect_names) ? effect : SY_EFFECT_WRITE];
}

bool sy_effect_from_name(struct sy_str name, enum sy_effect *ret_effect)
{
    for (int effect = SY_EFFECT_READ; effect <= SY_EFFECT_DESTRUCTIVE; effect++)
        if (sy_str_eq(name, sy_str_of(effect_names[effect]))) {
            *ret_effect = (enum sy_effect)effect;
            return true;
        }
    return false;
}

const char *sy_path_name(enum sy_path path)
{
    return (unsigned)path < SY_PATH_COUNT ? path_names[path] : "";
}

bool sy_path_from_name(struct sy_str name, enum sy_path *ret_path)
{
    for (int path = 0; path < SY_PATH_COUNT; path++)
        if (sy_str_eq(name, sy_str_of(path_names[path]))) {
            *ret_path = (enum sy_path)path;
            return true;
        }
    return false;
}

const char *sy_http_verb_name(enum sy_http_verb verb)
{
    return (unsigned)verb < SY_ARRAY_LEN(verb_names) ? verb_names[verb] : "GET";
}

const struct sy_fact *sy_fact_find(const struct sy_facts *facts, enum sy_fact_kind kind,
                                   struct sy_str key)
{
    for (size_t i = 0; i < facts->fact_count; i++)
        if (facts->facts[i].kind == kind && sy_str_eq(facts->facts[i].key, key))
            return &facts->facts[i];
    return NULL;
}

struct sy_str sy_event_header(const struct sy_event *event, const char *name)
{
    for (unsigned i = 0; i < event->header_count; i++)
        if (sy_str_eq(event->headers[i].name, sy_str_of(name)))
            return event->headers[i].value;
    return (struct sy_str){0};
}

static bool is_wire_form(struct sy_str bound, struct sy_str plain)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t at = 0;

    if (!plain.len)
        return false;
    if (bound.len >= 2 && bound.ptr[0] == '"')
        return sy_json_name_is(bound, plain);
    for (size_t i = 0; i < plain.len; i++) {
        unsigned char c = (unsigned char)plain.ptr[i];
        if (at < bound.len && (unsigned char)bound.ptr[at] == c && c != '%') {
            at++;
            continue;
        }
        if (at + 3 > bound.len || bound.ptr[at] != '%' || bound.ptr[at + 1] != hex[c >> 4] ||
            bound.ptr[at + 2] != hex[c & 15])
            return false;
        at += 3;
    }
    return at == bound.len;
}

bool sy_request_is_bound(const struct sy_request *request, struct sy_str subject,
                         struct sy_str account)
{
    if (!request->bound.ptr)
        return true;
    if (!is_wire_form(request->bound, subject) && !is_wire_form(request->bound, account))
        return false;
    if (sy_str_find(request->url, request->bound) != (size_t)-1)
        return true;
    for (unsigned i = 0; i < request->body_count; i++)
        if (sy_str_find(request->body[i], request->bound) != (size_t)-1)
            return true;
    return false;
}

static bool name_is_well_formed(const char *name)
{
    struct sy_str s = sy_str_of(name);

    if (!s.len || s.len > 32 || s.ptr[0] < 'a' || s.ptr[0] > 'z')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

static int check_settings(const struct sy_vendor *vendor, struct sy_err *err)
{
    size_t count = 0;

    if (!vendor->settings)
        return sy_err_set(err, SY_INVALID, "vendor %s has no settings table", vendor->name);
    for (; vendor->settings[count].name; count++) {
        if (count == SY_VENDOR_SETTINGS_MAX)
            return sy_err_set(err, SY_INVALID, "vendor %s has more than %d settings", vendor->name,
                              SY_VENDOR_SETTINGS_MAX);
        if (!name_is_well_formed(vendor->settings[count].name))
            return sy_err_set(err, SY_INVALID, "vendor %s: setting name \"%s\" is not well-formed",
                              vendor->name, vendor->settings[count].name);
        if (!vendor->settings[count].help)
            return sy_err_set(err, SY_INVALID, "vendor %s: setting %s has no help", vendor->name,
                              vendor->settings[count].name);
    }
    return 0;
}

int sy_vendor_check(const struct sy_vendor *vendor, struct sy_err *err)
{
    if (!vendor || vendor->abi != SY_VENDOR_ABI)
        return sy_err_set(err, SY_INVALID, "vendor was built for ABI %u, this is %u",
                          vendor ? vendor->abi : 0, SY_VENDOR_ABI);
    if (!vendor->name || !name_is_well_formed(vendor->name))
        return sy_err_set(err, SY_INVALID, "vendor name \"%s\" is not well-formed",
                          vendor->name ? vendor->name : "");
    if ((unsigned)vendor->path >= SY_PATH_COUNT)
        return sy_err_set(err, SY_INVALID, "vendor %s has no path", vendor->name);
    if (!vendor->start || !vendor->resume || !vendor->tool_name)
        return sy_err_set(err, SY_INVALID, "vendor %s lacks a mandatory function", vendor->name);
    if (!(vendor->can & SY_CAN(SY_OP_EXECUTE)) || vendor->can >= SY_CAN(SY_OP_COUNT))
        return sy_err_set(err, SY_INVALID, "vendor %s cannot execute, or claims an unknown skill",
                          vendor->name);
    if (vendor->op_size > SY_VENDOR_OP_SIZE_MAX)
        return sy_err_set(err, SY_INVALID,
                          "vendor %s wants %zu bytes of state, at most %u are granted",
                          vendor->name, vendor->op_size, SY_VENDOR_OP_SIZE_MAX);
    return check_settings(vendor, err);
}
