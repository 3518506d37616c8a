/*
 * The part of the fault script that writes bytes as they are: a list of steps, played instead of an
 * answer or around the real one.
 */
#include "sandbox/internal.h"

#include "base/encode.h"

#define TURN_MAX ((size_t)256 << 10) /* bytes before the loop gets its turn */
#define HOLD_MS 100                  /* how often a silent connection is looked at */
#define WAIT_MAX_MS 600000
#define TIMES_MAX 1000000
#define PIECE_MAX ((size_t)8 << 20)

/* ---- reading ---- */

static bool read_bytes(struct sy_sandbox *sb, struct sy_json step, struct sy_str *ret)
{
    struct sy_json coded = sy_json_get_z(step, "base64");
    struct sy_json text = sy_json_get_z(step, "text");
    struct sy_buf plain;

    /* A string without escapes is a slice of the request. */
    if (text.type == SY_JSON_STRING) {
        if (sy_json_string(text, &sb->state, false, ret))
            return false;
        *ret = sy_arena_copy(&sb->state, *ret);
        return true;
    }
    if (coded.type != SY_JSON_STRING || sy_json_string(coded, &sb->state, false, ret))
        return false;
    sy_buf_init_arena(&plain, &sb->state, PIECE_MAX);
    if (!sy_unbase64(&plain, *ret) || !sy_buf_ok(&plain))
        return false;
    *ret = sy_buf_str(&plain);
    return true;
}

static const char *read_end(struct sy_str word, struct sy_sb_step *step)
{
    if (sy_str_eq(word, SY_STR("close")))
        step->kind = SY_SB_STEP_CLOSE;
    else if (sy_str_eq(word, SY_STR("reset")))
        step->kind = SY_SB_STEP_RESET;
    else if (sy_str_eq(word, SY_STR("hold")))
        step->kind = SY_SB_STEP_HOLD;
    else
        return "fault.play: end is close, reset or hold";
    return NULL;
}

static const char *read_step(struct sy_sandbox *sb, struct sy_json from, struct sy_sb_step *step)
{
    struct sy_json end = sy_json_get_z(from, "end");

    *step = (struct sy_sb_step){.times = 1};
    if (end.type == SY_JSON_STRING)
        return read_end(sy_json_text(end, &sb->state), step);
    if (sy_json_is_true(sy_json_get_z(from, "answer"))) {
        step->kind = SY_SB_STEP_ANSWER;
        return NULL;
    }
    if (sy_json_i64(sy_json_get_z(from, "wait_ms"), &step->wait_ms)) {
        step->kind = SY_SB_STEP_WAIT;
        return step->wait_ms > 0 && step->wait_ms <= WAIT_MAX_MS
                   ? NULL
                   : "fault.play: wait_ms is 1 to 600000";
    }
    step->kind = SY_SB_STEP_BYTES;
    if (!read_bytes(sb, from, &step->bytes) || step->bytes.len > PIECE_MAX)
        return "fault.play: a step has text, base64, wait_ms, answer or end";
    (void)sy_json_i64(sy_json_get_z(from, "times"), &step->times);
    return step->times >= 0 && step->times <= TIMES_MAX ? NULL
                                                        : "fault.play: times is 0 to 1000000";
}

const char *sy_sb_play_read(struct sy_sandbox *sb, struct sy_json list, struct sy_sb_fault *fault)
{
    struct sy_json_iter it = sy_json_iter(list);
    struct sy_str none;
    struct sy_json one;

    if (list.type == SY_JSON_NONE)
        return NULL;
    if (list.type != SY_JSON_ARRAY || sy_json_count(list) == 0 ||
        sy_json_count(list) > SY_SB_STEPS_MAX)
        return "fault.play: 1 to 32 steps";
    fault->steps = sy_arena_array(&sb->state, SY_SB_STEPS_MAX, sizeof(*fault->steps));
    if (!fault->steps)
        return "too many faults";
    while (sy_json_next(&it, &none, &one)) {
        const char *wrong = read_step(sb, one, &fault->steps[fault->step_count]);

        if (wrong)
            return wrong;
        if (fault->steps[fault->step_count++].kind == SY_SB_STEP_ANSWER)
            fault->plays_answer = true;
    }
    return NULL;
}

/* ---- playing ---- */

static void play(struct sy_sb_request *r);

static void play_on(struct sy_loop *loop, struct sy_timer *timer)
{
    struct sy_sb_request *r = timer->ctx;

    (void)loop;
    sy_sb_unwait(r);
    play(r);
}

static void play_hangup(struct sy_exchange *x, void *ctx)
{
    struct sy_sb_request *r = ctx;

    (void)x;
    r->hung_up = true;
}

/* Writes the step's bytes, as often as it says; false: the loop has its turn first. */
static bool write_bytes(struct sy_sb_request *r, const struct sy_sb_step *step)
{
    size_t written = 0;

    while (!r->hung_up && (step->times == 0 || r->step_times < step->times)) {
        if (written >= TURN_MAX)
            return false;
        sy_exchange_raw_write(r->x, step->bytes);
        written += step->bytes.len + 1;
        r->step_times++;
    }
    r->step_times = 0;
    r->step++;
    return true;
}

static void play(struct sy_sb_request *r)
{
    const struct sy_sb_fault *fault = r->fault;

    while (!r->hung_up && r->step < fault->step_count) {
        const struct sy_sb_step *step = &fault->steps[r->step];

        switch (step->kind) {
        case SY_SB_STEP_BYTES:
            if (write_bytes(r, step))
                continue;
            sy_sb_wait(r, play_on, 1);
            return;
        case SY_SB_STEP_ANSWER:
            sy_exchange_raw_write(r->x, sy_buf_str(&r->drip));
            r->step++;
            continue;
        case SY_SB_STEP_WAIT:
            r->step++;
            sy_sb_wait(r, play_on, step->wait_ms);
            return;
        case SY_SB_STEP_HOLD:
            sy_sb_wait(r, play_on, HOLD_MS);
            return;
        case SY_SB_STEP_RESET:
            sy_exchange_abort(r->x, SY_END_RESET);
            return;
        case SY_SB_STEP_CLOSE:
            sy_exchange_abort(r->x, SY_END_CLOSE);
            return;
        }
    }
    sy_exchange_abort(r->x, SY_END_CLOSE);
}

void sy_sb_play(struct sy_sb_request *r)
{
    sy_exchange_on_hangup(r->x, play_hangup, r);
    play(r);
}
