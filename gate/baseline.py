"""The baseline: what was there when a project began to be judged, so that what is new stands out.

A finding that the baseline has is `existing`; everything in doubt is `new`. Which commit the file is
read from is the caller's choice (a change must not bring its own: CONTRACTS.md, Whose configuration
judges a change); this file neither reads nor writes one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from gate import limits, times
from gate.documents import json as json_documents
from gate.errors import Problem, ReportError, StoreError, quoted
from gate.model import Component, Finding, Kind, State, Violation
from gate.packages import identity
from gate.waivers import is_about_evidence

SCHEMA: Final = "gate.baseline/v1"
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{32}")
_FIX: Final = "restore the file from version control, or make it again with `gate baseline write`"


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the file; every key must be there."""


class KnownFinding(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A finding that was there."""

    fingerprint: str
    kind: Kind
    rule: str
    purl: str | None
    version: str | None
    file: str | None
    first_seen: str
    """RFC 3339 UTC."""


class KnownViolation(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A violation about an object or a file, not about a finding."""

    fingerprint: str
    rule: str
    object: str | None


class Baseline(_Line, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    schema: Literal["gate.baseline/v1"]
    created: str
    project: str | None
    components: tuple[str, ...]
    """Package URLs with versions: on these a new advisory is news, not a change of the project."""
    findings: tuple[KnownFinding, ...]
    violations: tuple[KnownViolation, ...]


def parsed(data: bytes, path: str, project: str | None) -> Baseline:
    """The baseline of `project` in the file `data`.

    Raises `StoreError` where it is larger than `limits.BASELINE_BYTES`, no strict JSON of this shape,
    another project's, or holds a fingerprint twice or one that is not 32 hex characters.
    """
    if len(data) > limits.BASELINE_BYTES:
        expected = f"at most {limits.BASELINE_BYTES:,} bytes"
        raise _refusal("the baseline is too large", path, (1, 1), f"{len(data):,} bytes", expected)
    try:
        baseline = _decoded(data, path)
    except ReportError as error:
        raise StoreError(problems=tuple(map(_as_ours, error.problems))) from None
    if baseline.project != project:
        place, found = json_documents.position(data, "$.project"), quoted(baseline.project)
        raise _refusal("the baseline of another project", path, place, found, quoted(project))
    _check_lines(baseline, data, path)
    return baseline


def marked(
    findings: Iterable[Finding], baseline: Baseline, now: datetime, grace_days: int = 0
) -> tuple[Finding, ...]:
    """`findings` with their state against `baseline`, and the day each known one was first seen.

    `newly_disclosed` is a vulnerability the baseline does not have, on a package it has in the same
    version, less than `grace_days` after the finding's own `first_seen`. Without that they count from the
    day the baseline was made: it cannot have become known before. What is known to be exploited is `new`.
    """
    known = {line.fingerprint: line for line in baseline.findings}
    packages = {identity(purl) for purl in baseline.components} - {None}
    result: list[Finding] = []
    for finding in findings:
        state, first_seen = State.NEW, finding.first_seen
        if line := known.get(finding.fingerprint):
            state, first_seen = State.EXISTING, line.first_seen
        elif finding.kind is Kind.VULNERABILITY and identity(finding.purl, finding.version) in packages:
            since = finding.first_seen or baseline.created
            is_news = finding.kev is None and _is_within(since, now, grace_days)
            state = State.NEWLY_DISCLOSED if is_news else State.NEW
        result.append(msgspec.structs.replace(finding, state=state, first_seen=first_seen))
    return tuple(result)


def compared(findings: Iterable[Finding], baseline: Baseline) -> str:
    """One sentence: how many of `findings`, as `marked`, are new, newly disclosed, known, and what is fixed."""
    findings = tuple(findings)
    states = [finding.state for finding in findings]
    there = {finding.fingerprint for finding in findings}
    fixed = sum(line.fingerprint not in there for line in baseline.findings)
    told = {State.NEW: "new", State.NEWLY_DISCLOSED: "newly disclosed", State.EXISTING: "known"}
    parts = [f"{states.count(state)} {word}" for state, word in told.items()]
    return f"against the baseline of {baseline.created[:10]}: {', '.join(parts)}, {fixed} no longer there"


def existing_violations(violations: Iterable[Violation], baseline: Baseline) -> frozenset[str]:
    """Fingerprints of those `violations` that the baseline knows and may know (`taken`)."""
    known = {(line.fingerprint, line.rule) for line in baseline.violations}
    return frozenset(
        v.fingerprint for v in violations if _may_be_known(v) and (v.fingerprint, v.rule) in known
    )


def taken(
    project: str | None,
    now: datetime,
    findings: Iterable[Finding],
    violations: Iterable[Violation],
    components: Iterable[Component],
    previous: Baseline | None = None,
) -> Baseline:
    """The baseline of what is there now; what `previous` had keeps its `first_seen`.

    Left out, because a baseline has no end and no second pair of eyes: what a waiver covers, and
    violations of a finding (its state tells), of evidence, and of nothing one can point at: a count
    above its threshold would be forgiven for ever.
    """
    seen = {line.fingerprint: line.first_seen for line in previous.findings} if previous else {}
    findings = tuple(findings)
    purls = {component.purl for component in components} | {finding.purl for finding in findings}
    lines = {
        finding.fingerprint: KnownFinding(
            fingerprint=finding.fingerprint,
            kind=finding.kind,
            rule=finding.rule,
            purl=finding.purl,
            version=finding.version,
            file=finding.location.file,
            first_seen=seen.get(finding.fingerprint) or _first_seen(finding, now),
        )
        for finding in findings
        if finding.waived is None
    }
    said = {
        v.fingerprint: KnownViolation(fingerprint=v.fingerprint, rule=v.rule, object=v.object)
        for v in violations
        if _may_be_known(v)
    }
    return Baseline(
        schema=SCHEMA,
        created=times.rfc3339(now),
        project=project,
        components=tuple(sorted(purl for purl in purls if purl and identity(purl))),
        findings=tuple(sorted(lines.values(), key=_order)),
        violations=tuple(sorted(said.values(), key=_violation_order)),
    )


def pruned(baseline: Baseline, findings: Iterable[Finding], violations: Iterable[Violation]) -> Baseline:
    """`baseline` without what is no longer there; it only ever gets shorter."""
    there = {finding.fingerprint for finding in findings}
    said = {violation.fingerprint for violation in violations}
    return msgspec.structs.replace(
        baseline,
        findings=tuple(line for line in baseline.findings if line.fingerprint in there),
        violations=tuple(line for line in baseline.violations if line.fingerprint in said),
    )


def written(baseline: Baseline) -> bytes:
    """The file's bytes: sorted, one entry a line, so that a review shows what came and went.

    Raises `StoreError` where `parsed` could not read them again.
    """
    head = {"schema": baseline.schema, "created": baseline.created, "project": baseline.project}
    parts = [f'  "{key}": {_json(value)}' for key, value in head.items()]
    lists: Mapping[str, Iterable[Any]] = {
        "components": sorted(baseline.components),
        "findings": sorted(baseline.findings, key=_order),
        "violations": sorted(baseline.violations, key=_violation_order),
    }
    for key, entries in lists.items():
        lines = ",\n".join(f"    {_json(entry)}" for entry in entries)
        parts.append(f'  "{key}": [\n{lines}\n  ]' if lines else f'  "{key}": []')
    data = ("{\n" + ",\n".join(parts) + "\n}\n").encode()
    parsed(data, "baseline", baseline.project)
    return data


def digest(baseline: Baseline) -> str:
    """`sha256:` over the file's bytes as `written`."""
    return f"sha256:{hashlib.sha256(written(baseline)).hexdigest()}"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _decoded(data: bytes, path: str) -> Baseline:
    json_documents.parsed(data, path)
    return json_documents.decoded(data, Baseline, path, f"a {SCHEMA} file")


def _check_lines(baseline: Baseline, data: bytes, path: str) -> None:
    def refuse(where: str, message: str, found: str, expected: str) -> StoreError:
        return _refusal(message, path, json_documents.position(data, where), quoted(found), expected)

    lists: Mapping[str, tuple[KnownFinding | KnownViolation, ...]] = {
        "findings": baseline.findings,
        "violations": baseline.violations,
    }
    for key, lines in lists.items():
        seen: set[str] = set()
        for index, line in enumerate(lines):
            where = f"$.{key}[{index}].fingerprint"
            if not _FINGERPRINT.fullmatch(line.fingerprint):
                raise refuse(where, "no fingerprint", line.fingerprint, "32 lower-case hex characters")
            if line.fingerprint in seen:
                raise refuse(where, "the fingerprint stands there twice", line.fingerprint, "each once")
            seen.add(line.fingerprint)
    for index, known in enumerate(baseline.findings):
        if times.instant(known.first_seen) is None:
            raise refuse(f"$.findings[{index}].first_seen", "no time", known.first_seen, "RFC 3339")
    if times.instant(baseline.created) is None:
        raise refuse("$.created", "no time", baseline.created, "RFC 3339")


def _refusal(message: str, path: str, place: tuple[int, int], found: str, expected: str) -> StoreError:
    line, column = place
    return StoreError(
        message,
        code="baseline_invalid",
        path=path,
        line=line,
        column=column,
        found=found,
        expected=expected,
        fix=_FIX,
    )


def _as_ours(problem: Problem) -> Problem:
    """A reader's problem under the baseline's code and remedy: no scanner is to blame for this file."""
    return msgspec.structs.replace(problem, code="baseline_invalid", fix=_FIX)


def _may_be_known(violation: Violation) -> bool:
    points_at = violation.object or (violation.location.file if violation.location else None)
    return violation.finding is None and bool(points_at) and not is_about_evidence(violation.rule)


def _is_within(first_seen: str | None, now: datetime, grace_days: int) -> bool:
    at = times.instant(first_seen) if first_seen else None
    return at is not None and at <= now < at + timedelta(days=grace_days)


def _first_seen(finding: Finding, now: datetime) -> str:
    at = times.instant(finding.first_seen) if finding.first_seen else None
    return times.rfc3339(at if at is not None and at <= now else now)


def _order(line: KnownFinding) -> tuple[str, ...]:
    return line.kind.value, line.rule, line.purl or "", line.file or "", line.fingerprint


def _violation_order(line: KnownViolation) -> tuple[str, ...]:
    return line.rule, line.object or "", line.fingerprint
