/*
 * The whole gateway put together: store, writer, ledger, engine, one loop per core, listeners.
 *
 * `serve` runs it until a signal; commands with --config run it for one request on a port of their
 * own. Everything is built here and handed down: there are no globals.
 */
#ifndef SY_CLI_GATEWAY_H
#define SY_CLI_GATEWAY_H

#include "cli/config_load.h"
#include "cli/service.h"
#include "contract/registry.h"
#include "contract/vendor.h"

/* Folders of journals beside a store: PATH.journal, PATH.journal-1, …: one a process, two while one
 * hands over. */
#define GATEWAY_JOURNALS 4
/* Name of folder `index`, which need not be there; NULL without memory. */
const char *sy_gateway_journals_name(struct sy_str store_path, unsigned index,
                                     struct sy_arena *arena);

struct sy_gateway;

struct sy_gateway_options {
    const struct sy_config *config; /* outlives the gateway */
    struct sy_str config_file;      /* read again on reload; absent: nothing to read again */
    bool sandbox;                   /* vendors are local stand-ins, loopback may be dialled */
    struct sy_str catalogue;        /* sandbox: folder with real catalogues */
    unsigned sandbox_ports[6];      /* composio, pipedream, scalekit, github, infisical, worker */
    bool one_shot;                  /* a command's own: 127.0.0.1:0, one thread, no admin port */
    bool scratch_store; /* a store of its own in a temporary folder, removed at the end */
    struct sy_inherited inherited; /* descriptors of a service manager or of the process before */
    struct sy_str local_secret;    /* accepted as a key with all scopes of tenant `default` */
};

/* Starts everything; SY_UNAVAILABLE with the holder's URL if another gateway has the store. */
int sy_gateway_start(const struct sy_gateway_options *options, struct sy_gateway **ret,
                     struct sy_err *err);
/* Finishes the calls in flight, at most `grace_ms`, then takes everything down. */
void sy_gateway_stop(struct sy_gateway *gateway, int64_t grace_ms);
/*
 * Starts the program again, which takes over listeners and store, and waits until it serves; then
 * sy_gateway_stop lets the connections go that are still here. On failure everything is as it was
 * and the new process is gone. Blocks.
 */
int sy_gateway_hand_over(struct sy_gateway *gateway, struct sy_err *err);
/* After a hand-over to this process: looks whether the one before has ended, and takes over what it
 * left. True while it still runs. */
bool sy_gateway_has_predecessor(struct sy_gateway *gateway);
/* Reads configuration and policy again; on any fault the old ones stay and `faults` says why. */
int sy_gateway_reload(struct sy_gateway *gateway, struct sy_faults *faults);
/* Reads the certificate and key again if their files have changed; a bad pair leaves the old one in
 * force and is logged. False: there is nothing to watch. Blocks. */
bool sy_gateway_watch_files(struct sy_gateway *gateway);
/* What is wrong with `settings.tls`; SY_OK and *ret_warning "" if nothing . */
int sy_gateway_check_tls(const struct sy_settings *settings, struct sy_arena *arena,
                         struct sy_str *ret_warning, struct sy_err *err);
/* Tries secrets again that could not be read; true if a vendor may have come back. Blocks. */
bool sy_gateway_retry_secrets(struct sy_gateway *gateway);

/* "http://127.0.0.1:8420" / the admin one or absent; live as long as the gateway. */
struct sy_str sy_gateway_url(const struct sy_gateway *gateway);
struct sy_str sy_gateway_admin_url(const struct sy_gateway *gateway);
/* Calls whose outcome was unknown at start. */
unsigned sy_gateway_lost(const struct sy_gateway *gateway);
size_t sy_gateway_rows(struct sy_gateway *gateway);
unsigned sy_gateway_threads(const struct sy_gateway *gateway);
/* Creates tenant `default` if it is not there and a key; the secret (shown once) lives in `arena`.
 */
int sy_gateway_make_key(struct sy_gateway *gateway, struct sy_str name, struct sy_arena *arena,
                        struct sy_str *ret_secret, struct sy_err *err);
/* Puts the sandbox's example rows into the registry. */
int sy_gateway_seed_sandbox(struct sy_gateway *gateway, struct sy_err *err);
/* How a vendor took the cheapest authenticated request; slices live in the caller's arena. */
struct sy_ping {
    struct sy_str vendor;
    bool present; /* it has what it needs to be asked */
    bool asked;   /* it knows such a request */
    bool ok;
    int64_t took_ms;
    struct sy_failure failure; /* asked and not ok */
    struct sy_str why;         /* not present: which setting is missing */
};
/* Asks every vendor, one after the other; blocks. Not from a loop's thread. */
size_t sy_gateway_ping(struct sy_gateway *gateway, struct sy_arena *arena,
                       struct sy_ping rets[SY_VENDORS_MAX]);
/* Warnings of the start (vendors without credentials, …), one a line. */
struct sy_str sy_gateway_warnings(const struct sy_gateway *gateway);

#endif
