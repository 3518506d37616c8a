/* The policy's rules: names, conditions, and exactly one of deny, avoid and use. */
#include "policy/internal.h"

const char *const sy_when_names[SY_WHEN_COUNT + 1] = {
    [SY_WHEN_TENANT] = "tenant",
    [SY_WHEN_TENANT_LABEL] = "tenant_label.NAME",
    [SY_WHEN_USER] = "user",
    [SY_WHEN_TOOLKIT] = "toolkit",
    [SY_WHEN_TOOL] = "tool",
    [SY_WHEN_EFFECT] = "effect",
    [SY_WHEN_ENVIRONMENT] = "environment",
    [SY_WHEN_CRITICALITY] = "criticality",
};

static const struct sy_str LABEL_PREFIX = SY_STR_INIT("tenant_label.");

static bool when_from_name(struct sy_str name, struct sy_condition *ret)
{
    if (sy_str_starts(name, LABEL_PREFIX) && name.len > LABEL_PREFIX.len) {
        ret->key = SY_WHEN_TENANT_LABEL;
        ret->label = sy_str_skip(name, LABEL_PREFIX.len);
        return true;
    }
    for (unsigned i = 0; i < SY_WHEN_COUNT; i++) {
        if (i != SY_WHEN_TENANT_LABEL && sy_str_eq(name, sy_str_of(sy_when_names[i]))) {
            ret->key = (enum sy_when)i;
            return true;
        }
    }
    return false;
}

/* Values of keys with a fixed vocabulary must be of it: a misspelt one would never match. */
static void check_words(const struct sy_policy_load *load, const struct sy_yaml *node,
                        const struct sy_condition *condition)
{
    static const char *const EFFECTS[] = {"read", "write", "destructive", NULL};
    static const char *const ENVIRONMENTS[] = {"production", "development", NULL};
    static const char *const LEVELS[] = {"low", "medium", "high", NULL};
    const char *const *words = condition->key == SY_WHEN_EFFECT        ? EFFECTS
                               : condition->key == SY_WHEN_ENVIRONMENT ? ENVIRONMENTS
                               : condition->key == SY_WHEN_CRITICALITY ? LEVELS
                                                                       : NULL;
    const struct sy_yaml *at = node->kind == SY_YAML_LIST ? node->first : node;

    for (; words && at; at = node->kind == SY_YAML_LIST ? at->next : NULL) {
        if (at->kind == SY_YAML_SCALAR && !sy_policy_is_one_of(at->text, words))
            sy_fault(load->faults, at, "\"%.*s\" is no %s%s", SY_FMT(sy_str_head(at->text, 64)),
                     sy_when_names[condition->key], sy_policy_hint(load, at->text, words));
    }
}

/* Names are compared in lower case; a tool's separators are those of canonical names. */
static const struct sy_str *canonical(const struct sy_policy_load *load,
                                      const struct sy_condition *condition)
{
    struct sy_str *texts = sy_arena_array(load->arena, condition->value_count, sizeof(*texts));

    for (unsigned i = 0; texts && i < condition->value_count; i++) {
        struct sy_str from = condition->values[i];
        char *to = sy_arena_alloc(load->arena, from.len + 1);
        if (!to)
            return condition->values;
        for (size_t c = 0; c < from.len; c++) {
            to[c] = from.ptr[c];
            if (to[c] >= 'A' && to[c] <= 'Z')
                to[c] = (char)(to[c] - 'A' + 'a');
            if (to[c] == '-' && condition->key == SY_WHEN_TOOL)
                to[c] = '_';
        }
        texts[i] = sy_str_from(to, from.len);
    }
    return texts ? texts : condition->values;
}

static void unknown_key(const struct sy_policy_load *load, const struct sy_yaml *key)
{
    sy_fault(load->faults, key, "unknown key \"%.*s\"%s", SY_FMT(sy_str_head(key->text, 64)),
             sy_policy_hint(load, key->text, sy_when_names));
}

static void read_when(const struct sy_policy_load *load, const struct sy_yaml *node,
                      struct sy_rule *rule)
{
    struct sy_condition *conditions;

    if (!node || sy_yaml_is_null(node) || !sy_yaml_expect(node, SY_YAML_MAP, load->faults))
        return;
    conditions = sy_arena_array(load->arena, sy_yaml_count(node) + 1, sizeof(*conditions));
    for (const struct sy_yaml *at = node->first; conditions && at; at = at->next) {
        struct sy_condition *condition = &conditions[rule->condition_count];
        if (!when_from_name(at->key->text, condition)) {
            unknown_key(load, at->key);
            continue;
        }
        if (at->kind == SY_YAML_MAP) {
            sy_yaml_expect(at, SY_YAML_SCALAR, load->faults);
            continue;
        }
        condition->values = sy_policy_texts(load, at, &condition->value_count);
        check_words(load, at, condition);
        if (condition->key == SY_WHEN_TOOL || condition->key == SY_WHEN_TOOLKIT)
            condition->values = canonical(load, condition);
        rule->condition_count++;
    }
    rule->conditions = conditions;
}

static void read_names(struct sy_policy_load *load, const struct sy_yaml *node,
                       struct sy_rule *rule)
{
    const struct sy_yaml *at = node->kind == SY_YAML_LIST ? node->first : node;

    if (node->kind == SY_YAML_MAP) {
        sy_yaml_expect(node, SY_YAML_LIST, load->faults);
        return;
    }
    rule->names = sy_policy_texts(load, node, &rule->name_count);
    for (; at; at = node->kind == SY_YAML_LIST ? at->next : NULL) {
        if (at->kind == SY_YAML_SCALAR && !sy_policy_is_one_of(at->text, load->routes))
            sy_fault(load->faults, at, "\"%.*s\" is no path and no known vendor%s",
                     SY_FMT(sy_str_head(at->text, 64)),
                     sy_policy_hint(load, at->text, load->routes));
    }
    if (rule->kind == SY_RULE_AVOID)
        load->policy->avoid_names += rule->name_count;
}

static void read_action(struct sy_policy_load *load, const struct sy_yaml *node,
                        struct sy_rule *rule)
{
    static const char *const ACTIONS[] = {
        [SY_RULE_DENY] = "deny", [SY_RULE_AVOID] = "avoid", [SY_RULE_USE] = "use"};
    const struct sy_yaml *action = NULL;
    unsigned found = 0;

    for (unsigned i = 0; i < SY_ARRAY_LEN(ACTIONS); i++) {
        const struct sy_yaml *at = sy_yaml_get(node, ACTIONS[i]);
        if (!at)
            continue;
        action = at;
        rule->kind = (enum sy_verdict_kind)i;
        found++;
    }
    if (found != 1) {
        sy_fault(load->faults, node, "a rule needs exactly one of deny, avoid and use, found %s",
                 found ? "more" : "none");
        return;
    }
    if (rule->kind == SY_RULE_DENY)
        sy_yaml_text(action, load->faults, &rule->text);
    else
        read_names(load, action, rule);
}

static void read_name(const struct sy_policy_load *load, const struct sy_yaml *node,
                      struct sy_rule *rules, unsigned count)
{
    const struct sy_yaml *name = sy_yaml_get(node, "name");

    if (!name) {
        sy_fault(load->faults, node, "a rule needs a name");
        return;
    }
    if (!sy_yaml_text(name, load->faults, &rules[count].name))
        return;
    if (rules[count].name.len > SY_NAME_MAX)
        sy_fault(load->faults, name, "a name has at most %d bytes", SY_NAME_MAX);
    for (unsigned i = 0; i < count; i++) {
        if (sy_str_eq(rules[i].name, rules[count].name))
            sy_fault(load->faults, name, "a rule of this name stands at %.*s:%u, too",
                     SY_FMT(rules[i].file), rules[i].line);
    }
}

void sy_policy_load_rules(struct sy_policy_load *load)
{
    static const char *const KNOWN[] = {"name", "when", "deny", "avoid", "use", NULL};
    struct sy_policy *p = load->policy;
    struct sy_rule *rules = sy_arena_array(load->arena, p->rule_count + 1, sizeof(*rules));
    unsigned count = 0;

    for (unsigned s = 0; rules && s < load->rules_count; s++) {
        for (const struct sy_yaml *at = load->rules[s]; at; at = at->next) {
            if (at->kind != SY_YAML_MAP)
                continue;
            rules[count].file = at->file;
            rules[count].line = at->line;
            sy_yaml_refuse_unknown(at, KNOWN, load->faults);
            read_name(load, at, rules, count);
            read_when(load, sy_yaml_get(at, "when"), &rules[count]);
            read_action(load, at, &rules[count]);
            count++;
        }
    }
    p->rules = rules;
    p->rule_count = count;
}
