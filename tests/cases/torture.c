#include "torture.h"

#include <stddef.h>

static struct {
    unsigned nth;
    unsigned count;
    bool for_good;
    bool counting;
} torture;

void torture_arm(unsigned nth, bool for_good)
{
    torture.nth = nth;
    torture.count = 0;
    torture.for_good = for_good;
}

void torture_begin(void)
{
    torture.counting = torture.nth > 0;
}

void torture_end(void)
{
    torture.counting = false;
}

bool torture_struck(void)
{
    return torture.nth > 0 && torture.count >= torture.nth;
}

static bool fails(void)
{
    if (!torture.counting)
        return false;
    torture.count++;
    return torture.for_good ? torture.count >= torture.nth : torture.count == torture.nth;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return fails() ? NULL : __real_realloc(ptr, size);
}
