/* The policy for people and for /v1/resolve. */
#include "policy/rule.h"

static void write_names(struct sy_json_writer *w, const char *name, const struct sy_str *list,
                        unsigned count)
{
    sy_jw_name(w, name);
    sy_jw_array(w);
    for (unsigned i = 0; i < count; i++)
        sy_jw_str(w, list[i]);
    sy_jw_array_end(w);
}

static void say_list(struct sy_buf *out, const struct sy_str *list, unsigned count,
                     const char *joint)
{
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            sy_buf_append_z(out, joint);
        sy_buf_append(out, list[i]);
    }
}

/* "tenant is ascend or kahuna and toolkit is googletagmanager: use pipedream" */
static void say_rule(struct sy_buf *out, const struct sy_rule *rule)
{
    sy_buf_append_z(out, rule->condition_count ? "when " : "always");
    for (unsigned i = 0; i < rule->condition_count; i++) {
        const struct sy_condition *condition = &rule->conditions[i];
        if (i > 0)
            sy_buf_append_z(out, " and ");
        if (condition->key == SY_WHEN_TENANT_LABEL) {
            sy_buf_append_z(out, "the tenant's label ");
            sy_buf_append(out, condition->label);
        } else {
            sy_buf_append_z(out, sy_when_names[condition->key]);
        }
        sy_buf_append_z(out, " is ");
        say_list(out, condition->values, condition->value_count, " or ");
    }
    switch (rule->kind) {
    case SY_RULE_DENY:
        sy_buf_append_z(out, ": deny, ");
        sy_buf_append(out, rule->text);
        return;
    case SY_RULE_AVOID:
        sy_buf_append_z(out, ": avoid ");
        say_list(out, rule->names, rule->name_count, " and ");
        return;
    case SY_RULE_USE:
        sy_buf_append_z(out, ": use ");
        say_list(out, rule->names, rule->name_count, ", then ");
        return;
    }
}

static void write_rule(struct sy_json_writer *w, const struct sy_rule *rule)
{
    struct sy_buf says;

    sy_buf_init(&says, 16u << 10);
    say_rule(&says, rule);
    sy_jw_object(w);
    sy_jw_member_str(w, "name", rule->name);
    sy_jw_member_str(w, "says", sy_buf_str(&says));
    sy_jw_member_str(w, "file", rule->file);
    sy_jw_member_i64(w, "line", rule->line);
    sy_jw_object_end(w);
    sy_buf_release(&says);
}

static void write_fallback(struct sy_json_writer *w, const struct sy_policy *policy)
{
    sy_jw_name(w, "fallback");
    sy_jw_object(w);
    sy_jw_name(w, "on");
    sy_jw_array(w);
    for (unsigned code = 1; code < SY_CODE_COUNT; code++) {
        if (policy->fallback_mask & SY_CODE_BIT(code))
            sy_jw_z(w, sy_code_name((enum sy_code)code));
    }
    sy_jw_array_end(w);
    sy_jw_member_i64(w, "tries", policy->fallback_tries);
    sy_jw_member_i64(w, "total_ms", policy->fallback_total_ms);
    sy_jw_object_end(w);
}

void sy_policy_write_json(struct sy_json_writer *w, const struct sy_policy *policy)
{
    sy_jw_object(w);
    sy_jw_member_str(w, "digest", policy->digest);
    sy_jw_name(w, "order");
    sy_jw_array(w);
    for (unsigned i = 0; i < policy->order_count; i++)
        sy_jw_z(w, sy_path_name(policy->order[i]));
    sy_jw_array_end(w);
    write_names(w, "native", policy->native, policy->native_count);
    sy_jw_member_z(w, "unlisted", policy->unlisted == SY_UNLISTED_PROBE ? "probe" : "refuse");
    sy_jw_member_z(w, "pinning", policy->pinning ? "allow" : "deny");
    sy_jw_member_i64(w, "pending_wait_ms", policy->pending_wait_ms);
    sy_jw_member_z(w, "pending_max_criticality",
                   sy_criticality_name(policy->pending_max_criticality));
    sy_jw_member_bool(w, "worker_requires_adr", policy->worker_requires_adr);
    write_names(w, "session_environments", policy->session_environments,
                policy->session_environment_count);
    write_fallback(w, policy);
    sy_jw_name(w, "rules");
    sy_jw_array(w);
    for (unsigned i = 0; i < policy->rule_count; i++)
        write_rule(w, &policy->rules[i]);
    sy_jw_array_end(w);
    sy_jw_object_end(w);
}
