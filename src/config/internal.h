/* Shared by the files of config only: the table of settings and the reader of one value. */
#ifndef SY_CONFIG_INTERNAL_H
#define SY_CONFIG_INTERNAL_H

#include "config/settings.h"

enum sy_setting_kind {
    SY_KIND_TEXT,
    SY_KIND_ADDRESS,
    SY_KIND_THREADS,
    SY_KIND_STORE,
    SY_KIND_URL,
    SY_KIND_FILE,
    SY_KIND_REF,
    SY_KIND_SECRET,
    SY_KIND_SIZE,
    SY_KIND_DURATION,
    SY_KIND_CONNECTIONS,
    SY_KIND_BOOL,
    SY_KIND_CHOICE,
    SY_KIND_WORD,
    SY_KIND_CIDRS,
    SY_KIND_COUNT
};

struct sy_setting_row {
    const char *path;
    enum sy_setting_kind kind;
    size_t offset; /* into struct sy_settings */
    const char *fallback;
    const char *hint; /* CHOICE, WORD: the words; else an example */
    const char *help;
};

extern const struct sy_setting_row sy_setting_rows[];
extern const size_t sy_setting_row_count;

/* Reads one setting's value into `settings`; `arena` may be NULL for defaults. */
void sy_setting_value_read(struct sy_settings *settings, const struct sy_setting_row *row,
                           const struct sy_yaml *node, struct sy_arena *arena,
                           struct sy_faults *faults);
/* A reference, with its place. With `secret` a bare text is a fault, and is never repeated. */
bool sy_ref_read(const struct sy_yaml *node, bool secret, struct sy_faults *faults,
                 struct sy_ref *ret);
/* http or https, a host, no white space; false after a fault. Drops a trailing '/'. */
bool sy_url_read(const struct sy_yaml *node, struct sy_faults *faults, struct sy_str *url);

#endif
