-- The first schema: registry, tenants and keys, cases, ledger, idempotency answers.
-- One file is one migration and runs in one transaction with its PRAGMA user_version.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('registry_version', 0);

CREATE TABLE toolkits (
    toolkit     TEXT PRIMARY KEY,
    version     INTEGER NOT NULL,
    criticality INTEGER CHECK (criticality BETWEEN 0 AND 2),
    aliases     TEXT             -- JSON array of names
) STRICT, WITHOUT ROWID;

-- Every spelling that finds a toolkit, without case, '-', '_' and spaces: one owner each.
CREATE TABLE names (
    normalised TEXT PRIMARY KEY,
    toolkit    TEXT NOT NULL REFERENCES toolkits (toolkit) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX names_by_toolkit ON names (toolkit);

CREATE TABLE rows (
    toolkit        TEXT NOT NULL REFERENCES toolkits (toolkit) ON DELETE CASCADE,
    vendor         TEXT NOT NULL,
    vendor_slug    TEXT NOT NULL,
    state          INTEGER NOT NULL,
    rank           INTEGER,
    auth_none      INTEGER NOT NULL CHECK (auth_none IN (0, 1)),
    tool_prefix    TEXT,
    connection     TEXT,
    auth_config_id TEXT,
    oauth_app_id   TEXT,
    version        TEXT,
    endpoint       TEXT,
    secret         TEXT,
    adr            TEXT,
    owner          TEXT,
    issue_url      TEXT,
    awaited        TEXT,
    notes          TEXT,
    requested_at   INTEGER NOT NULL,
    due_at         INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    changed_at     INTEGER NOT NULL,
    mcp_servers    TEXT,             -- JSON object: tenant to server name
    extra          TEXT,             -- JSON object: further columns
    PRIMARY KEY (toolkit, vendor)
) STRICT, WITHOUT ROWID;

CREATE TABLE tool_maps (
    tool        TEXT NOT NULL,
    vendor      TEXT NOT NULL,
    toolkit     TEXT NOT NULL,
    vendor_tool TEXT NOT NULL,
    match       INTEGER NOT NULL CHECK (match BETWEEN 0 AND 2),
    effect      INTEGER NOT NULL CHECK (effect BETWEEN 0 AND 3),
    renames     TEXT,                -- JSON object: our argument to the vendor's
    aliases     TEXT,                -- JSON array of names
    PRIMARY KEY (tool, vendor)
) STRICT, WITHOUT ROWID;

CREATE TABLE history (
    id      INTEGER PRIMARY KEY,
    toolkit TEXT NOT NULL,
    version INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    actor   TEXT NOT NULL,
    reason  TEXT,
    before  TEXT,                    -- JSON; NULL: was not there
    after   TEXT                     -- JSON; NULL: is gone
) STRICT;
CREATE INDEX history_by_toolkit ON history (toolkit, id);

CREATE TABLE tenants (
    name     TEXT PRIMARY KEY,
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    labels   TEXT                    -- JSON object
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    id          TEXT PRIMARY KEY,
    hash        BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    tenant      TEXT NOT NULL REFERENCES tenants (name),
    scopes      INTEGER NOT NULL,
    environment TEXT NOT NULL,
    name        TEXT,
    created_at  INTEGER NOT NULL,
    revoked_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
    vendor TEXT PRIMARY KEY,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    at     INTEGER NOT NULL,
    actor  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cases (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    normalised TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('open', 'closed')),
    resolution TEXT,
    opened_by  TEXT NOT NULL,
    opened_at  INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    closed_at  INTEGER NOT NULL,
    calls      INTEGER NOT NULL,
    last_tool  TEXT
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX cases_open ON cases (normalised) WHERE state = 'open';
CREATE INDEX cases_by_name ON cases (normalised, opened_at);
CREATE INDEX cases_by_opener ON cases (opened_by, opened_at);
CREATE INDEX cases_by_demand ON cases (calls DESC, last_seen DESC, id DESC);

CREATE TABLE case_tenants (
    case_id TEXT NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    tenant  TEXT NOT NULL,
    calls   INTEGER NOT NULL,
    PRIMARY KEY (case_id, tenant)
) STRICT, WITHOUT ROWID;

-- Up to 1,000 encoded rows each; `filter` is a Bloom filter over ids and tenants.
CREATE TABLE ledger_blocks (
    id     INTEGER PRIMARY KEY,
    min_id TEXT NOT NULL,
    max_id TEXT NOT NULL,
    min_at INTEGER NOT NULL,
    max_at INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    bytes  INTEGER NOT NULL,
    filter BLOB NOT NULL,
    rows   BLOB NOT NULL
) STRICT;
CREATE INDEX ledger_by_max_id ON ledger_blocks (max_id);
CREATE INDEX ledger_by_max_at ON ledger_blocks (max_at);

CREATE TABLE drained (
    journal    INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL,
    sequence   INTEGER NOT NULL
) STRICT;

CREATE TABLE idempotency (
    id         INTEGER PRIMARY KEY,
    tenant     TEXT NOT NULL,
    key_hash   BLOB NOT NULL CHECK (length(key_hash) = 32),
    body_hash  BLOB NOT NULL CHECK (length(body_hash) = 32),
    call_id    TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    unknown    INTEGER NOT NULL CHECK (unknown IN (0, 1)),
    status     INTEGER NOT NULL,
    answer     BLOB,
    UNIQUE (tenant, key_hash)
) STRICT;
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);
