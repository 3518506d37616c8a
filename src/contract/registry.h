/*
 * The registry as plain data: what the store keeps and the snapshot is built from.
 *
 * All slices live as long as the arena or snapshot the struct came from. Vendors are known by name
 * here, so that a row may name a vendor whose adapter is absent.
 */
#ifndef SY_CONTRACT_REGISTRY_H
#define SY_CONTRACT_REGISTRY_H

#include "base/err.h"
#include "contract/vendor.h"

#define SY_NAME_MAX 128 /* bytes of a toolkit or tool name */

enum sy_row_state {
#define SY_ROW_STATE(id, name, routes, meaning) SY_ROW_##id,
#include "contract/row_state.def"
#undef SY_ROW_STATE
    SY_ROW_STATE_COUNT
};
const char *sy_row_state_name(enum sy_row_state state);
/* Any case; '-' and '_' alike. */
bool sy_row_state_from_name(struct sy_str name, enum sy_row_state *ret_state);
bool sy_row_state_routes(enum sy_row_state state);

enum sy_criticality { SY_CRITICALITY_LOW, SY_CRITICALITY_MEDIUM, SY_CRITICALITY_HIGH };
const char *sy_criticality_name(enum sy_criticality criticality);
bool sy_criticality_from_name(struct sy_str name, enum sy_criticality *ret);

/* One key and value kept beside a row: extra Markdown columns, mcp_server per tenant. */
struct sy_pair {
    struct sy_str name;
    struct sy_str value;
};

/* A route: one toolkit at one vendor. Key: (toolkit, vendor). */
struct sy_row {
    struct sy_str toolkit; /* canonical: lower case, as first written */
    struct sy_str vendor;  /* "composio", "scalekit", "pipedream", "worker", "pending", "session" */
    struct sy_str vendor_slug; /* defaults to toolkit */
    enum sy_row_state state;
    bool has_rank;
    int64_t rank; /* lower first */
    struct sy_str tool_prefix;
    struct sy_str connection;     /* Scalekit */
    struct sy_str auth_config_id; /* Composio */
    struct sy_str oauth_app_id;   /* Pipedream */
    struct sy_str version;        /* default "latest" */
    bool auth_none;
    struct sy_str endpoint; /* worker */
    struct sy_str secret;   /* worker: a name declared in secrets.named */
    struct sy_str adr;
    struct sy_str owner;
    struct sy_str issue_url;
    int64_t requested_at_ms;
    int64_t due_at_ms;
    struct sy_str awaited; /* PENDING-NATIVE: the vendor waited for, or absent */
    struct sy_str notes;
    const struct sy_pair *mcp_servers; /* name = tenant */
    size_t mcp_server_count;
    const struct sy_pair *extra; /* unknown Markdown columns, kept */
    size_t extra_count;
    int64_t version_number; /* row version: grows with each change of the toolkit */
    int64_t changed_at_ms;
    int64_t expires_at_ms; /* DISCOVERED: when the probe's memory ends; 0: never */
};

/* What belongs to the toolkit, not to a row. */
struct sy_toolkit_facts {
    struct sy_str toolkit;
    const struct sy_str *aliases;
    size_t alias_count;
    bool has_criticality;
    enum sy_criticality criticality;
};

enum sy_match { SY_MATCH_EXACT, SY_MATCH_REVIEWED, SY_MATCH_CANDIDATE };
const char *sy_match_name(enum sy_match match);
bool sy_match_from_name(struct sy_str name, enum sy_match *ret);

/* How one canonical tool is called at one vendor. Key: (tool, vendor). */
struct sy_tool_map {
    struct sy_str tool; /* canonical name, lower case */
    struct sy_str toolkit;
    struct sy_str vendor;
    struct sy_str vendor_tool; /* exact */
    enum sy_match match;
    enum sy_effect effect;         /* UNKNOWN: not stated */
    const struct sy_pair *renames; /* canonical argument -> vendor's argument */
    size_t rename_count;
    const struct sy_str *aliases; /* further names of the canonical tool */
    size_t alias_count;
};

struct sy_tenant {
    struct sy_str name;
    const struct sy_pair *labels;
    size_t label_count;
    bool disabled;
};

enum sy_scope {
    SY_SCOPE_CALL = 1,
    SY_SCOPE_CONNECT = 2,
    SY_SCOPE_REGISTRY = 4,
    SY_SCOPE_ADMIN = 8
};
/* "call,connect" -> mask; false on an unknown name or an empty list. */
bool sy_scopes_parse(struct sy_str list, unsigned *ret_scopes);
/* Appends "call,connect". */
void sy_scopes_write(struct sy_buf *out, unsigned scopes);

struct sy_key {
    struct sy_str id;       /* key_… */
    unsigned char hash[32]; /* SHA-256 of the secret (256 random bits, so no salt is needed) */
    struct sy_str tenant;
    unsigned scopes;
    struct sy_str environment; /* "production" or "development" */
    struct sy_str name;
    int64_t created_at_ms;
    int64_t revoked_at_ms; /* 0: valid */
};

/* Everything the snapshot is built from. Rows of one toolkit stand together. */
struct sy_registry {
    int64_t version; /* grows with each change */
    const struct sy_row *rows;
    size_t row_count;
    const struct sy_toolkit_facts *toolkits;
    size_t toolkit_count;
    const struct sy_tool_map *maps;
    size_t map_count;
    const struct sy_tenant *tenants;
    size_t tenant_count;
    const struct sy_key *keys;
    size_t key_count;
    const struct sy_str *quarantined; /* vendor names */
    size_t quarantined_count;
};

/* What has changed in a registry since some version of it. */
struct sy_registry_changes {
    const struct sy_str *toolkits; /* whose rows or facts may be others now, each once */
    size_t toolkit_count;
    const struct sy_str *families; /* toolkits whose map rows may be others now, each once */
    size_t family_count;
    /* All rows and facts of `toolkits` and all maps of `families` as they are now; tenants, keys,
     * quarantine and the version are the registry's, whole. */
    struct sy_registry now;
};

/* Drops case, '-', '_' and spaces: how toolkit and tool names are compared. out: at least
 * name.len bytes; returns the used part of it. */
struct sy_str sy_name_normalise(struct sy_str name, char *out);
/* 1..128 bytes of [A-Za-z0-9_.-], no leading or trailing '.' or '-'. */
bool sy_name_is_valid(struct sy_str name);
/* [a-z0-9][a-z0-9-]{0,31} */
bool sy_tenant_name_is_valid(struct sy_str name);
/* 1..200 bytes of UTF-8, no control characters, no comma. */
bool sy_user_id_is_valid(struct sy_str user);

#endif
