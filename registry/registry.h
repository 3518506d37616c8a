/*
 * Opening stores, and the registry's forms on paper: YAML, JSON and Markdown.
 */
#ifndef SY_REGISTRY_REGISTRY_H
#define SY_REGISTRY_REGISTRY_H

#include "base/json.h"
#include "contract/store.h"

/*
 * Opens "sqlite:PATH" or "memory:". A new store gets the schema and, with `seed`, the seed rows
 * and tool maps. Holds the store's lock file for its life when `exclusive`; then SY_UNAVAILABLE
 * with the holder's note (its URL) in the text if another process has it.
 */
struct sy_store_options {
    struct sy_str url;
    bool exclusive;
    bool read_only;
    bool seed;
    int lock_fd; /* exclusive: handed over by the process that holds the store, which goes on using
                    it for a while; then the schema must be up to date. 0: none */
    struct sy_str holder_note; /* written into the lock file, e.g. "http://127.0.0.1:8420" */
};
int sy_store_open(const struct sy_store_options *options, struct sy_store **ret_store,
                  struct sy_err *err);

/*
 * Compiled-in YAML: the rows a new store starts with, and the sandbox's, in which the text
 * "{worker_url}" stands for the URL of its worker (replace it before reading).
 */
struct sy_str sy_registry_seed_text(void);
struct sy_str sy_registry_sandbox_text(void);

/* One parsed import: changes that bring a registry to what the document says. */
struct sy_import {
    struct sy_change *changes;
    size_t change_count;
    size_t rows;
    size_t maps;
};
enum sy_registry_format { SY_FORMAT_YAML, SY_FORMAT_JSON, SY_FORMAT_MARKDOWN };
bool sy_registry_format_from_name(struct sy_str name, enum sy_registry_format *ret);

/*
 * Reads a whole document (64 MiB at most). Toolkits and tool maps that it does not name stay as
 * they are. All faults at once: SY_INVALID, and `faults` holds one
 * "name:line:column: what" a line. Checks rows by the
 * rules of sy_row_check.
 */
int sy_registry_read(struct sy_str text, struct sy_str name, enum sy_registry_format format,
                     struct sy_arena *arena, struct sy_import *ret, struct sy_buf *faults);
/*
 * A toolkit's rows from a request body: a JSON array of rows. `faults` is a writer inside an open
 * array: each fault becomes an object {pointer, detail} in it.
 */
int sy_rows_from_json(struct sy_str body, struct sy_str toolkit, struct sy_arena *arena,
                      struct sy_row **ret_rows, size_t *ret_count,
                      struct sy_toolkit_facts *ret_facts, struct sy_json_writer *faults);
void sy_registry_write(struct sy_buf *out, const struct sy_registry *registry,
                       enum sy_registry_format format);
void sy_row_write_json(struct sy_json_writer *w, const struct sy_row *row,
                       const struct sy_toolkit_facts *facts);

/*
 * Whether a row can stand: known vendor and state, valid names, worker rows name endpoint and
 * secret (whether they need an adr is policy's word), PENDING-NATIVE rows have issue and dates, no
 * env: or file: references, URLs well-formed. The text begins with the field's name.
 */
int sy_row_check(const struct sy_row *row, struct sy_err *err);

#endif
