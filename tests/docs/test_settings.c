/*
 * docs/settings.md holds the table of settings as the program has it, between two marks. Without an
 * argument this compares; with --write it brings the page up to date.
 */
#include <stdio.h>
#include <string.h>

#include "config/settings.h"
#include "vendors/vendors.h"

#define PAGE SY_SOURCE_DIR "/docs/settings.md"
#define PAGE_MAX (1u << 20)

static const struct sy_str BEGIN =
    SY_STR_INIT("<!-- begin: made by docs_test_settings --write -->\n");
static const struct sy_str END = SY_STR_INIT("<!-- end -->\n");

static int read_page(struct sy_buf *page)
{
    FILE *file = fopen(PAGE, "rb");
    char *to = sy_buf_reserve(page, PAGE_MAX);
    if (!file || !to)
        return -1;
    sy_buf_grown(page, fread(to, 1, PAGE_MAX, file));
    return fclose(file);
}

static int write_page(struct sy_str before, struct sy_str table, struct sy_str after)
{
    FILE *file = fopen(PAGE, "wb");
    if (!file)
        return -1;
    fprintf(file, "%.*s%.*s%.*s", SY_FMT(before), SY_FMT(table), SY_FMT(after));
    return fclose(file);
}

/* The file that `init` writes has to fit the adapters as they are. */
static int check_example(const struct sy_vendor *const *vendors, size_t count)
{
    struct sy_settings settings;
    struct sy_faults faults;
    struct sy_arena arena;
    struct sy_buf text;
    int status;

    sy_arena_init(&arena, PAGE_MAX);
    sy_faults_init(&faults);
    sy_buf_init(&text, PAGE_MAX);
    sy_settings_write_example(&text);
    status = sy_settings_read(&settings, sy_buf_str(&text), SY_STR("switchyard.yaml"), vendors,
                              count, &arena, &faults);
    if (status != SY_OK || faults.warnings > 0)
        fprintf(stderr, "the example: %.*s", SY_FMT(sy_buf_str(&faults.text)));
    if (faults.warnings > 0)
        status = SY_INVALID;
    sy_buf_release(&text);
    sy_faults_release(&faults);
    sy_arena_release(&arena);
    return status;
}

int main(int argc, char **argv)
{
    struct sy_buf page, want;
    size_t begin, end, count;
    const struct sy_vendor *const *vendors = sy_vendors(&count);
    int failed = 1;

    if (check_example(vendors, count) != SY_OK)
        return 1;

    sy_buf_init(&page, 2 * PAGE_MAX);
    sy_buf_init(&want, PAGE_MAX);
    sy_settings_write_docs(&want, vendors, count);
    if (read_page(&page) != 0) {
        fprintf(stderr, "%s cannot be read\n", PAGE);
        goto out;
    }
    begin = sy_str_find(sy_buf_str(&page), BEGIN) + BEGIN.len;
    end = sy_str_find(sy_buf_str(&page), END);
    if (begin < BEGIN.len || end == (size_t)-1 || begin > end) {
        fprintf(stderr, "%s lacks its marks\n", PAGE);
        goto out;
    }
    if (sy_str_eq(sy_str_from(page.ptr + begin, end - begin), sy_buf_str(&want)))
        failed = 0;
    else if (argc > 1 && strcmp(argv[1], "--write") == 0)
        failed = write_page(sy_str_head(sy_buf_str(&page), begin), sy_buf_str(&want),
                            sy_str_skip(sy_buf_str(&page), end)) != 0;
    else
        fprintf(stderr, "%s is out of date: run docs_test_settings --write\n", PAGE);
out:
    sy_buf_release(&page);
    sy_buf_release(&want);
    return failed;
}
