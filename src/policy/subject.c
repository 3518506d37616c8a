/* What a vendor sees as the user. Two users must never become one subject by any template. */
#include "policy/internal.h"

#include <string.h>

static const struct sy_str TENANT = SY_STR_INIT("{tenant}");
static const struct sy_str USER = SY_STR_INIT("{user}");

/* ---- load ---- */

static bool has(struct sy_str text, struct sy_str part)
{
    return sy_str_find(text, part) != (size_t)-1;
}

static bool is_tenant_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* Each field at most once, no other braces, nothing that user ids must not hold. */
static const char *grammar_fault(struct sy_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        struct sy_str rest = sy_str_skip(text, i);
        if (sy_str_starts(rest, TENANT) || sy_str_starts(rest, USER)) {
            struct sy_str what = sy_str_starts(rest, TENANT) ? TENANT : USER;
            if (has(sy_str_skip(rest, what.len), what))
                return "a field stands in it twice";
            i += what.len - 1;
        } else if (text.ptr[i] == '{' || text.ptr[i] == '}') {
            return "only {tenant} and {user} are known";
        } else if (text.ptr[i] == ',' || text.ptr[i] == '%' || (unsigned char)text.ptr[i] < 0x21 ||
                   (unsigned char)text.ptr[i] > 0x7e) {
            return "only printable ASCII without space, ',' and '%' may stand in it";
        }
    }
    return has(text, USER) ? NULL : "{user} is missing; all users would share one subject";
}

/*
 * Tenant and user can be told apart again if a ':' stands between them (users' are escaped, tenants
 * have none), or if {tenant} comes first and is followed by a byte that no tenant name has.
 */
static bool separates(struct sy_str text)
{
    size_t tenant = sy_str_find(text, TENANT), user = sy_str_find(text, USER);
    size_t from = tenant < user ? tenant + TENANT.len : user + USER.len;
    size_t to = tenant < user ? user : tenant;
    struct sy_str between = to >= from ? sy_str_from(text.ptr + from, to - from) : SY_STR("");

    if (has(between, SY_STR(":")))
        return true;
    return tenant == 0 && between.len > 0 && !is_tenant_byte(between.ptr[0]);
}

static void add_template(struct sy_policy_load *load, const struct sy_yaml *node,
                         struct sy_str scope)
{
    struct sy_policy *p = load->policy;
    bool of_tenant = sy_str_starts(scope, SY_STR("tenant:"));
    const char *fault;
    struct sy_str text;

    if (!sy_yaml_text(node, load->faults, &text))
        return;
    fault = grammar_fault(text);
    if (!fault && !has(text, TENANT) && !of_tenant)
        fault = "a template without {tenant} is allowed for one tenant only (subject.tenants)";
    if (!fault && !has(text, TENANT) && has(text, SY_STR(":")))
        fault = "a template without {tenant} must not hold ':'";
    if (!fault && has(text, TENANT) && !separates(text))
        fault = "tenant and user run into each other; put a ':' between them";
    if (fault) {
        sy_fault(load->faults, node, "%s", fault);
        return;
    }
    p->subjects[p->subject_count++] = (struct sy_subject_template){.scope = scope, .text = text};
}

static struct sy_str scoped(const struct sy_policy_load *load, struct sy_str prefix,
                            struct sy_str name)
{
    const struct sy_str parts[] = {prefix, name};
    return sy_arena_join(load->arena, parts, 2);
}

static void read_vendor_templates(struct sy_policy_load *load, const struct sy_yaml *node)
{
    if (!sy_yaml_expect(node, SY_YAML_MAP, load->faults))
        return;
    sy_yaml_refuse_unknown(node, load->vendors, load->faults);
    for (const struct sy_yaml *at = node->first; at; at = at->next)
        add_template(load, at, scoped(load, SY_STR("vendor:"), at->key->text));
}

static void read_tenant_templates(struct sy_policy_load *load, const struct sy_yaml *node)
{
    const struct sy_yaml *bare = NULL;

    if (!sy_yaml_expect(node, SY_YAML_MAP, load->faults))
        return;
    for (const struct sy_yaml *at = node->first; at; at = at->next) {
        if (!sy_tenant_name_is_valid(at->key->text))
            sy_fault(load->faults, at->key, "no tenant can have this name");
        if (at->kind == SY_YAML_SCALAR && !has(at->text, TENANT)) {
            if (bare)
                sy_fault(load->faults, at,
                         "a template without {tenant} is allowed for one tenant only; %.*s has one",
                         SY_FMT(bare->key->text));
            bare = at;
        }
        add_template(load, at, scoped(load, SY_STR("tenant:"), at->key->text));
    }
}

/* Templates of tenants stand beside others at one vendor: each must begin with "{tenant}:" (or have
 * no ':' at all), so that the part before the first ':' tells whose subject it is. */
static void check_side_by_side(struct sy_policy_load *load, const struct sy_yaml *node)
{
    const struct sy_policy *p = load->policy;
    bool tenants = false;

    for (unsigned i = 0; i < p->subject_count; i++)
        tenants = tenants || sy_str_starts(p->subjects[i].scope, SY_STR("tenant:"));
    for (unsigned i = 0; tenants && i < p->subject_count; i++) {
        if (has(p->subjects[i].text, TENANT) &&
            !sy_str_starts(p->subjects[i].text, SY_STR("{tenant}:")))
            sy_fault(load->faults, node,
                     "beside templates of single tenants, \"%.*s\" must begin with \"{tenant}:\"",
                     SY_FMT(sy_str_head(p->subjects[i].text, 64)));
    }
}

void sy_policy_load_subject(struct sy_policy_load *load, const struct sy_yaml *node)
{
    static const char *const KNOWN[] = {"default", "vendors", "tenants", NULL};
    const struct sy_yaml *fallback = sy_yaml_get(node, "default");
    const struct sy_yaml *vendors = sy_yaml_get(node, "vendors");
    const struct sy_yaml *tenants = sy_yaml_get(node, "tenants");
    size_t most = 1 + sy_yaml_count(vendors) + sy_yaml_count(tenants);

    load->policy->subjects = sy_arena_array(load->arena, most + 1, sizeof(*load->policy->subjects));
    if (!load->policy->subjects)
        return;
    if (node->kind == SY_YAML_SCALAR) {
        add_template(load, node, SY_STR(""));
        return;
    }
    if (!sy_yaml_expect(node, SY_YAML_MAP, load->faults))
        return;
    sy_yaml_refuse_unknown(node, KNOWN, load->faults);
    if (fallback)
        add_template(load, fallback, SY_STR(""));
    else /* stands beside the others all the same */
        load->policy->subjects[load->policy->subject_count++] =
            (struct sy_subject_template){.scope = SY_STR(""), .text = SY_STR("{tenant}:{user}")};
    if (vendors)
        read_vendor_templates(load, vendors);
    if (tenants)
        read_tenant_templates(load, tenants);
    check_side_by_side(load, node);
}

/* ---- use ---- */

static bool scope_is(struct sy_str scope, struct sy_str prefix, struct sy_str name)
{
    return sy_str_starts(scope, prefix) && sy_str_eq(sy_str_skip(scope, prefix.len), name);
}

static struct sy_str template_for(const struct sy_policy *policy, struct sy_str vendor,
                                  struct sy_str tenant)
{
    struct sy_str best = SY_STR("{tenant}:{user}");
    unsigned rank = 0;

    for (unsigned i = 0; i < policy->subject_count; i++) {
        struct sy_str scope = policy->subjects[i].scope;
        unsigned its = scope_is(scope, SY_STR("tenant:"), tenant)   ? 3
                       : scope_is(scope, SY_STR("vendor:"), vendor) ? 2
                       : scope.len == 0                             ? 1
                                                                    : 0;
        if (its > rank) {
            best = policy->subjects[i].text;
            rank = its;
        }
    }
    return best;
}

static bool must_escape(char c)
{
    return c == '%' || c == ',' || c == ':' || (unsigned char)c < 0x20 || c == 0x7f;
}

static size_t escape(struct sy_str user, char *out)
{
    static const char HEX[] = "0123456789ABCDEF";
    size_t len = 0;
    for (size_t i = 0; i < user.len; i++) {
        unsigned char c = (unsigned char)user.ptr[i];
        if (!must_escape(user.ptr[i])) {
            out[len++] = user.ptr[i];
            continue;
        }
        out[len++] = '%';
        out[len++] = HEX[c >> 4];
        out[len++] = HEX[c & 15];
    }
    return len;
}

int sy_policy_subject(const struct sy_policy *policy, struct sy_str vendor, struct sy_str tenant,
                      struct sy_str user, size_t max, struct sy_arena *arena, struct sy_str *ret)
{
    struct sy_str text = template_for(policy, vendor, tenant);
    char *out = sy_arena_alloc(arena, text.len + tenant.len + 3 * user.len + 8);
    size_t len = 0;

    if (!out)
        return SY_NOMEM;
    while (text.len > 0) {
        if (sy_str_starts(text, TENANT)) {
            if (tenant.len > 0)
                memcpy(out + len, tenant.ptr, tenant.len);
            len += tenant.len;
            text = sy_str_skip(text, TENANT.len);
        } else if (sy_str_starts(text, USER)) {
            len += escape(user, out + len);
            text = sy_str_skip(text, USER.len);
        } else {
            out[len++] = text.ptr[0];
            text = sy_str_skip(text, 1);
        }
    }
    /* Users are never empty and their '%' is escaped, so neither form can be a user's subject. */
    if (user.len == 0 && !has(template_for(policy, vendor, tenant), TENANT)) {
        memcpy(out + len, "%shared", 7);
        len += 7;
    }
    *ret = sy_str_from(out, len);
    return max > 0 && len > max ? SY_INVALID : SY_OK;
}
