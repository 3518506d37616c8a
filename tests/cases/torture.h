/*
 * Making one of the adapter's allocations fail: malloc, calloc and realloc of the whole program go
 * through here (the linker's --wrap), and fail where they are told to between `begin` and `end`.
 */
#ifndef SY_TESTS_CASES_TORTURE_H
#define SY_TESTS_CASES_TORTURE_H

#include <stdbool.h>

/* The nth allocation from now on fails, alone or with all that follow it; 0: none. */
void torture_arm(unsigned nth, bool for_good);
void torture_begin(void);
void torture_end(void);
/* Whether the armed allocation was reached. */
bool torture_struck(void);

#endif
