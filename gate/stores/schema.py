"""The tables of the service's store: one schema for SQLite and PostgreSQL.

Times are RFC 3339 text in UTC with microseconds (`times.sortable`: text order is time order), identifiers UUIDv7, documents JSON,
larger ones compressed with zlib. The tables are made by `gate/stores/migrations`; a test compares both.

Growing only: a version's code must run on the next version's tables, so columns and tables are added, nullable
or with a default, and never renamed or removed (KUBERNETES.md 4.3, THREATS.md J12).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

import gate.stores.identity_schema  # noqa: F401 - its tables are part of METADATA
from gate.stores import columns
from gate.stores.columns import NUMBER as _NUMBER
from gate.stores.columns import needed as _needed
from gate.stores.columns import project as _project

METADATA: Final = columns.METADATA
STATE: Final = Table("store_state", METADATA, Column("name", Text, primary_key=True), _needed("value"))
"""`epoch`: of this store; another one after a restore."""

# ------------------------------------------------------------------------------ who and what is asked

PROJECTS: Final = Table(
    "projects",
    METADATA,
    Column("id", Text, primary_key=True),
    _needed("key", Text, unique=True),
    _needed("version", Integer),
    _needed("created_at"),
)
PROJECT_SETTINGS: Final = Table(
    "project_settings",
    METADATA,
    _project(primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    _needed("document"),
    _needed("sha256"),
    _needed("by"),
    _needed("at"),
)
"""Every gate.yaml a project ever had; `projects.version` names the one that holds."""
ENVIRONMENTS: Final = Table(
    "environments",
    METADATA,
    _project(primary_key=True),
    Column("name", Text, primary_key=True),
    _needed("position", Integer),
    _needed("document"),
)
TOKENS: Final = Table(
    "tokens",
    METADATA,
    Column("id", Text, primary_key=True),
    _needed("sha256"),
    _needed("name"),
    _needed("owner"),
    Column("project_id", Text, ForeignKey("projects.id")),
    _needed("role"),
    _needed("created_at"),
    _needed("created_by"),
    Column("expires_at", Text),
    Column("revoked_at", Text),
    Column("facts", Text),
    Index(None, "project_id"),
    Index(None, "expires_at"),
)
"""`project_id` is null for the whole instance. The token itself is nowhere. `facts`: of the run it was given to."""
IDEMPOTENCY: Final = Table(
    "idempotency_keys",
    METADATA,
    Column("principal", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    _needed("request_sha256"),
    _needed("status", Integer),
    Column("location", Text),
    _needed("body", LargeBinary),
    _needed("created_at"),
    Index(None, "created_at"),
)

# -------------------------------------------------------------------------- what was handed over and found

REPORTS: Final = Table(
    "reports",
    METADATA,
    Column("sha256", Text, primary_key=True),
    _needed("size", BigInteger),
    Column("content", LargeBinary),
    Column("withheld", Text),
    _needed("created_at"),
)
"""Bytes by their digest; `withheld` says why `content` is null."""
REPORT_UPLOADS: Final = Table(
    "report_uploads",
    METADATA,
    _project(primary_key=True),
    Column("sha256", Text, ForeignKey("reports.sha256"), primary_key=True),
    _needed("path"),
    Column("format", Text),
    _needed("by"),
    _needed("at"),
    Index(None, "project_id", "at", "sha256"),
)
"""Which project handed a report over: nobody else learns that it is there."""
FINDINGS: Final = Table(
    "findings",
    METADATA,
    _project(primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    _needed("kind"),
    _needed("rule"),
    _needed("title"),
    _needed("severity"),
    _needed("severity_rank", Integer),
    Column("purl", Text),
    Column("file", Text),
    _needed("document"),
    _needed("first_seen"),
    _needed("last_seen"),
    _needed("decision_id"),
    Index(None, "project_id", "last_seen", "fingerprint"),
    Index(None, "last_seen", "fingerprint"),
    Index(None, "rule", "last_seen", "fingerprint", "project_id"),
    Index(None, "kind", "last_seen", "fingerprint", "project_id"),
    Index(None, "severity", "last_seen", "fingerprint", "project_id"),
)
COMPONENTS: Final = Table(
    "components",
    METADATA,
    _project(primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("identity", Text, primary_key=True),
    Column("purl", Text),
    _needed("name"),
    Column("version", Text),
    Column("license", Text),
    _needed("first_seen"),
    _needed("last_seen"),
    _needed("decision_id"),
    Index(None, "name", "project_id"),
    Index(None, "purl"),
    Index(None, "last_seen", "project_id", "subject", "identity"),
)

# ----------------------------------------------------------------------------------- what was decided

WRITERS: Final = Table(
    "writers", METADATA, Column("id", Text, primary_key=True), _needed("host"), _needed("started_at")
)
"""One process that wrote; each has one chain."""
ANCHORS: Final = Table(
    "anchors",
    METADATA,
    Column("writer", Text, primary_key=True),
    Column("chain", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    _needed("digest"),
    _needed("at"),
)
"""What `writer` saw at the end of every `chain` when it began: an end that is cut off later shows."""
DECISIONS: Final = Table(
    "decisions",
    METADATA,
    Column("id", Text, primary_key=True),
    _project(),
    _needed("writer", Text, ForeignKey("writers.id")),
    _needed("sequence", BigInteger),
    Column("previous", Text),
    _needed("digest"),
    Column("environment", Text),
    _needed("outcome"),
    _needed("subject_type"),
    _needed("subject_name"),
    Column("subject_digest", Text),
    Column("branch", Text),
    Column("commit", Text),
    _needed("decided_at"),
    Column("expires_at", Text),
    _needed("policy_revision"),
    _needed("input_sha256"),
    _needed("by"),
    _needed("settings_version", Integer),
    Column("revoked_at", Text),
    UniqueConstraint("writer", "sequence"),
    Index(None, "project_id", "id"),
    Index(None, "subject_digest", "environment", "project_id", "id"),
    Index(None, "outcome", "id"),
    Index(None, "environment", "id"),
    Index(None, "branch", "id"),
    Index(None, "project_id", "outcome", "id"),
    Index(None, "project_id", "environment", "id"),
    Index(None, "project_id", "branch", "id"),
)
DECISION_DOCUMENTS: Final = Table(
    "decision_documents",
    METADATA,
    Column("decision_id", Text, ForeignKey("decisions.id"), primary_key=True),
    _needed("line", LargeBinary),
    Column("input", LargeBinary),
    _needed("is_masked", Boolean, server_default=false()),
    Column("view", LargeBinary),
    Column("asked", LargeBinary),
)
"""`line` of the record, `input` v1 (null where retention dropped it), `view`: what outputs show beside it.

`asked`: how it was asked and what stood then (gate/service/evidence.py), for making it again."""
DECISION_REPORTS: Final = Table(
    "decision_reports",
    METADATA,
    Column("decision_id", Text, ForeignKey("decisions.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _needed("sha256"),
)
DECISION_ORIGINS: Final = Table(
    "decision_origins",
    METADATA,
    Column("decision_id", Text, ForeignKey("decisions.id"), primary_key=True),
    _needed("document"),
)
"""The run that asked, as its CI system vouched for it, and what it claimed otherwise."""
DECISION_WAIVERS: Final = Table(
    "decision_waivers",
    METADATA,
    _project(primary_key=True),
    Column("waiver", Text, primary_key=True),
    Column("decision_id", Text, ForeignKey("decisions.id"), primary_key=True),
)
"""Which decisions rest on a waiver: what is looked at again when it is revoked."""
BUNDLES: Final = Table(
    "bundles",
    METADATA,
    Column("revision", Text, primary_key=True),
    _needed("content", LargeBinary),
    _needed("rules", LargeBinary),
    _needed("created_at"),
)
RELEASES: Final = Table(
    "releases",
    METADATA,
    Column("id", Text, primary_key=True),
    _project(),
    _needed("environment"),
    _needed("subject_digest"),
    _needed("decision_id", Text, ForeignKey("decisions.id")),
    _needed("at"),
    Index(None, "project_id", "environment", "id"),
)
"""What passed into an environment, newest last: its baseline."""
WAIVERS: Final = Table(
    "waivers",
    METADATA,
    Column("id", Text, primary_key=True),
    _project(),
    _needed("name"),
    _needed("state"),
    _needed("version", Integer),
    _needed("document"),
    _needed("sha256"),
    _needed("requested_by"),
    Column("approved_by", Text),
    _needed("created_at"),
    _needed("updated_at"),
    _needed("expires_at"),
    Column("approved_sha256", Text),
    Column("reminded_at", Text),
    UniqueConstraint("project_id", "name"),
    Index(None, "state", "expires_at"),
)
"""`document`: an entry of the waiver file without `id`, `requested_by` and `approved_by`.

`sha256` is over all of them but the last; it acts only while `approved_sha256` is the same (THREATS.md F10)."""
APPROVALS: Final = Table(
    "approvals",
    METADATA,
    Column("id", Text, primary_key=True),
    _project(),
    _needed("environment"),
    _needed("digest"),
    Column("decision_id", Text, ForeignKey("decisions.id")),
    _needed("state"),
    Column("requested_by", Text),
    Column("by", Text),
    _needed("groups", Text, server_default=text("'[]'")),
    Column("note", Text),
    _needed("created_at"),
    Column("at", Text),
    Column("expires_at", Text),
    Column("request_id", Text),
    Index(None, "project_id", "environment", "digest"),
    Index(None, "state", "id"),
)
"""A request, or (`request_id`) one person's answer to it. Only answers have `by` and `at`."""

# --------------------------------------------------------------------------- what happened, what is to do

EVENTS: Final = Table(
    "events",
    METADATA,
    Column("sequence", _NUMBER, primary_key=True),
    _needed("at"),
    Column("project_id", Text, ForeignKey("projects.id")),
    _needed("by"),
    _needed("action"),
    _needed("target"),
    _needed("document"),
    Column("delivered_at", Text),
    Index(None, "project_id", "sequence"),
    sqlite_autoincrement=True,
)
"""Everything that was changed, and by whom; also what a notifier still has to tell (`delivered_at`)."""
JOBS: Final = Table(
    "jobs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("project_id", Text, ForeignKey("projects.id")),
    _needed("kind"),
    _needed("state"),
    _needed("document"),
    Column("result", Text),
    _needed("attempts", Integer, server_default=text("0")),
    _needed("by"),
    _needed("created_at"),
    _needed("run_at"),
    Column("locked_by", Text),
    Column("locked_until", Text),
    Column("finished_at", Text),
    Index(None, "state", "run_at"),
)
CHANGES: Final = Table(
    "changes",
    METADATA,
    Column("sequence", _NUMBER, primary_key=True),
    _needed("at"),
    _needed("document"),
    sqlite_autoincrement=True,
)
"""The feed of docs/adr/0006: `document` is a change of gate/feed.py without `sequence` and `at`."""
ADMISSIONS: Final = Table(
    "admissions",
    METADATA,
    Column("project", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    _needed("first_at"),
)
ADMISSION_RECORDS: Final = Table(
    "admission_records",
    METADATA,
    Column("record_id", Text, primary_key=True),
    _needed("writer"),
    _needed("outcome"),
    _needed("first_at"),
    _needed("last_at"),
    _needed("count", BigInteger),
    Column("namespace", Text),
    Column("environment", Text),
    Column("project", Text),
    _needed("policy_revision"),
    _needed("digests"),
    Column("decision", LargeBinary),
    Index(None, "last_at"),
)
