/*
 * docs/settings.md holds the table of settings as the program has it, between two marks. Without an
 * argument this compares; with --write it brings the page up to date.
 */
#include <stdio.h>
#include <string.h>

#include "config/settings.h"
#include "page.h"
#include "vendors/vendors.h"

#define PAGE_MAX (1u << 20)

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
    const struct page page = {
        .path = SY_SOURCE_DIR "/docs/settings.md",
        .begin = SY_STR("<!-- begin: made by docs_test_settings --write -->\n"),
        .end = SY_STR("<!-- end -->\n"),
    };
    struct sy_buf table;
    size_t count;
    const struct sy_vendor *const *vendors = sy_vendors(&count);
    int failed;

    if (check_example(vendors, count) != SY_OK)
        return 1;
    sy_buf_init(&table, PAGE_MAX);
    sy_settings_write_docs(&table, vendors, count);
    failed = page_hold(&page, sy_buf_str(&table), argc > 1 && strcmp(argv[1], "--write") == 0,
                       "docs_test_settings");
    sy_buf_release(&table);
    return failed;
}
