"""`-o sarif`: SARIF 2.1.0 that code scanning services take: one run, worst results first.

Services refuse a whole file for one result without a physical location, so every result has one: its
own, else the report that told of it. No absolute URI and no path out of the repository is written.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from gate.kubernetes_object import RENDERED
from gate.model import Action, Condition, Decision, Finding, Location, Rule, Severity, Violation, Waived
from gate.outputs import summary
from gate.outputs.escaping import markdown, relative_uri, sarif
from gate.presentation import Excerpt, Presentation

RESULTS: Final = 25_000
"""Most results of one run that GitHub takes (docs.github.com, SARIF support for code scanning)."""
TAGS: Final = 20
"""Most tags of one rule, from the same page."""
_LEVELS: Final = {Action.DENY: "error", Action.WARN: "warning", Action.AUDIT: "note"}
_SCORES: Final = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
}
"""A number inside the band that GitHub gives the same name; none for info and unknown."""
_NOWHERE: Final = "gate.yaml"


def render(presentation: Presentation) -> bytes:
    """One SARIF log without superfluous space, with a newline at its end."""
    decision = presentation.decision
    results = [
        *(_condition(condition) for condition in summary.unexplained(decision)),
        *(_result(v, presentation) for action in _LEVELS for v in summary.acting(decision, action)),
        *(_waived(one, presentation) for one in decision.waived),
    ]
    kept = results[:RESULTS]
    rules = _rules(kept, presentation)
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    for result in kept:
        result["ruleIndex"] = index[result["ruleId"]]
    notes = [*decision.notices]
    if len(results) > len(kept):
        notes.insert(0, f"{len(results) - len(kept)} more results are left out; the whole list is in -o json")
    run = {
        "tool": {"driver": {"name": "gate", "version": sarif(decision.gate_version), "rules": rules}},
        "automationDetails": {"id": _category(decision)},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                "exitCode": presentation.exit_code,
                "toolExecutionNotifications": [
                    {"level": "note", "message": {"text": sarif(note)}} for note in notes
                ],
            }
        ],
        "results": kept,
        "properties": {
            "decisionId": decision.decision_id,
            "outcome": decision.outcome.value,
            "policyRevision": decision.policy.revision,
            "inputSha256": decision.input_sha256,
        },
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return msgspec.json.encode(log) + b"\n"


def _category(decision: Decision) -> str:
    """`gate/PROJECT/ENVIRONMENT/ID`: everything up to the last slash names the kind of run."""
    parts = ["gate", decision.project, decision.environment, decision.decision_id]
    return "/".join(sarif(part) for part in parts if part)


# --------------------------------------------------------------------------------------------- results


def _result(violation: Violation, presentation: Presentation) -> dict[str, Any]:
    finding = presentation.findings.get(violation.finding or "")
    location = violation.location or (finding.location if finding else Location())
    properties = {
        "severity": violation.severity.value,
        "policy": violation.policy,
        "finding": finding.rule if finding else None,
        "purl": finding.purl if finding else None,
    }
    fix = summary.remedy(violation, presentation)
    return {
        "ruleId": violation.rule,
        "level": _LEVELS[violation.action],
        "message": {"text": sarif(violation.message + (f" (fix: {fix})" if fix else ""))},
        "locations": [
            _location(
                location,
                violation.object,
                finding,
                presentation,
                presentation.excerpts.get(violation.fingerprint),
            )
        ],
        "partialFingerprints": {"gateFingerprint/v1": violation.fingerprint},
        "properties": {key: value for key, value in properties.items() if value},
    }


def _waived(one: Waived, presentation: Presentation) -> dict[str, Any]:
    finding = presentation.findings.get(one.finding or "")
    if one.violation is not None:
        result = _result(one.violation, presentation)
    else:
        fingerprint = one.finding or ""
        location = finding.location if finding else Location()
        result = {
            "ruleId": finding.rule if finding else "waived",
            "level": "note",
            "message": {"text": sarif(finding.title if finding else f"finding {fingerprint}")},
            "locations": [_location(location, None, finding, presentation)],
            "partialFingerprints": {"gateFingerprint/v1": fingerprint},
        }
    why = f"waiver {one.waiver}, expires {one.expires}"
    return {**result, "suppressions": [{"kind": "external", "justification": sarif(why)}]}


def _condition(condition: Condition) -> dict[str, Any]:
    text = (
        f"{condition.title}: {summary.plain(condition.actual)}, wanted {summary.plain(condition.threshold)}"
    )
    identity = hashlib.sha256(f"{condition.id}\0{condition.title}".encode("utf-8", "replace")).hexdigest()
    return {
        "ruleId": condition.id,
        "level": "error",
        "message": {"text": sarif(text)},
        "locations": [_physical(_NOWHERE, None, None)],
        "partialFingerprints": {"gateFingerprint/v1": identity[:32]},
    }


def _location(
    location: Location,
    name: str | None,
    finding: Finding | None,
    presentation: Presentation,
    excerpt: Excerpt | None = None,
) -> dict[str, Any]:
    file = (location.file or "").removesuffix(RENDERED)
    uri = relative_uri(file) if file else None
    if uri is not None and file != location.file:
        # The line is of what a tool made of the template: of no use to whoever opens the template.
        shown = _physical(uri, None, None)
    elif uri is not None:
        shown = _physical(uri, location.line, location.column, excerpt)
    else:
        shown = _physical(_report_uri(finding, presentation), None, None)
    names = [name, location.resource, location.image, None if uri else location.file, location.url]
    logical = list(dict.fromkeys(sarif(text) for text in names if text))
    return shown | ({"logicalLocations": [{"fullyQualifiedName": n} for n in logical]} if logical else {})


def _physical(
    uri: str, line: int | None, column: int | None, excerpt: Excerpt | None = None
) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": max(line or 1, 1)}
    if line and column and column > 0:
        region["startColumn"] = column
    place = {"artifactLocation": {"uri": uri}, "region": region}
    if excerpt is None or excerpt.line != line or not excerpt.lines:
        return {"physicalLocation": place}
    meant = excerpt.lines[-1]
    if column and 0 < column <= len(meant):
        region["endColumn"] = len(meant.rstrip()) + 1
    region["snippet"] = {"text": sarif(meant)}
    around = {
        "startLine": excerpt.first_line,
        "endLine": excerpt.first_line + len(excerpt.lines) - 1,
        "snippet": {"text": "\n".join(map(sarif, excerpt.lines))},
    }
    return {"physicalLocation": place | {"contextRegion": around}}


def _report_uri(finding: Finding | None, presentation: Presentation) -> str:
    """The report that told of `finding`; where there is none, the project's own configuration."""
    tools = finding.scanners if finding else ()
    paths = [r.path for r in presentation.sources or presentation.decision.reports if r.scanner in tools]
    return next((uri for path in paths if path and (uri := relative_uri(path))), _NOWHERE)


# ----------------------------------------------------------------------------------------------- rules


def _rules(results: list[dict[str, Any]], presentation: Presentation) -> list[dict[str, Any]]:
    """A descriptor for every rule that the results name, by id."""
    worst: dict[str, Severity] = {}
    for result in results:
        severity = Severity(result.get("properties", {}).get("severity", "unknown"))
        known = worst.setdefault(result["ruleId"], severity)
        worst[result["ruleId"]] = min(known, severity, key=lambda s: s.rank)
    return [_rule(name, worst[name], presentation.rules.get(name)) for name in sorted(worst)]


def _rule(name: str, worst: Severity, rule: Rule | None) -> dict[str, Any]:
    score = _SCORES.get(rule.severity if rule and rule.severity else worst)
    properties: dict[str, Any] = {"tags": ["security"]} | ({"security-severity": score} if score else {})
    if rule is None:
        return {"id": name, "shortDescription": {"text": sarif(name)}, "properties": properties}
    properties["tags"] = list(dict.fromkeys(["security", *map(sarif, rule.frameworks)]))[:TAGS]
    text = "\n".join(filter(None, [rule.description or rule.title, f"Fix: {rule.fix}" if rule.fix else ""]))
    lines = text.split("\n")
    return {
        "id": name,
        "shortDescription": {"text": sarif(rule.title)},
        "fullDescription": {"text": sarif(rule.description or rule.title)},
        "help": {
            "text": "\n".join(map(sarif, lines)),
            "markdown": "\n\n".join(markdown(line) for line in lines if line.strip()),
        },
        **({"helpUri": rule.docs} if rule.docs else {}),
        "properties": properties,
    }
