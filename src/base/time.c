/*
 * Times as text, both ways. Days are turned into dates by arithmetic on the proleptic Gregorian
 * calendar (400-year eras of 146,097 days, years counted from March), so that no time zone, locale
 * or clock takes part.
 */
#include "base/clock.h"

#include <string.h>

#define MS_PER_DAY INT64_C(86400000)

struct civil {
    int64_t year;
    unsigned month; /* 1 to 12 */
    unsigned day;   /* 1 to 31 */
    unsigned hour;
    unsigned minute;
    unsigned second;
};

static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, struct civil *ret_date)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */

    ret_date->day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1);
    ret_date->month = (unsigned)(month < 10 ? month + 3 : month - 9);
    ret_date->year = year_of_era + era * 400 + (ret_date->month <= 2 ? 1 : 0);
}

/* `width` digits with leading zeros, ending before `end`; returns where they begin. */
static char *put_digits(char *end, uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++, value /= 10)
        *--end = (char)('0' + value % 10);
    return end;
}

struct sy_str sy_time_text(int64_t unix_ms, char *out)
{
    int64_t days = unix_ms / MS_PER_DAY;
    int64_t ms = unix_ms % MS_PER_DAY;
    char text[SY_TIME_TEXT_MAX];
    char *end = text + sizeof(text), *at = end;
    struct civil date = {0};
    uint64_t year;
    unsigned width = 4;

    if (ms < 0) {
        ms += MS_PER_DAY;
        days--;
    }
    civil_from_days(days, &date);
    /* Backwards from the end: every part but the year has a fixed width. */
    *--at = '\0';
    *--at = 'Z';
    at = put_digits(at, (uint64_t)(ms % 1000), 3);
    *--at = '.';
    at = put_digits(at, (uint64_t)(ms / 1000 % 60), 2);
    *--at = ':';
    at = put_digits(at, (uint64_t)(ms / 60000 % 60), 2);
    *--at = ':';
    at = put_digits(at, (uint64_t)(ms / 3600000), 2);
    *--at = 'T';
    at = put_digits(at, date.day, 2);
    *--at = '-';
    at = put_digits(at, date.month, 2);
    *--at = '-';
    year = date.year < 0 ? 0 - (uint64_t)date.year : (uint64_t)date.year;
    for (uint64_t rest = year / 10000; rest; rest /= 10)
        width++;
    at = put_digits(at, year, width);
    if (date.year < 0)
        *--at = '-';
    memcpy(out, at, (size_t)(end - at));
    return sy_str_from(out, (size_t)(end - at) - 1);
}

/* What is left of the text being read. Each take_ function eats what it names or answers false. */
static bool take_char(struct sy_str *text, char c)
{
    if (text->len == 0 || text->ptr[0] != c)
        return false;
    *text = sy_str_skip(*text, 1);
    return true;
}

static bool take_digits(struct sy_str *text, size_t count, unsigned *ret_value)
{
    uint64_t value;

    if (text->len < count || !sy_str_to_u64(sy_str_head(*text, count), &value))
        return false;
    *ret_value = (unsigned)value;
    *text = sy_str_skip(*text, count);
    return true;
}

/* The 1-based position in `names` of the name the text starts with; `width` 0 means whole names,
 * else their first `width` bytes. */
static bool take_name(struct sy_str *text, const char *const *names, size_t count, size_t width,
                      unsigned *ret_index)
{
    for (size_t i = 0; i < count; i++) {
        struct sy_str name = sy_str_of(names[i]);
        if (width)
            name = sy_str_head(name, width);
        if (sy_str_starts(*text, name)) {
            *text = sy_str_skip(*text, name.len);
            *ret_index = (unsigned)i + 1;
            return true;
        }
    }
    return false;
}

static bool take_date(struct sy_str *text, struct civil *at)
{
    unsigned year;

    if (!take_digits(text, 4, &year) || !take_char(text, '-') ||
        !take_digits(text, 2, &at->month) || !take_char(text, '-') ||
        !take_digits(text, 2, &at->day))
        return false;
    at->year = year;
    return true;
}

static bool take_clock(struct sy_str *text, struct civil *at)
{
    return take_digits(text, 2, &at->hour) && take_char(text, ':') &&
           take_digits(text, 2, &at->minute) && take_char(text, ':') &&
           take_digits(text, 2, &at->second);
}

static unsigned days_in_month(int64_t year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* False if there is no such moment. Second 60 is a leap second and counts as the next one. */
static bool to_unix_ms(const struct civil *at, int64_t *ret_unix_ms)
{
    int64_t days;

    if (at->month < 1 || at->month > 12 || at->day < 1 ||
        at->day > days_in_month(at->year, at->month) || at->hour > 23 || at->minute > 59 ||
        at->second > 60 || (at->second == 60 && at->minute != 59))
        return false;
    days = days_from_civil(at->year, at->month, at->day);
    *ret_unix_ms =
        days * MS_PER_DAY + ((int64_t)at->hour * 3600 + at->minute * 60 + at->second) * 1000;
    return true;
}

/* ".123456": at least one digit; below the millisecond they are cut off. */
static bool take_fraction_ms(struct sy_str *text, int64_t *ret_ms)
{
    int64_t ms = 0;
    int64_t scale = 100;
    size_t count = 0;

    *ret_ms = 0;
    if (!take_char(text, '.'))
        return true;
    for (; count < text->len && text->ptr[count] >= '0' && text->ptr[count] <= '9'; count++) {
        ms += (text->ptr[count] - '0') * scale;
        scale /= 10;
    }
    *text = sy_str_skip(*text, count);
    *ret_ms = ms;
    return count > 0;
}

static bool take_offset_ms(struct sy_str *text, int64_t *ret_ms)
{
    unsigned hours;
    unsigned minutes;
    bool west;

    if (take_char(text, 'Z') || take_char(text, 'z')) {
        *ret_ms = 0;
        return true;
    }
    west = take_char(text, '-');
    if (!west && !take_char(text, '+'))
        return false;
    if (!take_digits(text, 2, &hours) || !take_char(text, ':') || !take_digits(text, 2, &minutes) ||
        hours > 23 || minutes > 59)
        return false;
    *ret_ms = ((int64_t)hours * 60 + minutes) * 60000 * (west ? -1 : 1);
    return true;
}

bool sy_time_parse(struct sy_str text, int64_t *ret_unix_ms)
{
    struct civil at = {0};
    int64_t fraction = 0;
    int64_t offset = 0;
    int64_t ms;

    if (!take_date(&text, &at))
        return false;
    if (text.len != 0) {
        if (!take_char(&text, 'T') && !take_char(&text, 't') && !take_char(&text, ' '))
            return false;
        if (!take_clock(&text, &at) || !take_fraction_ms(&text, &fraction) ||
            !take_offset_ms(&text, &offset))
            return false;
    }
    if (text.len != 0 || !to_unix_ms(&at, &ms))
        return false;
    *ret_unix_ms = ms + fraction - offset;
    return true;
}

static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const day_names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                        "Friday", "Saturday", "Sunday"};

static bool take_month(struct sy_str *text, struct civil *at)
{
    return take_name(text, month_names, SY_ARRAY_LEN(month_names), 0, &at->month);
}

/* "06 Nov 1994 08:49:37 GMT", after "Sun, ". */
static bool parse_imf(struct sy_str text, struct civil *at)
{
    unsigned year;

    if (!take_digits(&text, 2, &at->day) || !take_char(&text, ' ') || !take_month(&text, at) ||
        !take_char(&text, ' ') || !take_digits(&text, 4, &year) || !take_char(&text, ' ') ||
        !take_clock(&text, at))
        return false;
    at->year = year;
    return sy_str_eq(text, SY_STR(" GMT"));
}

/* "06-Nov-94 08:49:37 GMT", after "Sunday, ". The obsolete two-digit year is read as 1970 to 2069:
 * the fifty-year rule of RFC 9110 needs a clock, which has no place here. */
static bool parse_rfc850(struct sy_str text, struct civil *at)
{
    unsigned year;

    if (!take_digits(&text, 2, &at->day) || !take_char(&text, '-') || !take_month(&text, at) ||
        !take_char(&text, '-') || !take_digits(&text, 2, &year) || !take_char(&text, ' ') ||
        !take_clock(&text, at))
        return false;
    at->year = year < 70 ? 2000 + (int64_t)year : 1900 + (int64_t)year;
    return sy_str_eq(text, SY_STR(" GMT"));
}

/* "Nov  6 08:49:37 1994", after "Sun ". */
static bool parse_asctime(struct sy_str text, struct civil *at)
{
    unsigned year;
    bool day;

    if (!take_month(&text, at) || !take_char(&text, ' '))
        return false;
    day = take_char(&text, ' ') ? take_digits(&text, 1, &at->day) : take_digits(&text, 2, &at->day);
    if (!day || !take_char(&text, ' ') || !take_clock(&text, at) || !take_char(&text, ' ') ||
        !take_digits(&text, 4, &year))
        return false;
    at->year = year;
    return text.len == 0;
}

bool sy_time_parse_http(struct sy_str text, int64_t *ret_unix_ms)
{
    struct civil at = {0};
    struct sy_str rest = text;
    unsigned day_name;
    bool ok;

    if (take_name(&rest, day_names, SY_ARRAY_LEN(day_names), 0, &day_name)) {
        ok = take_char(&rest, ',') && take_char(&rest, ' ') && parse_rfc850(rest, &at);
    } else {
        if (!take_name(&rest, day_names, SY_ARRAY_LEN(day_names), 3, &day_name))
            return false;
        if (take_char(&rest, ','))
            ok = take_char(&rest, ' ') && parse_imf(rest, &at);
        else
            ok = take_char(&rest, ' ') && parse_asctime(rest, &at);
    }
    return ok && to_unix_ms(&at, ret_unix_ms);
}

bool sy_duration_parse(struct sy_str text, int64_t *ret_ms)
{
    static const struct {
        struct sy_str name;
        int64_t ms;
    } units[] = {
        {SY_STR_INIT("ms"), 1},      {SY_STR_INIT("s"), 1000},     {SY_STR_INIT("m"), 60000},
        {SY_STR_INIT("h"), 3600000}, {SY_STR_INIT("d"), 86400000},
    };
    size_t digits = 0;
    int64_t count;
    int64_t ms;

    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    if (!sy_str_to_i64(sy_str_head(text, digits), &count))
        return false;
    for (size_t i = 0; i < SY_ARRAY_LEN(units); i++) {
        if (!sy_str_eq(sy_str_skip(text, digits), units[i].name))
            continue;
        if (__builtin_mul_overflow(count, units[i].ms, &ms))
            return false;
        *ret_ms = ms;
        return true;
    }
    return false;
}
