/*
 * Where a fuzzed operation stands: settings, names, memory. Three bytes choose operation,
 * circumstances and effect; then come a name and arguments.
 */
#ifndef SY_TESTS_FUZZ_ADAPTER_WORLD_H
#define SY_TESTS_FUZZ_ADAPTER_WORLD_H

#include "adapter.h"

enum { NAME_USER = 1, NAME_TOOL = 2, NAME_SLUG = 4, ACCOUNT = 8, TOKEN = 16, NO_AUTH = 32 };
enum { LITTLE_MEMORY = 64, NO_USER = 128 };

struct drive {
    struct sy_str rest; /* answers to come */
    struct sy_operation what;
    struct sy_facts facts;
    struct sy_arena mem;
    struct sy_arena replies; /* bodies live until the operation closes */
    struct sy_str settings[SY_VENDOR_SETTINGS_MAX];
    struct sy_fact known[ADAPTER_FACTS_MAX]; /* values are slices of the input */
    struct sy_fact lent[ADAPTER_FACTS_MAX];  /* copies that live for one step */
    size_t known_count;
    bool callers_own; /* the secret's text stands in what the caller sent */
    bool cancelled;
    unsigned sends, sends_since_cancel;
};

static const struct sy_vendor *const vendor = &SY_FUZZ_VENDOR;

static inline void give_settings(struct drive *d)
{
    for (size_t i = 0; vendor->settings[i].name; i++) {
        unsigned flags = vendor->settings[i].flags;

        d->settings[i] = flags & SY_SETTING_URL      ? SY_STR("https://vendor.example")
                         : flags & SY_SETTING_SECRET ? SY_STR(ADAPTER_SECRET)
                                                     : SY_STR("value-1");
    }
    d->facts = (struct sy_facts){.now_unix_ms = INT64_C(1795251600000),
                                 .idempotency_key = SY_STR("idem-1"),
                                 .settings = d->settings,
                                 .row_secret = SY_STR(ADAPTER_SECRET),
                                 .facts = d->lent,
                                 .mem = &d->mem};
}

static inline void give_names(struct drive *d, unsigned flags, struct sy_str name)
{
    bool text = name.len && name.len <= SY_NAME_MAX && sy_str_is_utf8(name);
    struct sy_operation *what = &d->what;

    what->call_id = SY_STR("call_1");
    what->tenant = SY_STR("acme");
    what->user_id = flags & NAME_USER && sy_user_id_is_valid(name) ? name : SY_STR("user-1");
    d->facts.subject = what->user_id;
    if (flags & NO_USER)
        what->user_id = (struct sy_str){NULL, 0};
    what->key = what->tool = flags & NAME_TOOL && text ? name : SY_STR("slack-send");
    what->canonical_tool = SY_STR("slack_send");
    what->target.toolkit = SY_STR("slack");
    what->target.vendor_slug = flags & NAME_SLUG && text ? name : SY_STR("slack");
    what->target.connection = what->target.vendor_slug;
    what->target.version = SY_STR("latest");
    what->target.auth_none = flags & NO_AUTH;
    what->target.endpoint = flags & NAME_SLUG && !sy_egress_check_url(name, NULL)
                                ? name
                                : SY_STR("https://worker.example/run");
    if (flags & ACCOUNT)
        what->account = flags & NAME_USER && text ? name : SY_STR("acc_1");
}

static inline void begin(struct drive *d)
{
    unsigned op = fuzz_byte(&d->rest), flags = fuzz_byte(&d->rest), effect = fuzz_byte(&d->rest);
    struct sy_str name = fuzz_part(&d->rest), arguments = fuzz_part(&d->rest);

    for (d->what.op = (enum sy_op)(op % SY_OP_COUNT); !(vendor->can & SY_CAN(d->what.op));)
        d->what.op = (enum sy_op)((d->what.op + 1u) % SY_OP_COUNT);
    d->what.effect = (enum sy_effect)(effect % 4);
    sy_arena_init(&d->mem, flags & LITTLE_MEMORY ? effect * 97u : 16u << 20);
    sy_arena_init(&d->replies, 16u << 20);
    give_settings(d);
    give_names(d, flags, name);
    d->what.arguments = fuzz_is_json(arguments, SY_JSON_OBJECT) ? arguments : SY_STR("{\"a\":1}");
    d->callers_own = sy_str_find(name, SY_STR(ADAPTER_SECRET)) != (size_t)-1 ||
                     sy_str_find(arguments, SY_STR(ADAPTER_SECRET)) != (size_t)-1;
    if (flags & TOKEN)
        d->known[d->known_count++] =
            (struct sy_fact){SY_FACT_TOKEN, SY_STR(""), SY_STR("tok-1"), 1};
}

#endif
