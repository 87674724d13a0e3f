"""What admission is told of the store: changes in one order, each whole by itself.

The store writes a change in the transaction of what it tells of; admission's read model applies
them. A reader that has applied every change up to `last` knows what the store knew at `as_of`, and
nothing newer. Applying a change twice is harmless. Nothing here reads, writes or decides.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gate.scales import Outcome


class _Change(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """One thing that became different; `sequence` rises, with gaps, and is never used again."""

    sequence: int
    at: str
    """RFC 3339 UTC, by the store's clock."""


class Decided(_Change, frozen=True, kw_only=True, tag="decided"):
    """The newest decision about a digest in an environment; it replaces the one before it."""

    project: str
    environment: str
    digest: str
    """`sha256:` + 64 lowercase hex."""
    decision_id: str
    outcome: Outcome
    decided_at: str
    expires_at: str | None
    policy_revision: str
    revoked_at: str | None = None
    """Set where somebody took the decision back; it then counts for nothing, whatever its outcome."""


class Aliased(_Change, frozen=True, kw_only=True, tag="aliased"):
    """Digests of one image: the index and the manifests of its platforms. A decision about one is about all."""

    digests: tuple[str, ...]


class Admitted(_Change, frozen=True, kw_only=True, tag="admitted"):
    """A review that was no dry run was wholly allowed with this digest in this environment."""

    project: str
    environment: str
    digest: str


class Waived(_Change, frozen=True, kw_only=True, tag="waived"):
    """A waiver that acts on objects, whole; it replaces the one of the same id and project."""

    project: str
    waiver: dict[str, Any]
    """An entry of the waiver file (CONTRACTS.md, Waivers), `approved_by` recorded by the store."""
    is_in_force: bool
    """False once it is revoked or rejected; its expiry is in `waiver` and needs no change."""


class Granted(_Change, frozen=True, kw_only=True, tag="granted"):
    """Break-glass: two persons agreed that a namespace takes for hours what would be denied (docs/adr/0010)."""

    id: str
    namespace: str
    """Its name, no pattern."""
    digests: tuple[str, ...]
    """Only objects whose images are all of these; empty: every object."""
    reason: str
    requested_by: str
    approved_by: str
    starts: str
    until: str
    is_in_force: bool
    """False once somebody took it back; its end needs no change."""


Change = Decided | Aliased | Admitted | Waived | Granted


class Page(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one question for changes is answered with (`GET /api/v1/admission/changes`)."""

    epoch: str
    """Of the store: another one than asked with means that it was restored, and everything known is void."""
    as_of: str
    """The store's time at which everything up to `last` was known; staleness counts from it."""
    last: int
    """Ask next with `after` = this; also where `changes` is empty."""
    has_more: bool
    """Whether more were there already: ask again at once."""
    changes: tuple[Change, ...]


class AdmissionRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What admission hands to the store to keep (`POST /api/v1/admission/records`).

    A denial stands for itself with its whole decision; identical allows are one record whose
    `count` and `last_at` grow: the same `record_id` replaces what was kept before.
    """

    record_id: str
    """UUIDv7; the `decision-id` of the answer."""
    writer: str
    """The process that wrote it: one chain each."""
    outcome: Outcome
    first_at: str
    last_at: str
    count: int
    namespace: str | None
    environment: str | None
    project: str | None
    policy_revision: str
    digests: tuple[str, ...]
    """Of the images that were judged, sorted."""
    decision: dict[str, Any] | None = None
    """gate.decision/v1 with point `admission`; None for an allow without anything to say."""
