"""What every output for people says first: the sources, what blocks, what is waived, and how long yet.

Counts and orders what the decision already says; decides nothing.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from gate import waivers
from gate.model import (
    Action,
    Condition,
    Decision,
    Evidence,
    Finding,
    Location,
    Outcome,
    Report,
    Severity,
    State,
    Status,
    Violation,
)
from gate.presentation import Presentation
from gate.times import instant

KUBERNETES: Final = "kubernetes"
"""The format of manifests that gate reads itself: their rows count violations of objects."""
_EVIDENCE: Final = "GATE-EVID-"
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,250}\Z")


class Source(msgspec.Struct, frozen=True):
    """One row: everything one tool handed over."""

    label: str
    place: str
    """The path, or the folder and how many files."""
    findings: str
    """A number, or the number of packages of an SBOM."""
    new: int | None
    """None where nothing can be compared with a baseline."""
    waived: int | None
    blocking: int
    warnings: int
    status: Status
    notes: tuple[str, ...]

    @property
    def sign(self) -> str:
        """✗ something blocks, ‼ the scan itself is not whole, ! warnings, ✓ none of these."""
        if self.status is not Status.OK:
            return "‼"
        return "✗" if self.blocking else "!" if self.warnings else "✓"


def sources(presentation: Presentation) -> tuple[Source, ...]:
    """One row for each tool, in the order its first report was read."""
    groups: dict[tuple[str, bool], list[Report]] = {}
    for report in presentation.sources or presentation.decision.reports:
        groups.setdefault((report.scanner, report.format == KUBERNETES), []).append(report)
    return tuple(_source(presentation, tuple(reports)) for reports in groups.values())


def _source(presentation: Presentation, reports: tuple[Report, ...]) -> Source:
    decision, first = presentation.decision, reports[0]
    is_manifests = first.format == KUBERNETES
    seen = {f.fingerprint: f for f in presentation.findings.values() if first.scanner in f.scanners}
    mine = [v for v in decision.violations if _is_about(v, seen, is_manifests)]
    waived_here = [w.violation for w in decision.waived if w.violation and not w.violation.finding]
    hidden = {w.finding or (w.violation.finding if w.violation else None) for w in decision.waived}
    waived = sum(1 for f in seen.values() if f.waived or f.fingerprint in hidden)
    found = sum(report.findings for report in reports)
    if is_manifests:
        waived = sum(1 for violation in waived_here if violation.object)
        found = len(mine) + waived
    is_sbom = all(report.kinds == (Evidence.SBOM,) for report in reports)
    compares = decision.baseline is not None and not is_manifests
    worst = min((r.status for r in reports), key=_STATUSES.index)
    return Source(
        label=_label(reports),
        place=_files(reports, presentation.objects if is_manifests else 0),
        findings=f"{presentation.components} pkg" if is_sbom and not found else str(found),
        new=sum(1 for f in seen.values() if f.state is State.NEW) if compares else None,
        waived=waived,
        blocking=sum(1 for v in mine if v.action is Action.DENY),
        warnings=sum(1 for v in mine if v.action is Action.WARN),
        status=worst,
        notes=tuple(dict.fromkeys(note for report in reports for note in report.notes)),
    )


_STATUSES: Final = (Status.FAILED, Status.PARTIAL, Status.EMPTY_TARGET, Status.OK)


def _is_about(violation: Violation, seen: dict[str, Finding], is_manifests: bool) -> bool:
    if violation.finding is not None:
        return violation.finding in seen
    return is_manifests and violation.object is not None


def _label(reports: Iterable[Report]) -> str:
    reports = tuple(reports)
    kinds = dict.fromkeys(kind.value for report in reports for kind in report.kinds)
    scanner = reports[0].scanner
    return scanner if scanner == KUBERNETES else " ".join([scanner, "+".join(kinds)]).strip()


def _files(reports: tuple[Report, ...], objects: int) -> str:
    paths = [report.path for report in reports if report.path]
    suffix = f" ({number(objects, 'object')})" if objects else ""
    if len(reports) == 1:
        return (paths[0] if paths else "-") + suffix
    folders = {posixpath.dirname(path) for path in paths}
    folder = folders.pop() + "/" if len(folders) == 1 else ""
    return f"{folder if folder != '/' else ''}{suffix or f' ({len(reports)} files)'}".strip()


def number(count: int, noun: str) -> str:
    """`1 warning`, `2 warnings`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def acting(decision: Decision, action: Action) -> tuple[Violation, ...]:
    """The violations with `action`, worst first, then by rule and place."""
    return tuple(sorted((v for v in decision.violations if v.action is action), key=_order))


def _order(violation: Violation) -> tuple[int, str, str, int, str, str]:
    location = violation.location or Location()
    return (
        violation.severity.rank,
        violation.rule,
        location.file or violation.object or "",
        location.line or 0,
        violation.message,
        violation.fingerprint,
    )


def unexplained(decision: Decision) -> tuple[Condition, ...]:
    """Failed conditions of a failed decision without any denying violation.

    The pipeline makes no such decision; should one be stored, it still names its reasons.
    """
    if decision.outcome is not Outcome.FAIL or any(v.action is Action.DENY for v in decision.violations):
        return ()
    return tuple(c for c in decision.conditions if c.outcome == "fail")


class Missing(msgspec.Struct, frozen=True):
    """A required kind of evidence that is not there, or not good enough."""

    kind: str
    actual: str
    """`missing`, `stale`, or how far the scan got."""
    blocks: bool


def missing_evidence(decision: Decision) -> tuple[Missing, ...]:
    """One row for each required kind of evidence whose condition failed."""
    blocks = any(v.action is Action.DENY and is_evidence(v.rule) for v in decision.violations)
    return tuple(
        Missing(c.title.partition(": ")[0], plain(c.actual), blocks or bool(unexplained(decision)))
        for c in decision.conditions
        if c.outcome == "fail" and is_evidence(c.id)
    )


def is_evidence(rule: str) -> bool:
    """Whether `rule` is about evidence itself."""
    return rule.startswith(_EVIDENCE)


_BLOCKING_WORDS: Final = (*(s.value for s in sorted(Severity, key=lambda s: s.rank)), "evidence", "condition")


def blocking_counts(decision: Decision) -> str:
    """`4 blocking (1 critical, 2 high, 1 evidence)`."""
    denied = acting(decision, Action.DENY)
    words = [
        *("evidence" if is_evidence(v.rule) else v.severity.value for v in denied),
        *("condition" for _ in unexplained(decision)),
    ]
    counts = Counter(words)
    parts = ", ".join(f"{counts[word]} {word}" for word in _BLOCKING_WORDS if counts[word])
    return f"{len(words)} blocking ({parts})" if words else "no reason was recorded"


def facts(violation: Violation, presentation: Presentation) -> tuple[str, ...]:
    """What makes it urgent: severity, a fix, exploitation, novelty."""
    finding = presentation.findings.get(violation.finding or "")
    said = [violation.severity.value]
    if finding is not None:
        said += ["fixable"] if finding.fixed_versions else []
        if finding.kev is not None:
            said.append(f"known exploited (CISA KEV {(finding.kev.added or 'date unknown')[:10]})")
        if presentation.decision.baseline is not None and finding.state is State.NEW:
            said.append("new in this change")
        said += ["newly disclosed"] if finding.state is State.NEWLY_DISCLOSED else []
    return tuple(said)


def place(violation: Violation, presentation: Presentation) -> str:
    """`file:line:column`, or what else says best where it is; empty where nothing does."""
    finding = presentation.findings.get(violation.finding or "")
    found = finding.location if finding else Location()
    location = violation.location or found
    if location.file:
        return ":".join([location.file, *(str(n) for n in (location.line, location.column) if n)])
    others = (violation.object, location.resource, location.image, location.url)
    return next((text for text in others if text), "")


def seen(violation: Violation, presentation: Presentation) -> tuple[str, ...]:
    """Package, id and tools of the finding a violation is about, as far as there is one."""
    finding = presentation.findings.get(violation.finding or "")
    if finding is None:
        return ()
    package = finding.purl or finding.location.image or ""
    return tuple(filter(None, [package, finding.rule, f"seen by {', '.join(finding.scanners)}"]))


def remedy(violation: Violation, presentation: Presentation) -> str | None:
    """What to do: the rule's own remedy for this case, else its general one."""
    rule = presentation.rules.get(violation.rule)
    return violation.remedy or (rule.fix if rule else None)


def waive_command(violation: Violation, presentation: Presentation) -> str | None:
    """The command that asks for the longest waiver allowed; None where none is possible.

    Only plain names enter it: a person will paste it into a shell.
    """
    names = [violation.finding or violation.rule, *([violation.object] if violation.object else [])]
    if waivers.is_about_evidence(violation.rule) or not all(map(_PLAIN_NAME.match, names)):
        return None
    finding = presentation.findings.get(violation.finding or "")
    severity = finding.severity if finding else violation.severity
    if violation.finding:
        what = violation.finding
    else:
        what = f"--rule {violation.rule}" + (f" --object {violation.object}" if violation.object else "")
    how_bad = "" if severity is Severity.CRITICAL else f" --severity {severity.value}"
    return f'gate waiver new {what}{how_bad} --reason WORD --note "…"'


class WaivedItem(msgspec.Struct, frozen=True):
    """One waived thing, named, with the time it has left."""

    name: str
    waiver: str
    expires: str
    left: str
    message: str


def waived(presentation: Presentation) -> tuple[WaivedItem, ...]:
    """What waivers cover, the first to expire first."""
    decision = presentation.decision
    items = []
    for one in decision.waived:
        fingerprint = one.finding or (one.violation.finding if one.violation else None)
        finding = presentation.findings.get(fingerprint or "")
        name = finding.rule if finding else one.violation.rule if one.violation else fingerprint or "-"
        message = one.violation.message if one.violation else finding.title if finding else ""
        left = time_left(one.expires, decision.decided_at)
        items.append(WaivedItem(name, one.waiver, one.expires, left, message))
    return tuple(sorted(items, key=lambda item: (item.expires, item.name, item.waiver)))


def time_left(expires: str, now: str) -> str:
    """`in 5 days`, `today`, `expired`; `at an unknown time` where `expires` is none."""
    at, since = instant(expires), instant(now)
    if at is None or since is None:
        return "at an unknown time"
    if at <= since:
        return "expired"
    days = (at - since).days
    return f"in {number(days, 'day')}" if days else "today"


def waived_line(presentation: Presentation) -> str | None:
    """`waived 2 · first to expire in 5 days (CVE-2025-9230, waiver w-1)`, or None without waivers."""
    items = waived(presentation)
    if not items:
        return None
    first = items[0]
    return f"waived {len(items)} · first to expire {first.left} ({first.name}, waiver {first.waiver})"


def approvals_line(decision: Decision) -> str | None:
    """How many approvals are wanted and who gave one; None where none is wanted or given."""
    wanted, given = decision.approvals.required, decision.approvals.given
    if not wanted and not given:
        return None
    names = [f"{a.by} ({', '.join(a.groups)})" if a.groups else a.by for a in given]
    return f"approvals {len(given)} of {wanted} given" + (": " + ", ".join(names) if names else "")


def outcome_words(outcome: Outcome) -> str:
    """`GATE PASSED` and so on; warnings pass."""
    return {
        Outcome.PASS: "GATE PASSED",
        Outcome.WARN: "GATE PASSED",
        Outcome.FAIL: "GATE FAILED",
        Outcome.NEEDS_APPROVAL: "GATE WAITING FOR APPROVAL",
    }[outcome]


def short_digest(digest: str, characters: int = 7) -> str:
    """The beginning of a digest, enough to tell two apart by eye."""
    return digest.removeprefix("sha256:")[:characters]


def short_id(decision_id: str) -> str:
    """The first eight and last four characters of a decision's id."""
    return decision_id if len(decision_id) <= 13 else f"{decision_id[:8]}…{decision_id[-4:]}"


def plain(value: object) -> str:
    """A condition's threshold or value as a word: text as it is, nothing as `-`, the rest as JSON."""
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
