/*
 * Times and durations as vendors and people write them: what is read lies within what can be
 * written, and reads the same again.
 */
#include "fuzz.h"

#include "base/clock.h"

#define YEAR_10000_MS INT64_C(253402300800000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str text = fuzz_all(data, size);
    char out[SY_TIME_TEXT_MAX];
    int64_t ms, again;

    if (sy_time_parse(text, &ms) && ms >= 0 && ms < YEAR_10000_MS)
        FUZZ_CHECK(sy_time_parse(sy_time_text(ms, out), &again) && again == ms);
    if (sy_time_parse_http(text, &ms)) {
        FUZZ_CHECK(ms % 1000 == 0 && ms < YEAR_10000_MS);
        if (ms >= 0)
            FUZZ_CHECK(sy_time_parse(sy_time_text(ms, out), &again) && again == ms);
    }
    if (sy_duration_parse(text, &ms))
        FUZZ_CHECK(ms >= 0 && text.len >= 2);
    return 0;
}
