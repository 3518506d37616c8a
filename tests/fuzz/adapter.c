/*
 * An adapter (SY_FUZZ_VENDOR) against any vendor: three bytes choose operation, circumstances and
 * effect, two texts are a name and arguments, and all that follows is what the world answers, each
 * as a byte, a header's value and a body. It ends, typed, within its sends, and every request on
 * the way is one that may be sent.
 */
#include "adapter_world.h"

static struct sy_str own(struct sy_str text)
{
    char *copy = malloc(text.len ? text.len : 1);

    memcpy(copy, text.ptr, text.len);
    return sy_str_from(copy, text.len);
}

static void lend(struct drive *d)
{
    d->facts.fact_count = d->known_count;
    for (size_t i = 0; i < d->known_count; i++) {
        d->lent[i] = d->known[i];
        d->lent[i].value = own(d->known[i].value);
    }
}

static void take_back(struct drive *d)
{
    for (size_t i = 0; i < d->facts.fact_count; i++)
        free((char *)(uintptr_t)d->lent[i].value.ptr);
}

/* Notes what was needed; a fact that was refused gets a new generation. */
static const struct sy_fact *learn(struct drive *d, const struct sy_need *need, struct sy_str value)
{
    size_t i = 0;

    while (i < d->known_count &&
           (d->known[i].kind != need->kind || !sy_str_eq(d->known[i].key, need->key)))
        i++;
    if (i == ADAPTER_FACTS_MAX)
        return NULL;
    d->known_count += i == d->known_count;
    d->known[i] = (struct sy_fact){need->kind, sy_arena_copy(&d->replies, need->key), value,
                                   need->reject_generation + 1};
    return &d->lent[i];
}

/* The world's next word, whatever was wished. */
static void answer(struct drive *d, enum sy_step step, const struct sy_need *need,
                   struct sy_event *event, struct sy_header headers[2])
{
    static const int statuses[32] = {200, 200, 201, 202, 204, 206, 301, 302, 304, 400, 401,
                                     402, 403, 404, 405, 408, 409, 410, 413, 415, 422, 423,
                                     424, 428, 429, 500, 501, 502, 503, 504, 599, 100};
    static const struct sy_failure failures[2] = {
        {.code = SY_CODE_VENDOR_UNAVAILABLE, .cause = SY_CAUSE_DNS},
        {.code = SY_CODE_TOOLKIT_NOT_CONFIGURED, .cause = SY_CAUSE_NO_CREDENTIALS}};
    unsigned byte = fuzz_byte(&d->rest);
    struct sy_str value = fuzz_part(&d->rest), body = fuzz_part(&d->rest);

    *event = (struct sy_event){.kind = SY_EVENT_REPLY, .failure = &failures[byte >> 3 & 1]};
    if ((byte & 7) == 7 && !d->cancelled) {
        event->kind = SY_EVENT_CANCELLED;
        d->cancelled = true;
    } else if (step == SY_STEP_WAIT) {
        event->kind = SY_EVENT_TIMER;
    } else if (step == SY_STEP_NEED) {
        event->fact = (byte & 7) == 6 ? NULL : learn(d, need, body);
        event->kind = event->fact ? SY_EVENT_FACT : SY_EVENT_FACT_FAILED;
    } else if ((byte & 7) == 6) {
        event->kind = SY_EVENT_NET_FAILED;
        event->started = byte & 16;
    } else {
        event->status = statuses[byte >> 3];
        event->body = sy_arena_copy(&d->replies, body);
        headers[0] = (struct sy_header){SY_STR("content-type"), SY_STR("application/json"), false};
        headers[1] = (struct sy_header){SY_STR("retry-after"), value, false};
        event->headers = headers;
        event->header_count = sy_str_has_control(value) ? 1 : 2;
    }
}

static void check(struct drive *d, enum sy_step step, const struct sy_wish *wish)
{
    if (step == SY_STEP_SEND) {
        FUZZ_CHECK(++d->sends <= SY_OPERATION_SENDS_MAX);
        FUZZ_CHECK(!d->cancelled || ++d->sends_since_cancel <= 1);
        check_request(&wish->request, &d->what, &d->facts);
    } else if (step == SY_STEP_DONE) {
        check_result(&wish->result, &d->what, &d->facts);
    } else if (step == SY_STEP_FAIL) {
        check_failure(&wish->failure, d->callers_own);
    } else {
        FUZZ_CHECK(step == SY_STEP_NEED || step == SY_STEP_WAIT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct drive *d = calloc(1, sizeof(*d));
    void *op = calloc(1, vendor->op_size ? vendor->op_size : 1);
    struct sy_header headers[2];
    struct sy_event event;
    struct sy_wish wish = {0};
    enum sy_step step;

    d->rest = fuzz_all(data, size);
    begin(d);
    lend(d);
    step = vendor->start(op, &d->what, &d->facts, &wish);
    for (unsigned steps = 0;; steps++) {
        FUZZ_CHECK(steps < ADAPTER_STEPS_MAX);
        check(d, step, &wish);
        take_back(d);
        if (step == SY_STEP_DONE || step == SY_STEP_FAIL)
            break;
        answer(d, step, &wish.need, &event, headers);
        lend(d);
        wish = (struct sy_wish){0};
        step = vendor->resume(op, &d->what, &event, &d->facts, &wish);
    }
    sy_arena_release(&d->replies);
    sy_arena_release(&d->mem);
    free(op);
    free(d);
    return 0;
}
