"""What an audit found, as records for the store: objects of which the same is to be said are one record with a count.

A Deployment with a thousand Pods is one finding a thousand times. The first object stands for the others by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import msgspec

from gate.admission.spool import record
from gate.cluster import audit
from gate.cluster.audit import Judged
from gate.feed import AdmissionRecord

GROUPS: Final = 1_000
"""Kept back at once: bounds memory; beyond that what was found is handed over, and counted anew."""
Key = tuple[object, ...]


def records(found: Iterable[Judged], now: datetime) -> Iterator[AdmissionRecord]:
    """One record for all of `found` in one namespace with the same images and the same violations."""
    kept: dict[Key, AdmissionRecord] = {}
    for judged in found:
        if not audit.is_told(judged):
            continue
        key = _key(judged)
        known = kept.get(key)
        if known is not None:
            kept[key] = msgspec.structs.replace(known, count=known.count + 1)
            continue
        if len(kept) == GROUPS:
            yield from kept.values()
            kept = {}
        kept[key] = _record(judged, now)
    yield from kept.values()


def _key(judged: Judged) -> Key:
    decision = judged.decision
    said = tuple((one.rule, one.action, one.path) for one in decision.violations)
    waived = tuple(one.waiver for one in decision.waived)
    kind = judged.value.object.get("kind")
    return audit.namespace(judged.value), kind, judged.is_drift, judged.digests, said, waived


def _record(judged: Judged, now: datetime) -> AdmissionRecord:
    return record(
        judged.decision.decision_id,
        "audit",
        audit.document(judged),
        now=now,
        # What drifted is kept as failed, whatever the mode of its namespace lets follow.
        outcome="fail",
        namespace=audit.namespace(judged.value) or None,
        environment=judged.decision.environment,
        project=judged.decision.project,
        policy_revision=judged.decision.policy.revision,
        digests=judged.digests,
    )
