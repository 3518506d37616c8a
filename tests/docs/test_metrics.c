/*
 * docs/operations.md holds the table of metrics as the program has it. Without an argument this
 * compares; with --write it brings the page up to date.
 */
#include <string.h>

#include "metrics/metrics.h"
#include "page.h"

#define TABLE_MAX (1u << 20)

int main(int argc, char **argv)
{
    const struct page page = {
        .path = SY_SOURCE_DIR "/docs/operations.md",
        .begin = SY_STR("<!-- begin: made by docs_test_metrics --write -->\n"),
        .end = SY_STR("<!-- end -->\n"),
    };
    struct sy_buf table;
    int failed;

    sy_buf_init(&table, TABLE_MAX);
    sy_metrics_write_docs(&table);
    failed = page_hold(&page, sy_buf_str(&table), argc > 1 && strcmp(argv[1], "--write") == 0,
                       "docs_test_metrics");
    sy_buf_release(&table);
    return failed;
}
