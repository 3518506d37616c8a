/*
 * The two clocks. Only the ring (net, ledger, cli, main) may read them; everything pure takes the
 * time as an argument.
 */
#ifndef SY_BASE_CLOCK_H
#define SY_BASE_CLOCK_H

#include "base/arena.h"
#include "base/str.h"

/* Monotonic, for deadlines and durations. */
int64_t sy_clock_ms(void);
int64_t sy_clock_us(void);
/* Wall clock, milliseconds since 1970-01-01 UTC, for records. */
int64_t sy_clock_unix_ms(void);

#define SY_TIME_TEXT_MAX 32
/* "2026-11-21T09:00:00.123Z" into `out` (SY_TIME_TEXT_MAX bytes); returns it. Pure. */
struct sy_str sy_time_text(int64_t unix_ms, char *out);
/* RFC 3339 date-time, or a date alone (midnight UTC). Pure. False if malformed. */
bool sy_time_parse(struct sy_str text, int64_t *ret_unix_ms);
/* The three HTTP date forms (RFC 9110 §5.6.7). Pure; two-digit years are 1970 to 2069. */
bool sy_time_parse_http(struct sy_str text, int64_t *ret_unix_ms);
/* "14d", "30s", "500ms", "2h", "5m". Pure. */
bool sy_duration_parse(struct sy_str text, int64_t *ret_ms);

#endif
