#include <string.h>

#include "http/response.h"

#define DAY_S 86400
#define YEAR_9999_END_S INT64_C(253402300799)

static void put_number(char *out, unsigned value, unsigned digits)
{
    while (digits--) {
        out[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* Civil date of a day counted from 1970-01-01 (days are grouped in eras of 400 years). */
static void civil(int64_t day, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    unsigned since = (unsigned)(day + 719468); /* 0000-03-01; never negative from 1970 on */
    unsigned era = since / 146097;
    unsigned of_era = since % 146097;
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * of_year + 2) / 153; /* March is 0 */

    *ret_day = of_year - (153 * month + 2) / 5 + 1;
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = year + era * 400 + (*ret_month <= 2);
}

struct sy_str sy_http_date(int64_t unix_ms, char out[32])
{
    static const char days[] = "ThuFriSatSunMonTueWed";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t seconds = unix_ms < 0 ? 0 : unix_ms / 1000;
    unsigned of_day;
    unsigned year;
    unsigned month;
    unsigned day;

    if (seconds > YEAR_9999_END_S)
        seconds = YEAR_9999_END_S;
    of_day = (unsigned)(seconds % DAY_S);
    civil(seconds / DAY_S, &year, &month, &day);
    memcpy(out, "Thu, 00 Jan 0000 00:00:00 GMT", 30);
    memcpy(out, days + 3 * (seconds / DAY_S % 7), 3);
    put_number(out + 5, day, 2);
    memcpy(out + 8, months + 3 * (month - 1), 3);
    put_number(out + 12, year, 4);
    put_number(out + 17, of_day / 3600, 2);
    put_number(out + 20, of_day / 60 % 60, 2);
    put_number(out + 23, of_day % 60, 2);
    return sy_str_from(out, 29);
}
