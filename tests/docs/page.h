/*
 * A page of docs/ that holds a table made by the program, between two marks.
 */
#ifndef TESTS_DOCS_PAGE_H
#define TESTS_DOCS_PAGE_H

#include <stdbool.h>

#include "base/buf.h"

struct page {
    const char *path;
    struct sy_str begin; /* the marks, each a whole line */
    struct sy_str end;
};

/*
 * 0 where `want` stands between the marks; with `write` it is put there. Otherwise 1, and standard
 * error says what to run: `program --write`.
 */
int page_hold(const struct page *page, struct sy_str want, bool write, const char *program);

#endif
