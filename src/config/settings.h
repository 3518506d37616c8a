/*
 * switchyard.yaml: every setting, typed, with the place it was set. The table of facts is
 * contract/setting.def (parser, defaults, `init`'s file and docs/settings.md come from it).
 */
#ifndef SY_CONFIG_SETTINGS_H
#define SY_CONFIG_SETTINGS_H

#include "config/yaml.h"
#include "contract/registry.h"

#define SY_NAMED_SECRETS_MAX 64

enum sy_ref_kind { SY_REF_LITERAL, SY_REF_ENV, SY_REF_FILE, SY_REF_INFISICAL };

/* A string of the configuration, or where it is to be read from. */
struct sy_ref {
    enum sy_ref_kind kind;
    struct sy_str text; /* the literal, the variable, the file, "path/key" */
    struct sy_str file; /* place of the setting, for messages */
    unsigned line, column;
    bool set;
};
/* "env:NAME", "file:PATH", "infisical:PATH/KEY", "literal:TEXT", else a bare literal. */
struct sy_ref sy_ref_parse(struct sy_str text);

struct sy_vendor_config {
    const struct sy_vendor *vendor;
    bool present;                                   /* the section exists */
    struct sy_ref settings[SY_VENDOR_SETTINGS_MAX]; /* in the order of vendor->settings */
};

enum sy_durability { SY_DURABILITY_PROCESS, SY_DURABILITY_POWER };
enum sy_ledger_failure { SY_LEDGER_REFUSE, SY_LEDGER_MARK };

struct sy_settings {
    struct sy_str file;
    struct sy_str listen;
    struct sy_str admin_listen; /* "" = off */
    unsigned threads;           /* 0 = auto */
    struct sy_str store;
    struct sy_str policies; /* file or folder, resolved against the file's folder */
    struct sy_str public_url;
    struct sy_ref tls_certificate, tls_key;
    uint64_t memory;
    const struct sy_str *egress_allow; /* CIDRs */
    size_t egress_allow_count;
    unsigned egress_connections; /* to one host, over all threads */
    enum sy_durability ledger_durability;
    enum sy_ledger_failure ledger_on_failure;
    int64_t ledger_keep_ms;
    bool ledger_payloads;
    struct {
        struct sy_str url, project, environment;
        struct sy_ref client_id, client_secret;
        bool present;
    } infisical;
    struct {
        struct sy_str name;
        struct sy_ref ref;
    } named[SY_NAMED_SECRETS_MAX];
    size_t named_count;
    struct sy_vendor_config vendors[SY_VENDORS_MAX]; /* index = vendor id */
    size_t vendor_count;
    struct {
        struct sy_ref base_url, token;
        struct sy_str repository;
    } github;
    struct sy_str log_format; /* "auto", "text", "json" */
    struct sy_str log_level;
};

/* Defaults alone (as `serve --sandbox` starts from). `vendors` are the adapters known. */
void sy_settings_default(struct sy_settings *settings, const struct sy_vendor *const *vendors,
                         size_t vendor_count);
/*
 * Reads `text` of `file` into `settings` over the defaults; all faults at once. Secrets written
 * bare are faults. SY_INVALID if any error. Slices live in `arena`. References of plain settings
 * (listen, store, policies, ...) are followed here: env:, file: and literal:, not infisical:.
 */
int sy_settings_read(struct sy_settings *settings, struct sy_str text, struct sy_str file,
                     const struct sy_vendor *const *vendors, size_t vendor_count,
                     struct sy_arena *arena, struct sy_faults *faults);
/* A commented switchyard.yaml with every setting at its default, as `init` writes it. */
void sy_settings_write_example(struct sy_buf *out);
/* The settings table as Markdown, for docs/settings.md. */
void sy_settings_write_docs(struct sy_buf *out, const struct sy_vendor *const *vendors,
                            size_t vendor_count);

#endif
