/* The policy's top: one reader a key, defaults, the order with `native` unrolled, the digest. */
#include "policy/internal.h"

#include <string.h>

#include "base/crypto.h"
#include "base/encode.h"

#define DAY_MS INT64_C(86400000)
#define SOURCES_MAX 64

const char *sy_policy_hint(const struct sy_policy_load *load, struct sy_str name,
                           const char *const *known)
{
    const char *near = sy_yaml_nearest(name, known);
    const struct sy_str parts[] = {SY_STR(" (did you mean \""), sy_str_of(near), SY_STR("\"?)")};
    struct sy_str hint;

    if (!near)
        return "";
    hint = sy_arena_join(load->arena, parts, 3);
    near = hint.ptr ? sy_arena_z(load->arena, hint) : NULL;
    return near ? near : "";
}

bool sy_policy_is_one_of(struct sy_str name, const char *const *known)
{
    for (; *known; known++) {
        if (sy_str_eq(name, sy_str_of(*known)))
            return true;
    }
    return false;
}

const struct sy_str *sy_policy_texts(const struct sy_policy_load *load, const struct sy_yaml *node,
                                     unsigned *ret_count)
{
    size_t count = node->kind == SY_YAML_LIST ? sy_yaml_count(node) : 1;
    struct sy_str *texts = sy_arena_array(load->arena, count ? count : 1, sizeof(*texts));
    const struct sy_yaml *at = node->kind == SY_YAML_LIST ? node->first : node;
    unsigned used = 0;

    *ret_count = 0;
    if (node->kind == SY_YAML_LIST && count == 0)
        sy_fault(load->faults, node, "the list is empty");
    for (size_t i = 0; i < count && texts && at; i++, at = at->next) {
        if (sy_yaml_text(at, load->faults, &texts[used]))
            used++;
    }
    *ret_count = used;
    return texts;
}

/* ---- one reader a key ---- */

static void read_version(struct sy_policy_load *load, const struct sy_yaml *node)
{
    int64_t version = 0;
    if (sy_yaml_i64(node, load->faults, &version) && version != 1)
        sy_fault(load->faults, node, "only version 1 is known");
}

static void read_order(struct sy_policy_load *load, const struct sy_yaml *node)
{
    struct sy_policy *p = load->policy;

    if (!sy_yaml_expect(node, SY_YAML_LIST, load->faults))
        return;
    p->order_count = 0;
    for (const struct sy_yaml *at = node->first; at; at = at->next) {
        struct sy_str name;
        enum sy_path path;
        bool twice = false;
        if (!sy_yaml_text(at, load->faults, &name))
            continue;
        if (!sy_path_from_name(name, &path)) {
            static const char *const PATHS[] = {"native", "pipedream", "pending",
                                                "worker", "session",   NULL};
            sy_fault(load->faults, at, "\"%.*s\" is no path%s%s", SY_FMT(sy_str_head(name, 64)),
                     sy_policy_is_one_of(name, load->vendors) ? "; vendors stand under native" : "",
                     sy_policy_hint(load, name, PATHS));
            continue;
        }
        for (unsigned i = 0; i < p->order_count; i++)
            twice = twice || p->order[i] == path;
        if (twice)
            sy_fault(load->faults, at, "%s stands here twice", sy_path_name(path));
        else
            p->order[p->order_count++] = path;
    }
    if (!node->first)
        sy_fault(load->faults, node, "the list is empty");
}

static void read_native(struct sy_policy_load *load, const struct sy_yaml *node)
{
    struct sy_policy *p = load->policy;

    if (!sy_yaml_expect(node, SY_YAML_LIST, load->faults))
        return;
    p->native_count = 0;
    for (const struct sy_yaml *at = node->first; at; at = at->next) {
        struct sy_str name;
        enum sy_path path;
        bool twice = false;
        if (!sy_yaml_text(at, load->faults, &name))
            continue;
        for (unsigned i = 0; i < p->native_count; i++)
            twice = twice || sy_str_eq(p->native[i], name);
        if (!sy_policy_is_one_of(name, load->vendors))
            sy_fault(load->faults, at, "\"%.*s\" is no known vendor%s",
                     SY_FMT(sy_str_head(name, 64)), sy_policy_hint(load, name, load->vendors));
        else if (sy_path_from_name(name, &path))
            sy_fault(load->faults, at, "%s is a path of its own", sy_path_name(path));
        else if (twice)
            sy_fault(load->faults, at, "\"%.*s\" stands here twice", SY_FMT(name));
        else if (p->native_count == SY_POLICY_CHAIN_MAX - SY_PATH_COUNT)
            sy_fault(load->faults, at, "too many native vendors");
        else
            p->native[p->native_count++] = name;
    }
}

/* One of two or more words; -1 after a fault. */
static int read_word(const struct sy_policy_load *load, const struct sy_yaml *node,
                     const char *const *words, const char *expected)
{
    struct sy_str text;
    if (!sy_yaml_text(node, load->faults, &text))
        return -1;
    for (int i = 0; words[i]; i++) {
        if (sy_str_eq(text, sy_str_of(words[i])))
            return i;
    }
    sy_fault(load->faults, node, "expected %s, found \"%.*s\"%s", expected,
             SY_FMT(sy_str_head(text, 64)), sy_policy_hint(load, text, words));
    return -1;
}

static void read_unlisted(struct sy_policy_load *load, const struct sy_yaml *node)
{
    static const char *const WORDS[] = {"probe", "refuse", NULL};
    int word = read_word(load, node, WORDS, "probe or refuse");
    if (word >= 0)
        load->policy->unlisted = word == 0 ? SY_UNLISTED_PROBE : SY_UNLISTED_REFUSE;
}

static void read_pinning(struct sy_policy_load *load, const struct sy_yaml *node)
{
    static const char *const WORDS[] = {"allow", "deny", NULL};
    int word = read_word(load, node, WORDS, "allow or deny");
    if (word >= 0)
        load->policy->pinning = word == 0;
}

static void read_pending(struct sy_policy_load *load, const struct sy_yaml *node)
{
    static const char *const KNOWN[] = {"wait", "max_criticality", NULL};
    static const char *const LEVELS[] = {"low", "medium", "high", NULL};
    const struct sy_yaml *at;

    if (!sy_yaml_expect(node, SY_YAML_MAP, load->faults))
        return;
    sy_yaml_refuse_unknown(node, KNOWN, load->faults);
    at = sy_yaml_get(node, "wait");
    if (at)
        sy_yaml_duration(at, load->faults, &load->policy->pending_wait_ms);
    at = sy_yaml_get(node, "max_criticality");
    if (at) {
        int level = read_word(load, at, LEVELS, "low, medium or high");
        if (level >= 0)
            load->policy->pending_max_criticality = (enum sy_criticality)level;
    }
}

static void read_worker(struct sy_policy_load *load, const struct sy_yaml *node)
{
    static const char *const KNOWN[] = {"require", NULL};
    static const char *const NEEDS[] = {"adr", NULL};
    const struct sy_yaml *require;

    if (!sy_yaml_expect(node, SY_YAML_MAP, load->faults))
        return;
    sy_yaml_refuse_unknown(node, KNOWN, load->faults);
    require = sy_yaml_get(node, "require");
    if (!require || !sy_yaml_expect(require, SY_YAML_LIST, load->faults))
        return;
    load->policy->worker_requires_adr = false;
    for (const struct sy_yaml *at = require->first; at; at = at->next) {
        if (read_word(load, at, NEEDS, "adr") == 0)
            load->policy->worker_requires_adr = true;
    }
}

static void read_session(struct sy_policy_load *load, const struct sy_yaml *node)
{
    static const char *const KNOWN[] = {"environments", NULL};
    static const char *const ALLOWED[] = {"development", NULL};
    struct sy_policy *p = load->policy;
    const struct sy_yaml *list;

    if (!sy_yaml_expect(node, SY_YAML_MAP, load->faults))
        return;
    sy_yaml_refuse_unknown(node, KNOWN, load->faults);
    list = sy_yaml_get(node, "environments");
    if (!list || !sy_yaml_expect(list, SY_YAML_LIST, load->faults))
        return;
    p->session_environment_count = 0;
    for (const struct sy_yaml *at = list->first; at; at = at->next) {
        if (at->kind == SY_YAML_SCALAR && sy_str_eq(at->text, SY_STR("production")))
            sy_fault(load->faults, at, "debug sessions are never for production keys");
        else if (read_word(load, at, ALLOWED, "development") == 0)
            p->session_environments[p->session_environment_count++] = at->text;
        if (p->session_environment_count == SY_ARRAY_LEN(p->session_environments))
            return;
    }
}

static void keep_rules(struct sy_policy_load *load, const struct sy_yaml *node)
{
    if (sy_yaml_is_null(node) || !sy_yaml_expect(node, SY_YAML_LIST, load->faults))
        return;
    for (struct sy_yaml *at = node->first; at; at = at->next) {
        if (sy_yaml_expect(at, SY_YAML_MAP, load->faults))
            load->policy->rule_count++;
    }
    load->rules[load->rules_count++] = node->first;
}

static const struct {
    const char *name;
    void (*read)(struct sy_policy_load *load, const struct sy_yaml *node);
    bool in_every_file;
} KEYS[] = {
    {.name = "version", .read = read_version, .in_every_file = true},
    {.name = "order", .read = read_order},
    {.name = "native", .read = read_native},
    {.name = "unlisted", .read = read_unlisted},
    {.name = "pinning", .read = read_pinning},
    {.name = "pending", .read = read_pending},
    {.name = "worker", .read = read_worker},
    {.name = "session", .read = read_session},
    {.name = "subject", .read = sy_policy_load_subject},
    {.name = "rules", .read = keep_rules, .in_every_file = true},
    {.name = "fallback", .read = sy_policy_load_fallback},
    {.name = "limits", .read = sy_policy_load_limits},
    {.name = "budgets", .read = sy_policy_load_budgets},
};

static void read_source(struct sy_policy_load *load, const struct sy_yaml *root,
                        const struct sy_yaml *seen[SY_ARRAY_LEN(KEYS)])
{
    const char *known[SY_ARRAY_LEN(KEYS) + 1] = {NULL};

    if (sy_yaml_is_null(root) || !sy_yaml_expect(root, SY_YAML_MAP, load->faults))
        return;
    for (size_t i = 0; i < SY_ARRAY_LEN(KEYS); i++)
        known[i] = KEYS[i].name;
    sy_yaml_refuse_unknown(root, known, load->faults);
    for (size_t i = 0; i < SY_ARRAY_LEN(KEYS); i++) {
        const struct sy_yaml *node = sy_yaml_get(root, KEYS[i].name);
        if (!node)
            continue;
        if (seen[i] && !KEYS[i].in_every_file) {
            sy_fault(load->faults, node->key,
                     "\"%s\" may stand in one file only; it stands at %.*s:%u, too", KEYS[i].name,
                     SY_FMT(seen[i]->file), seen[i]->line);
            continue;
        }
        seen[i] = node->key;
        KEYS[i].read(load, node);
    }
}

/* ---- the whole ---- */

static void set_defaults(struct sy_policy *p)
{
    static const enum sy_path ORDER[] = {SY_PATH_NATIVE, SY_PATH_PIPEDREAM, SY_PATH_PENDING,
                                         SY_PATH_WORKER};
    *p = (struct sy_policy){
        .order_count = SY_ARRAY_LEN(ORDER),
        .native = {SY_STR_INIT("composio"), SY_STR_INIT("scalekit")},
        .native_count = 2,
        .unlisted = SY_UNLISTED_PROBE,
        .pinning = true,
        .pending_wait_ms = 14 * DAY_MS,
        .pending_max_criticality = SY_CRITICALITY_LOW,
        .worker_requires_adr = true,
        .session_environments = {SY_STR_INIT("development")},
        .session_environment_count = 1,
        .fallback_mask = SY_CODE_BIT(SY_CODE_VENDOR_UNAVAILABLE) |
                         SY_CODE_BIT(SY_CODE_VENDOR_TIMEOUT) | SY_CODE_BIT(SY_CODE_RATE_LIMITED),
        .fallback_tries = 2,
        .fallback_total_ms = 30000,
        .request_bytes = 4u << 20,
        .response_bytes = 32u << 20,
    };
    memcpy(p->order, ORDER, sizeof(ORDER));
}

static void unroll(struct sy_policy *p)
{
    for (unsigned i = 0; i < p->order_count; i++) {
        enum sy_path path = p->order[i];
        if (path != SY_PATH_NATIVE) {
            p->chain[p->chain_count++] =
                (struct sy_order_entry){.vendor = sy_str_of(sy_path_name(path)), .path = path};
            continue;
        }
        for (unsigned n = 0; n < p->native_count; n++)
            p->chain[p->chain_count++] =
                (struct sy_order_entry){.vendor = p->native[n], .path = path};
    }
}

static void add_name(const char **names, const char *name)
{
    size_t i = 0;
    for (; names[i]; i++) {
        if (sy_str_eq(sy_str_of(names[i]), sy_str_of(name)))
            return;
    }
    if (i < SY_POLICY_NAMES_MAX)
        names[i] = name;
}

static void know_names(struct sy_policy_load *load, const struct sy_str *vendors, size_t count)
{
    static const char *const ALWAYS[] = {"composio", "scalekit", "pipedream",
                                         "pending",  "worker",   "session"};
    for (size_t i = 0; i < SY_ARRAY_LEN(ALWAYS); i++)
        add_name(load->vendors, ALWAYS[i]);
    for (size_t i = 0; i < count; i++) {
        const char *name = sy_arena_z(load->arena, vendors[i]);
        if (name)
            add_name(load->vendors, name);
    }
    add_name(load->routes, "native");
    for (size_t i = 0; load->vendors[i]; i++)
        add_name(load->routes, load->vendors[i]);
}

/* SHA-256 over each file's last name part, size and bytes: moving the folder changes nothing. */
static struct sy_str digest_of(const struct sy_policy_source *sources, size_t count,
                               struct sy_arena *arena)
{
    unsigned char hash[SY_SHA256_SIZE];
    struct sy_buf all, hex;
    struct sy_str ret = {NULL, 0};

    sy_buf_init(&all, (size_t)SOURCES_MAX * (SY_YAML_BYTES_MAX + 4096u));
    sy_buf_init_arena(&hex, arena, 2 * sizeof(hash) + 1);
    for (size_t i = 0; i < count; i++) {
        struct sy_str name = sources[i].file;
        size_t from = name.len;
        while (from > 0 && name.ptr[from - 1] != '/')
            from--;
        sy_buf_append(&all, sy_str_skip(name, from));
        sy_buf_append_char(&all, '\0');
        sy_buf_append_u64(&all, sources[i].text.len);
        sy_buf_append_char(&all, '\0');
        sy_buf_append(&all, sources[i].text);
    }
    sy_sha256(sy_buf_str(&all), hash);
    sy_hex(&hex, sy_str_from((const char *)hash, sizeof(hash)));
    if (sy_buf_ok(&all) && sy_buf_ok(&hex))
        ret = sy_buf_str(&hex);
    sy_buf_release(&all);
    return ret;
}

int sy_policy_load(const struct sy_policy_source *sources, size_t count,
                   const struct sy_str *vendors, size_t vendor_count, struct sy_arena *arena,
                   struct sy_policy *ret, struct sy_faults *faults)
{
    struct sy_policy_load load = {.policy = ret, .arena = arena, .faults = faults};
    const struct sy_yaml *seen[SY_ARRAY_LEN(KEYS)] = {NULL};
    unsigned before = faults->errors;

    set_defaults(ret);
    know_names(&load, vendors, vendor_count);
    if (count > SOURCES_MAX) {
        sy_fault(faults, NULL, "more than %d policy files", SOURCES_MAX);
        return SY_INVALID;
    }
    for (size_t i = 0; i < count; i++) {
        const struct sy_yaml *root = sy_yaml_read(sources[i].text, sources[i].file, arena, faults);
        if (root)
            read_source(&load, root, seen);
    }
    sy_policy_load_rules(&load);
    unroll(ret);
    ret->digest = digest_of(sources, count, arena);
    if (faults->errors != before)
        return SY_INVALID;
    return arena->failed || !ret->digest.ptr ? SY_NOMEM : SY_OK;
}
