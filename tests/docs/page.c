#include "page.h"

#include <stdio.h>

#define PAGE_MAX (1u << 20)

static int read_page(const char *path, struct sy_buf *text)
{
    FILE *file = fopen(path, "rb");
    char *to = sy_buf_reserve(text, PAGE_MAX);
    bool failed;

    if (!file)
        return -1;
    if (to)
        sy_buf_grown(text, fread(to, 1, PAGE_MAX, file));
    failed = !to || ferror(file) || !feof(file);
    return fclose(file) != 0 || failed ? -1 : 0;
}

static int write_page(const char *path, struct sy_str before, struct sy_str table,
                      struct sy_str after)
{
    FILE *file = fopen(path, "wb");

    if (!file)
        return -1;
    fprintf(file, "%.*s%.*s%.*s", SY_FMT(before), SY_FMT(table), SY_FMT(after));
    return fclose(file);
}

int page_hold(const struct page *page, struct sy_str want, bool write, const char *program)
{
    struct sy_buf buf;
    struct sy_str text;
    size_t begin, end;
    int failed = 1;

    sy_buf_init(&buf, 2 * PAGE_MAX);
    if (read_page(page->path, &buf) != 0) {
        fprintf(stderr, "%s cannot be read\n", page->path);
        goto out;
    }
    text = sy_buf_str(&buf);
    begin = sy_str_find(text, page->begin) + page->begin.len;
    end = sy_str_find(text, page->end);
    if (begin < page->begin.len || end == (size_t)-1 || begin > end) {
        fprintf(stderr, "%s lacks its marks\n", page->path);
        goto out;
    }
    if (sy_str_eq(sy_str_from(text.ptr + begin, end - begin), want))
        failed = 0;
    else if (write)
        failed =
            write_page(page->path, sy_str_head(text, begin), want, sy_str_skip(text, end)) != 0;
    else
        fprintf(stderr, "%s is out of date: run %s --write\n", page->path, program);
out:
    sy_buf_release(&buf);
    return failed;
}
