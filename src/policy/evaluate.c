/* What the rules say about one call. */
#include "policy/rule.h"

static bool any_glob(const struct sy_condition *condition, struct sy_str value)
{
    if (value.len == 0)
        return false;
    for (unsigned i = 0; i < condition->value_count; i++) {
        if (sy_str_glob(condition->values[i], value))
            return true;
    }
    return false;
}

static bool any_equal(const struct sy_condition *condition, struct sy_str value)
{
    for (unsigned i = 0; i < condition->value_count; i++) {
        if (sy_str_eq(condition->values[i], value))
            return true;
    }
    return false;
}

static struct sy_str label_of(const struct sy_tenant *tenant, struct sy_str name)
{
    for (size_t i = 0; tenant && i < tenant->label_count; i++) {
        if (sy_str_eq(tenant->labels[i].name, name))
            return tenant->labels[i].value;
    }
    return (struct sy_str){NULL, 0};
}

/* A toolkit in another spelling than the registry's is the same toolkit. */
static bool toolkit_matches(const struct sy_condition *condition, struct sy_str toolkit)
{
    char wanted[SY_NAME_MAX], given[SY_NAME_MAX];

    if (any_glob(condition, toolkit))
        return true;
    if (toolkit.len > sizeof(given))
        return false;
    toolkit = sy_name_normalise(toolkit, given);
    for (unsigned i = 0; i < condition->value_count; i++) {
        struct sy_str value = condition->values[i];
        if (value.len <= sizeof(wanted) && sy_str_eq(sy_name_normalise(value, wanted), toolkit))
            return true;
    }
    return false;
}

static bool matches(const struct sy_condition *condition, const struct sy_policy_input *input)
{
    switch (condition->key) {
    case SY_WHEN_TENANT:
        return input->tenant && any_glob(condition, input->tenant->name);
    case SY_WHEN_TENANT_LABEL:
        return any_glob(condition, label_of(input->tenant, condition->label));
    case SY_WHEN_USER:
        return any_glob(condition, input->user);
    case SY_WHEN_TOOLKIT:
        return toolkit_matches(condition, input->toolkit);
    case SY_WHEN_TOOL:
        return any_glob(condition, input->tool);
    case SY_WHEN_EFFECT: /* a toolkit alone has no effect */
        return input->tool.len > 0 &&
               any_equal(condition, sy_str_of(sy_effect_name(input->effect)));
    case SY_WHEN_ENVIRONMENT:
        return any_equal(condition, input->environment);
    case SY_WHEN_CRITICALITY:
        return any_equal(condition, sy_str_of(sy_criticality_name(input->criticality)));
    case SY_WHEN_COUNT:
        break;
    }
    return false;
}

static bool rule_applies(const struct sy_rule *rule, const struct sy_policy_input *input)
{
    for (unsigned i = 0; i < rule->condition_count; i++) {
        if (!matches(&rule->conditions[i], input))
            return false;
    }
    return true;
}

static bool add_avoids(const struct sy_policy *policy, const struct sy_rule *rule,
                       struct sy_arena *arena, struct sy_str **names, struct sy_str **rules,
                       unsigned *count)
{
    if (!*names) {
        *names = sy_arena_array(arena, policy->avoid_names, sizeof(**names));
        *rules = sy_arena_array(arena, policy->avoid_names, sizeof(**rules));
        if (!*names || !*rules)
            return false;
    }
    for (unsigned i = 0; i < rule->name_count; i++) {
        (*names)[*count] = rule->names[i];
        (*rules)[(*count)++] = rule->name;
    }
    return true;
}

int sy_policy_evaluate(const struct sy_policy *policy, const struct sy_policy_input *input,
                       struct sy_arena *arena, struct sy_policy_verdict *ret)
{
    struct sy_str *avoid = NULL, *avoid_rule = NULL;

    *ret = (struct sy_policy_verdict){0};
    for (unsigned i = 0; i < policy->rule_count; i++) {
        const struct sy_rule *rule = &policy->rules[i];
        if (!rule_applies(rule, input))
            continue;
        if (rule->kind == SY_RULE_DENY && !ret->denied) {
            ret->denied = true;
            ret->deny_rule = rule->name;
            ret->deny_text = rule->text;
        } else if (rule->kind == SY_RULE_USE && ret->use_count == 0) {
            ret->use = rule->names;
            ret->use_count = rule->name_count;
            ret->use_rule = rule->name;
        } else if (rule->kind == SY_RULE_AVOID &&
                   !add_avoids(policy, rule, arena, &avoid, &avoid_rule, &ret->avoid_count)) {
            return SY_NOMEM;
        }
    }
    ret->avoid = avoid;
    ret->avoid_rule = avoid_rule;
    return SY_OK;
}
