"""Decide: what the rules said, minus what is waived, becomes an outcome with its reasons.

    1. each saying becomes a violation: severity, action, place, fingerprint
    2. violations that a waiver covers move to `waived`; a known one of the baseline counts as audit
    3. any deny -> fail; else approvals lacking -> needs_approval; else any warn -> warn; else pass
    4. conditions tell the thresholds in force beside what was counted

The outcome follows from violations alone; conditions explain, they do not decide.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from gate import limits, times
from gate.bundle import Bundle
from gate.errors import PolicyError
from gate.kubernetes import objects
from gate.model import (
    Action,
    Condition,
    Evidence,
    Finding,
    Kind,
    KubernetesObject,
    Location,
    Outcome,
    Point,
    Report,
    Rule,
    Said,
    Severity,
    State,
    Status,
    Violation,
)
from gate.statements import is_closed

EVIDENCE_RULE: Final = "GATE-EVID-001"
ActionFor = Callable[[str, Point, Action], Action]
"""Rule id, point and the action by its set -> the action by configuration (gate.yaml `actions`)."""
Places = Mapping[tuple[str, int, str], tuple[int, int]]
"""(file, document, JSON pointer) -> line and column."""


def violations(
    said: Iterable[Said],
    rules: Mapping[str, Rule],
    findings: Mapping[str, Finding],
    given: Sequence[KubernetesObject],
    places: Places,
    action_for: ActionFor,
    point: Point,
    now: datetime,
) -> tuple[Violation, ...]:
    """Every saying as a violation, those switched off left out, worst first."""
    result: dict[str, Violation] = {}
    for one in said:
        rule = rules[one.rule]
        action = _action(one, rule, action_for, point, now)
        if action is Action.OFF or point not in rule.points:
            continue
        finding = findings[one.finding] if one.finding else None
        about = given[one.about] if one.about is not None else None
        violation = Violation(
            fingerprint=_fingerprint(one, about),
            rule=one.rule,
            policy=one.policy,
            severity=one.severity or rule.severity or (finding.severity if finding else Severity.UNKNOWN),
            action=action,
            message=one.message,
            remedy=one.remedy or rule.fix,
            finding=one.finding,
            object=objects.name(about.object) if about else None,
            path=one.path,
            location=_location(one, finding, about, places),
        )
        result[violation.fingerprint] = _stricter(result.get(violation.fingerprint), violation)
    return tuple(sorted(result.values(), key=_order))


def outcome(found: Iterable[Violation], approvals_lacking: int) -> Outcome:
    """What `found` and the approvals say together."""
    actions = {violation.action for violation in found}
    if Action.DENY in actions:
        return Outcome.FAIL
    if approvals_lacking > 0:
        return Outcome.NEEDS_APPROVAL
    return Outcome.WARN if Action.WARN in actions else Outcome.PASS


def conditions(
    rules: Mapping[str, Rule],
    settings: Mapping[str, Any],
    findings: Sequence[Finding],
    reports: Sequence[Report],
    found: Sequence[Violation],
    action_for: ActionFor,
    point: Point,
) -> tuple[Condition, ...]:
    """One condition for each threshold in force and each required kind of evidence."""
    in_force = [
        rule
        for rule in rules.values()
        if rule.threshold and action_for(rule.id, point, Action.DENY) is not Action.OFF
    ]
    counting = [f for f in findings if f.waived is None and f.state is State.NEW]
    of_rule: dict[str, list[Violation]] = {}
    for violation in found:
        of_rule.setdefault(violation.rule, []).append(violation)
    result = [
        Condition(
            id=rule.id,
            title=rule.title,
            threshold=limit,
            actual=_counted(rule.threshold, settings, counting),
            outcome=_result(of_rule.get(rule.id, ())),
        )
        for rule in in_force
        if rule.threshold and isinstance(limit := _setting(settings, rule.threshold), (int, float))
    ]
    required = _setting(settings, "evidence.require", below="") or ()
    evidence = [_evidence(str(kind), rules, settings, reports, found) for kind in required]
    return (*result, *evidence)


def counts(findings: Iterable[Finding]) -> dict[str, dict[str, int]]:
    """kind -> severity -> number."""
    tally = Counter((finding.kind.value, finding.severity.value) for finding in findings)
    result: dict[str, dict[str, int]] = {}
    for (kind, severity), number in sorted(tally.items()):
        result.setdefault(kind, {})[severity] = number
    return result


def expires_at(now: datetime, waiver_expiries: Iterable[datetime]) -> str:
    """When a decision stops counting: after `limits.DECISION_DAYS`, or with the first waiver it rests on."""
    return times.rfc3339(min([now + timedelta(days=limits.DECISION_DAYS), *waiver_expiries]))


def known_before(found: Iterable[Violation], known: frozenset[str]) -> tuple[Violation, ...]:
    """`found`, where a violation without a finding that the baseline has counts as audit only."""
    return tuple(
        msgspec.structs.replace(violation, action=Action.AUDIT)
        if violation.finding is None
        and violation.fingerprint in known
        and violation.action is not Action.AUDIT
        else violation
        for violation in found
    )


def packages(bundle: Bundle) -> tuple[str, ...]:
    """The packages that judge, at least one.

    Raises `PolicyError` where there is none: nothing asked is not nothing found. That each of them
    answered is `evaluate`'s to check.
    """
    foreign = [one.packages for one in (bundle.gatekeeper, bundle.conftest) if one]
    own = (package.name for package in bundle.packages)
    names = sorted({*own, *bundle.python_packages, *(name for some in foreign for name in some)})
    if not names:
        raise PolicyError("no policies judged", code="no_policies", expected="at least one package")
    return tuple(names)


def _action(said: Said, rule: Rule, action_for: ActionFor, point: Point, now: datetime) -> Action:
    action = action_for(rule.id, point, Action(said.verb))
    effective = times.instant(rule.effective_on) if rule.effective_on else None
    if action is Action.DENY and effective is not None and now < effective:
        return Action.WARN
    return action


def _order(violation: Violation) -> tuple[int, int, str, str]:
    rank = (Action.DENY, Action.WARN, Action.AUDIT, Action.OFF).index(violation.action)
    return rank, violation.severity.rank, violation.rule, violation.fingerprint


def _stricter(a: Violation | None, b: Violation) -> Violation:
    """Of two violations with one fingerprint the one that matters more."""
    return b if a is None or _order(b) < _order(a) else a


def _fingerprint(said: Said, about: KubernetesObject | None) -> str:
    """Stable while the same rule says the same of the same thing: no line, no severity.

    Where neither finding nor object is named the message is all that tells two apart.
    """
    if said.finding:
        parts = ["finding", said.finding]
    elif about is not None:
        file = about.source.file if about.source else ""
        # Two containers of one rule differ by path, two sayings on one path by their text.
        parts = ["object", objects.name(about.object), file, said.path or "", said.message]
    else:
        parts = ["message", said.message]
    text = "\0".join([said.rule, *parts])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _location(
    said: Said, finding: Finding | None, about: KubernetesObject | None, places: Places
) -> Location | None:
    if finding is not None:
        return finding.location
    if about is None:
        return None
    name = objects.name(about.object)
    if about.source is None:
        return Location(resource=name)
    place = places.get((about.source.file, about.document, about.pointer + (said.path or "")))
    line, column = place or (about.source.line, 1)
    return Location(file=about.source.file, line=line, column=column, resource=name)


def _setting(settings: Mapping[str, Any], dotted: str, below: str = "thresholds.") -> Any:
    value: Any = settings
    for part in f"{below}{dotted}".split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


_KIND_OF: Final = {
    "vulnerabilities": Kind.VULNERABILITY,
    "code": Kind.CODE,
    "secrets": Kind.SECRET,
    "malware": Kind.MALWARE,
    "dast": Kind.DAST,
    "misconfigurations": Kind.MISCONFIGURATION,
}


_SEVERITIES: Final = frozenset(severity.value for severity in Severity)


def _counted(threshold: str, settings: Mapping[str, Any], counting: Sequence[Finding]) -> int | None:
    """How many of the findings that are new and not waived the threshold counts, as the shipped rules count; None where it is no count."""
    area, _, key = threshold.partition(".")
    if area not in _KIND_OF:
        return None
    if area == "malware":
        return sum(1 for f in counting if f.kind is Kind.MALWARE or _is_malicious_package(f))
    of_kind = [f for f in counting if f.kind is _KIND_OF[area]]
    if area == "vulnerabilities" and _setting(settings, "vulnerabilities.trust_vex", below="") is True:
        of_kind = [f for f in of_kind if f.vex is None or not is_closed(f.vex)]
    if not key:
        return len(of_kind)
    if key == "kev":
        return sum(1 for f in of_kind if f.kev is not None)
    if key not in _SEVERITIES:
        return None
    if area == "vulnerabilities" and _setting(settings, "vulnerabilities.only") == "fixable":
        # Left out is only what is said to have no fix; where nobody says, there may be one.
        of_kind = [f for f in of_kind if f.fixed_versions or not f.fix_state.is_without_fix]
    return sum(1 for f in of_kind if f.severity == key)


def _is_malicious_package(finding: Finding) -> bool:
    """OSV publishes malicious packages as advisories with MAL- ids."""
    names = (finding.rule, *finding.aliases)
    return finding.kind is Kind.VULNERABILITY and any(name.startswith("MAL-") for name in names)


def _result(said: Sequence[Violation]) -> Literal["pass", "warn", "fail"]:
    actions = {violation.action for violation in said}
    return "fail" if Action.DENY in actions else "warn" if Action.WARN in actions else "pass"


def _evidence(
    kind: str,
    rules: Mapping[str, Rule],
    settings: Mapping[str, Any],
    reports: Sequence[Report],
    found: Sequence[Violation],
) -> Condition:
    """Whether one required kind of evidence is there, and why not."""
    of_kind = [report for report in reports if kind in report.kinds]
    actual = ", ".join(sorted({report.status.value for report in of_kind})) or "missing"
    max_age_s = _setting(settings, "evidence.max_age_s", below="")
    age = f", at most {max_age_s / 3600:g} h old" if isinstance(max_age_s, (int, float)) else ""
    is_stale = any(v.rule == "GATE-EVID-005" and v.message.startswith(f"evidence of {kind}:") for v in found)
    is_whole = bool(of_kind) and all(report.status is Status.OK for report in of_kind)
    rule = rules.get(EVIDENCE_RULE)
    return Condition(
        id=EVIDENCE_RULE,
        title=f"{Evidence(kind).value if kind in tuple(Evidence) else kind}: {rule.title if rule else 'required'}",
        threshold=f"present and complete{age}",
        actual="stale" if is_whole and is_stale else actual,
        outcome="pass" if is_whole and not is_stale else "fail",
    )
