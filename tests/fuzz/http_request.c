/*
 * A connection's bytes, whole and cut: first two bytes say where. The verdict, every header and
 * every body byte must be the same however the bytes arrive, and what is accepted must be what a
 * grammar-only reader accepts, read alike.
 */
#include "fuzz.h"

#include "../unit/http/differ.h"
#include "../unit/http/simulator.h"

#define BYTE_BY_BYTE_MAX 512u

static void compare(const struct sim *whole, struct sy_str bytes, size_t first, size_t step)
{
    struct sim sim;

    sim_init(&sim);
    sim_feed(&sim, sy_str_head(bytes, first));
    for (size_t at = first; at < bytes.len; at += step)
        sim_feed(&sim, sy_str_head(sy_str_skip(bytes, at), step));
    FUZZ_CHECK(sim_same(whole, &sim));
    sim_release(&sim);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str bytes = fuzz_all(data, size);
    size_t cut = fuzz_byte(&bytes);
    struct sim whole;

    cut |= (size_t)fuzz_byte(&bytes) << 8;
    sim_run(&whole, bytes);
    if (bytes.len) {
        compare(&whole, bytes, cut % bytes.len, bytes.len);
        if (bytes.len <= BYTE_BY_BYTE_MAX)
            compare(&whole, bytes, 0, 1);
    }
    if (whole.phase == SIM_REFUSED)
        FUZZ_CHECK(whole.refusal.status >= 400 && whole.refusal.cause);
    sim_release(&whole);
    FUZZ_CHECK(!differ_run(bytes).wrong);
    return 0;
}
