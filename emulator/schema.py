"""The tables, and the marks in the file's header by which the emulator recognises its own files."""

from __future__ import annotations

APPLICATION_ID = 0x4F544346  # "OTCF" in the SQLite header: a file of the emulator
VERSION = 6  # of the tables: a file of any other version is refused, so raise it with every change below

# A flow log is two things: facts that never change (flow_log) and a history of the rest (flow_log_version), of which
# the newest version that is already valid counts. What will happen is written when it is accepted, so nothing has to
# run for a state to change, and a killed process forgets nothing.
#
# A secret key is kept as it is, unlike a password: checking an HMAC takes the secret itself, not a hash of it. A key
# with a security token is temporary. The policy of a user is JSON, and in place of the role.
# Records are not stored: `emulator.delivery` computes them from the versions of flow logs.
# A user with a trusted domain is an agency: its users act as it, and it has no password. A token without a project is
# for the domain.
TABLES = """
CREATE TABLE note (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE domain (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE) WITHOUT ROWID;
CREATE TABLE project (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    domain_id TEXT NOT NULL REFERENCES domain, UNIQUE (domain_id, name)
);
CREATE TABLE user (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,
    domain_id TEXT NOT NULL REFERENCES domain, password_salt BLOB, password_hash BLOB,
    role TEXT NOT NULL, policy TEXT, passcode TEXT, trusted_domain_id TEXT REFERENCES domain
);
CREATE TABLE token (
    digest BLOB PRIMARY KEY, user_id TEXT NOT NULL, project_id TEXT,
    issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE access_key (
    access_key TEXT PRIMARY KEY, user_id TEXT NOT NULL, secret_key TEXT NOT NULL, security_token TEXT,
    expires_at INTEGER
) WITHOUT ROWID;

CREATE TABLE router (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
    state TEXT NOT NULL, asn INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE router_share (
    er_id TEXT NOT NULL REFERENCES router, project_id TEXT NOT NULL, PRIMARY KEY (er_id, project_id)
) WITHOUT ROWID;
CREATE TABLE attachment (
    id TEXT PRIMARY KEY, er_id TEXT NOT NULL REFERENCES router, name TEXT NOT NULL, description TEXT NOT NULL,
    state TEXT NOT NULL, resource_type TEXT NOT NULL, resource_id TEXT NOT NULL, tags TEXT NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, removed_at INTEGER, is_quiet INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX attachment_of_router ON attachment (er_id);
CREATE TABLE quota (
    project_id TEXT NOT NULL, quota_key TEXT NOT NULL, quota_limit INTEGER NOT NULL,
    PRIMARY KEY (project_id, quota_key)
) WITHOUT ROWID;

CREATE TABLE log_group (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, project_id TEXT NOT NULL, name TEXT NOT NULL,
    ttl_in_days INTEGER NOT NULL, tags TEXT NOT NULL, created_at INTEGER NOT NULL, UNIQUE (project_id, name)
);
CREATE TABLE log_stream (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, log_group_id TEXT NOT NULL, name TEXT NOT NULL,
    ttl_in_days INTEGER, tags TEXT NOT NULL, created_at INTEGER NOT NULL, UNIQUE (log_group_id, name)
);

CREATE TABLE flow_log (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL, er_id TEXT NOT NULL, resource_id TEXT NOT NULL,
    log_group_id TEXT NOT NULL, log_stream_id TEXT NOT NULL, created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX flow_log_of_project ON flow_log (project_id, er_id);
CREATE INDEX flow_log_of_router ON flow_log (er_id);
CREATE INDEX flow_log_of_target ON flow_log (resource_id, log_group_id, log_stream_id);
CREATE TABLE flow_log_version (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, flow_log_id TEXT NOT NULL REFERENCES flow_log,
    valid_from INTEGER NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, state TEXT NOT NULL,
    enabled INTEGER NOT NULL
);
CREATE INDEX flow_log_version_in_time ON flow_log_version (flow_log_id, valid_from, sequence);
CREATE INDEX flow_log_deletion ON flow_log_version (flow_log_id, valid_from) WHERE state = 'deleted';
CREATE INDEX flow_log_of_stream ON flow_log (log_stream_id);
CREATE TABLE delivery_fault (
    flow_log_id TEXT PRIMARY KEY REFERENCES flow_log, stops_at INTEGER, delay INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE client_token (
    project_id TEXT NOT NULL, er_id TEXT NOT NULL, token TEXT NOT NULL, fingerprint BLOB NOT NULL,
    flow_log_id TEXT NOT NULL, PRIMARY KEY (project_id, er_id, token)
) WITHOUT ROWID;
"""
