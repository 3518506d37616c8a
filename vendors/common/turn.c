#include "vendors/common/turn.h"

#include "base/clock.h"
#include "vendors/common/tells.h"

#define TEXT_MAX 400u
#define HOUR_MS INT64_C(3600000)

struct sy_str sy_turn_setting(const struct sy_turn *t, unsigned index)
{
    return t->facts->settings ? t->facts->settings[index] : (struct sy_str){0};
}

enum sy_step sy_turn_need(const struct sy_turn *t, enum sy_fact_kind kind, struct sy_str key,
                          uint64_t reject_generation)
{
    t->wish->need =
        (struct sy_need){.kind = kind, .key = key, .reject_generation = reject_generation};
    return SY_STEP_NEED;
}

const struct sy_fact *sy_turn_fact(const struct sy_turn *t, enum sy_fact_kind kind,
                                   struct sy_str key)
{
    const struct sy_fact *told = t->event ? t->event->fact : NULL;

    if (told && t->event->kind == SY_EVENT_FACT && told->kind == kind && sy_str_eq(told->key, key))
        return told;
    return sy_fact_find(t->facts, kind, key);
}

enum sy_step sy_turn_value(const struct sy_turn *t, struct sy_str value, int64_t ttl_ms)
{
    if (!value.ptr)
        return sy_turn_fail(t, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){0});
    t->wish->result = (struct sy_result){.value = value, .ttl_ms = ttl_ms};
    return SY_STEP_DONE;
}

enum sy_step sy_turn_fail(const struct sy_turn *t, enum sy_code code, enum sy_cause cause,
                          struct sy_str detail)
{
    t->wish->failure =
        (struct sy_failure){.code = code, .cause = cause, .not_applied = true, .detail = detail};
    return SY_STEP_FAIL;
}

enum sy_step sy_turn_fail_with(const struct sy_turn *t, const struct sy_failure *failure)
{
    t->wish->failure = *failure;
    return SY_STEP_FAIL;
}

enum sy_step sy_turn_fail_event(const struct sy_turn *t)
{
    if (t->event && t->event->failure) {
        /* A write sent before this was answered with a refusal, or there would be no further
         * request or need. So only this request can have done anything. */
        sy_turn_fail_with(t, t->event->failure);
        if (t->event->kind == SY_EVENT_FACT_FAILED || !t->event->started)
            t->wish->failure.not_applied = true;
        return SY_STEP_FAIL;
    }
    if (t->event && t->event->kind == SY_EVENT_CANCELLED) {
        sy_turn_fail(t, SY_CODE_REQUEST_TIMEOUT, SY_CAUSE_CLIENT_GONE, (struct sy_str){0});
        t->wish->failure.not_applied = false;
        return SY_STEP_FAIL;
    }
    sy_turn_fail(t, SY_CODE_INTERNAL, SY_CAUSE_BUG,
                 SY_STR("The adapter has no use for this event."));
    t->wish->failure.not_applied = false;
    return SY_STEP_FAIL;
}

static bool leaks(const struct sy_turn *t, struct sy_str text)
{
    const struct sy_setting *setting = t->vendor->settings;

    for (unsigned i = 0; setting[i].name; i++)
        if ((setting[i].flags & SY_SETTING_SECRET) && sy_text_tells(text, sy_turn_setting(t, i)))
            return true;
    for (size_t i = 0; i < t->facts->fact_count; i++)
        if (t->facts->facts[i].kind == SY_FACT_TOKEN &&
            sy_text_tells(text, t->facts->facts[i].value))
            return true;
    return sy_text_tells(text, t->facts->row_secret);
}

struct sy_str sy_turn_vendor_text(const struct sy_turn *t, struct sy_str text)
{
    if (leaks(t, text))
        return (struct sy_str){0};
    if (text.len > TEXT_MAX) {
        text.len = TEXT_MAX;
        while (text.len && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80)
            text.len--;
    }
    return text;
}

struct sy_str sy_turn_vendor_json(const struct sy_turn *t, struct sy_json value)
{
    if (value.type == SY_JSON_NONE || leaks(t, value.raw))
        return (struct sy_str){0};
    return value.raw;
}

enum sy_step sy_turn_said(const struct sy_turn *t, enum sy_step step)
{
    struct sy_failure *failure = &t->wish->failure;
    struct sy_str *const parts[] = {
        &failure->detail,        &failure->connect_url, &failure->connection_id,
        &failure->connected_at,  &failure->todo,        &failure->missing_scopes,
        &failure->provider_body, &failure->errors,      &failure->suggestions,
        &failure->renamed_to,    &failure->issue_url,
    };

    for (size_t i = 0; step == SY_STEP_FAIL && i < SY_ARRAY_LEN(parts); i++)
        if (leaks(t, *parts[i]))
            *parts[i] = (struct sy_str){0};
    return step;
}

int64_t sy_turn_ttl(const struct sy_turn *t, int64_t expires_at_ms, int64_t margin_ms)
{
    int64_t left;

    if (expires_at_ms <= t->facts->now_unix_ms)
        return 0;
    left = expires_at_ms - t->facts->now_unix_ms;
    return left > margin_ms ? left - margin_ms : 0;
}

static bool all_digits(struct sy_str text)
{
    size_t i = 0;

    while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9')
        i++;
    return i > 0 && i == text.len;
}

int64_t sy_turn_retry_after_ms(const struct sy_turn *t)
{
    struct sy_str text = sy_str_trim(sy_event_header(t->event, "retry-after"));
    uint64_t seconds = 0;
    int64_t at_ms = 0;
    int64_t wait_ms;

    if (sy_str_to_u64(text, &seconds))
        return seconds > HOUR_MS / 1000 ? HOUR_MS : (int64_t)seconds * 1000;
    if (all_digits(text)) /* more than 64 bits hold */
        return HOUR_MS;
    if (!text.len || !sy_time_parse_http(text, &at_ms) || at_ms <= t->facts->now_unix_ms)
        return 0;
    wait_ms = at_ms - t->facts->now_unix_ms;
    return wait_ms > HOUR_MS ? HOUR_MS : wait_ms;
}
