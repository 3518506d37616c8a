/* Fallback, limits and budgets. */
#include "policy/internal.h"

#define TRIES_MAX 8
#define TOTAL_MAX_MS 300000
#define BYTES_MAX (UINT64_C(1) << 30)

/* Codes that say the caller has to change the request: another vendor would not help. */
static bool may_fall_back(enum sy_code code)
{
    return code != SY_CODE_NONE && (sy_code_origin(code) != SY_ORIGIN_CALLER ||
                                    code == SY_CODE_RATE_LIMITED || code == SY_CODE_TOOL_NOT_FOUND);
}

static void read_on(struct sy_policy_load *load, const struct sy_yaml *node)
{
    const char *names[SY_CODE_COUNT + 1] = {NULL};
    size_t count = 0;

    if (!sy_yaml_expect(node, SY_YAML_LIST, load->faults))
        return;
    for (unsigned code = 1; code < SY_CODE_COUNT; code++) {
        if (may_fall_back((enum sy_code)code))
            names[count++] = sy_code_name((enum sy_code)code);
    }
    load->policy->fallback_mask = 0;
    for (const struct sy_yaml *at = node->first; at; at = at->next) {
        struct sy_str name;
        if (!sy_yaml_text(at, load->faults, &name))
            continue;
        if (sy_policy_is_one_of(name, names))
            load->policy->fallback_mask |= SY_CODE_BIT(sy_code_from_name(name));
        else
            sy_fault(load->faults, at, "\"%.*s\" is no code to fall back on%s",
                     SY_FMT(sy_str_head(name, 64)), sy_policy_hint(load, name, names));
    }
}

static bool read_between(const struct sy_policy_load *load, const struct sy_yaml *node,
                         int64_t least, int64_t most, int64_t *ret)
{
    if (!sy_yaml_i64(node, load->faults, ret))
        return false;
    if (*ret >= least && *ret <= most)
        return true;
    sy_fault(load->faults, node, "expected %lld to %lld", (long long)least, (long long)most);
    return false;
}

void sy_policy_load_fallback(struct sy_policy_load *load, const struct sy_yaml *node)
{
    static const char *const KNOWN[] = {"on", "tries", "total", NULL};
    const struct sy_yaml *at;
    int64_t number;

    if (!sy_yaml_expect(node, SY_YAML_MAP, load->faults))
        return;
    sy_yaml_refuse_unknown(node, KNOWN, load->faults);
    at = sy_yaml_get(node, "on");
    if (at)
        read_on(load, at);
    at = sy_yaml_get(node, "tries");
    if (at && read_between(load, at, 1, TRIES_MAX, &number))
        load->policy->fallback_tries = (unsigned)number;
    at = sy_yaml_get(node, "total");
    if (!at || !sy_yaml_duration(at, load->faults, &number))
        return;
    if (number < 1 || number > TOTAL_MAX_MS)
        sy_fault(load->faults, at, "expected 1ms to 300s");
    else
        load->policy->fallback_total_ms = number;
}

/* "50/s", "1000/m", "20/h" as calls per 1000 seconds. */
static void read_rate(const struct sy_policy_load *load, const struct sy_yaml *node,
                      uint64_t *ret_milli)
{
    struct sy_str text, number;
    uint64_t calls, seconds = 0;

    if (!sy_yaml_text(node, load->faults, &text))
        return;
    sy_str_split(&text, '/', &number);
    if (sy_str_eq(text, SY_STR("s")))
        seconds = 1;
    else if (sy_str_eq(text, SY_STR("m")))
        seconds = 60;
    else if (sy_str_eq(text, SY_STR("h")))
        seconds = 3600;
    if (seconds == 0 || !sy_str_to_u64(number, &calls) || calls == 0 || calls > 100000000) {
        sy_fault(load->faults, node, "expected a rate such as 50/s, 1000/m or 20/h");
        return;
    }
    *ret_milli = calls * 1000 / seconds;
    if (*ret_milli == 0)
        *ret_milli = 1;
}

static void read_tenant_limits(struct sy_policy_load *load, const struct sy_yaml *node)
{
    static const char *const KNOWN[] = {"rate", "burst", "in_flight", NULL};
    struct sy_rate *rate = &load->policy->tenant_rate;
    const struct sy_yaml *at;
    int64_t number;

    if (!sy_yaml_expect(node, SY_YAML_MAP, load->faults))
        return;
    sy_yaml_refuse_unknown(node, KNOWN, load->faults);
    at = sy_yaml_get(node, "rate");
    if (at)
        read_rate(load, at, &rate->per_second_milli);
    rate->burst = rate->per_second_milli > 1000 ? rate->per_second_milli / 1000 : 1;
    at = sy_yaml_get(node, "burst");
    if (at && read_between(load, at, 1, 100000000, &number))
        rate->burst = (uint64_t)number;
    at = sy_yaml_get(node, "in_flight");
    if (at && read_between(load, at, 1, 100000000, &number))
        rate->in_flight = (uint64_t)number;
}

static void read_bytes(const struct sy_policy_load *load, const struct sy_yaml *node, uint64_t *ret)
{
    uint64_t bytes;
    if (!node || !sy_yaml_bytes(node, load->faults, &bytes))
        return;
    if (bytes == 0 || bytes > BYTES_MAX)
        sy_fault(load->faults, node, "expected 1 byte to 1GiB");
    else
        *ret = bytes;
}

void sy_policy_load_limits(struct sy_policy_load *load, const struct sy_yaml *node)
{
    static const char *const KNOWN[] = {"tenant", "request_bytes", "response_bytes", NULL};
    const struct sy_yaml *tenant;

    if (!sy_yaml_expect(node, SY_YAML_MAP, load->faults))
        return;
    sy_yaml_refuse_unknown(node, KNOWN, load->faults);
    tenant = sy_yaml_get(node, "tenant");
    if (tenant)
        read_tenant_limits(load, tenant);
    read_bytes(load, sy_yaml_get(node, "request_bytes"), &load->policy->request_bytes);
    read_bytes(load, sy_yaml_get(node, "response_bytes"), &load->policy->response_bytes);
}

/* ---- budgets ---- */

static bool is_amount(struct sy_str text)
{
    size_t digits = 0, points = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c >= '0' && c <= '9')
            digits++;
        else if (c == '.' && i > 0 && i + 1 < text.len)
            points++;
        else
            return false;
    }
    return digits > 0 && points <= 1;
}

static void check_amount(const struct sy_policy_load *load, const struct sy_yaml *node)
{
    if (node->kind != SY_YAML_SCALAR || node->quoted || !is_amount(node->text))
        sy_fault(load->faults, node, "expected a number of 0 or more");
}

static void check_budget(const struct sy_policy_load *load, const struct sy_yaml *node)
{
    static const char *const KNOWN[] = {"plan_usd",         "credits", "credit_seconds",
                                        "credit_memory_mb", "warn_at", "review_at_usd",
                                        "on_exceed",        NULL};
    const struct sy_yaml *warn_at = sy_yaml_get(node, "warn_at");
    const struct sy_yaml *on_exceed = sy_yaml_get(node, "on_exceed");

    if (!sy_yaml_expect(node, SY_YAML_MAP, load->faults))
        return;
    sy_yaml_refuse_unknown(node, KNOWN, load->faults);
    for (const struct sy_yaml *at = node->first; at; at = at->next) {
        if (at != warn_at && at != on_exceed && sy_policy_is_one_of(at->key->text, KNOWN))
            check_amount(load, at);
    }
    if (warn_at && sy_yaml_expect(warn_at, SY_YAML_LIST, load->faults)) {
        for (const struct sy_yaml *at = warn_at->first; at; at = at->next)
            check_amount(load, at);
    }
    if (on_exceed &&
        (on_exceed->kind != SY_YAML_SCALAR || (!sy_str_eq(on_exceed->text, SY_STR("warn")) &&
                                               !sy_str_eq(on_exceed->text, SY_STR("refuse")))))
        sy_fault(load->faults, on_exceed, "expected warn or refuse");
}

/* The section again, as flow YAML on one line: its places are no longer needed. */
static void write_flow(struct sy_buf *out, const struct sy_yaml *node)
{
    if (node->kind == SY_YAML_SCALAR) {
        sy_buf_append(out, node->text);
        return;
    }
    sy_buf_append_char(out, node->kind == SY_YAML_MAP ? '{' : '[');
    for (const struct sy_yaml *at = node->first; at; at = at->next) {
        if (at->key) {
            sy_buf_append(out, at->key->text);
            sy_buf_append_z(out, ": ");
        }
        write_flow(out, at);
        if (at->next)
            sy_buf_append_z(out, ", ");
    }
    sy_buf_append_char(out, node->kind == SY_YAML_MAP ? '}' : ']');
}

void sy_policy_load_budgets(struct sy_policy_load *load, const struct sy_yaml *node)
{
    struct sy_buf text;

    if (sy_yaml_is_null(node) || !sy_yaml_expect(node, SY_YAML_MAP, load->faults))
        return;
    sy_yaml_refuse_unknown(node, load->vendors, load->faults);
    for (const struct sy_yaml *at = node->first; at; at = at->next)
        check_budget(load, at);
    sy_buf_init_arena(&text, load->arena, 64u << 10);
    write_flow(&text, node);
    load->policy->budgets_yaml = sy_buf_str(&text);
}
