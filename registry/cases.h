/*
 * What the backends share about cases.
 */
#ifndef SY_REGISTRY_CASES_H
#define SY_REGISTRY_CASES_H

#include "contract/store.h"

#define SY_CASE_ID_SIZE 31u /* "case_" and a ULID */
#define SY_CASE_TENANTS_MAX 1000u
#define SY_CASES_MAX 1000u /* rows of one listing */
#define SY_DAY_MS (24 * 3600 * INT64_C(1000))

/* A new id into out (SY_CASE_ID_SIZE bytes). */
struct sy_str sy_case_id(int64_t at_ms, char *out);
int sy_case_denied(const struct sy_case_bump *bump, struct sy_err *err);
/* Start of the UTC day of a time. */
int64_t sy_day_start(int64_t at_ms);

#endif
