"""One run of a SARIF log: its results as observations, and how far the tool got.

1. Results that say "no problem" (kind pass, notApplicable, informational) or "gone" (baselineState
   absent) are left out; everything else stays, suppressed or not.
2. The level follows SARIF 3.27.10, then `security-severity` of the rule overrides it. Results of
   the kinds `open` and `review` get `unknown`: the tool did not decide, so it may be anything.
3. A run without a `results` array has failed, even beside a successful invocation: an export of
   rule metadata ends well too (3.14.23).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from gate import times
from gate.errors import quoted
from gate.model import (
    Evidence,
    Finding,
    FixState,
    Kind,
    Location,
    Observation,
    ReportSubject,
    Secret,
    Severity,
    Status,
)
from scanners.identifiers import fix_state, image_digest
from scanners.sarif import log, tools
from scanners.sarif.places import Places
from scanners.sarif.rules import NO_RULE, WORDS, Rule, Rules, cwe_ids, lower

_LEVELS: Final = {
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "note": Severity.LOW,
    "none": Severity.INFO,
}
_NO_PROBLEM: Final = frozenset({"pass", "notapplicable", "informational"})
_UNDECIDED: Final = frozenset({"open", "review"})
_TITLED_BY_RULE: Final = frozenset({Kind.VULNERABILITY, Kind.LICENSE, Kind.DAST})
"""Kinds whose messages are long explanations; the rule's own title says it shorter."""
_LINE_HASHES: Final = frozenset({"primaryLocationLineHash", "matchBasedId", "contextHash"})
"""Fingerprints known to be made of the code around, not of its position."""
_WITHHELD: Final = "requires login"
"""What semgrep writes since 1.100 in place of a fingerprint (semgrep#10734)."""

_PLACEHOLDER: Final = re.compile(r"\{(\d{1,3})\}")
_LINK: Final = re.compile(r"\[([^\][]*)\]\(\d+\)")
_PASSWORD: Final = re.compile(r"(hardcoded password: ).*", re.IGNORECASE)
_TITLE_CHARACTERS: Final = 300


class RunScan(NamedTuple):
    """What one run says."""

    scanner: str
    version: str | None
    status: Status
    created: str | None
    subject: ReportSubject | None
    kinds: tuple[Evidence, ...]
    observations: tuple[Observation, ...]
    notes: tuple[str, ...]


def run_scan(
    run: log.Run,
    results: Iterable[log.Result],
    keep: Callable[[Iterable[Observation]], tuple[Observation, ...]],
) -> RunScan:
    """Everything one run says; `results` are its own, which `run` need not hold."""
    driver = run.tool.driver
    said = " ".join(driver.name.lower().split()) or "unnamed"
    scanner = tools.ONE_NAME.get(said, said)
    status, notes = _outcome(run)
    rules, places = Rules(run), Places(run)
    kinds, subject = tools.trade(scanner).evidence, None
    if scanner.startswith("trivy"):
        kinds, subject = _trivy_target(run)
        if not kinds:
            notes.append("Trivy's SARIF does not say what was looked for; hand over its JSON as evidence")
    gone = suppressed = 0

    def seen() -> Iterator[Observation]:
        nonlocal gone, suppressed
        for result in results:
            is_gone = _is_gone(result)
            gone += is_gone
            if not (is_gone or _is_no_problem(result)):
                suppressed += _is_suppressed(result)
                yield _observation(result, run, scanner, rules, places)

    observations = keep(seen())
    if gone:
        notes.append(f"{gone} results are absent since an earlier run (baselineState); they do not count")
    if suppressed:
        notes.append(f"{suppressed} results are suppressed in the report; they count here all the same")
    ends = [times.normalized(one.end_time_utc) for one in run.invocations or ()]
    return RunScan(
        scanner=scanner,
        version=driver.semantic_version or driver.version,
        status=status,
        created=max((end for end in ends if end), default=None),
        subject=subject,
        kinds=kinds,
        observations=observations,
        notes=tuple(notes),
    )


def _observation(result: log.Result, run: log.Run, scanner: str, rules: Rules, places: Places) -> Observation:
    rule_id, known = rules.of(result)
    rule, bag = known.rule, result.properties
    kind = tools.kind(scanner, rule_id, rule)
    message = _message(result.message or log.Text(), known)
    package = tools.package(scanner, message, rule) if kind is Kind.VULNERABILITY else None
    if package is not None:
        rule_id = rule_id.removesuffix(f"-{package.name}")  # Grype's rule ids end with the package
    severity, raw = _severity(result, run, known, kind, rule_id)
    if package is not None and package.severity is not None:
        severity, raw = WORDS.get(package.severity.lower(), Severity.UNKNOWN), package.severity
    first = next(iter(result.locations or ()), None)
    physical = first.physical_location if first else None
    snippet = _snippet(physical)
    secret = None
    if kind is Kind.SECRET:
        plain = next(tools.texts(bag and bag.offender), None) or snippet
        secret = Secret(plain) if plain else None
    cwes = known.cwes
    if result.taxa or (bag and bag.cwe is not None):
        cwes = tuple(dict.fromkeys((*cwes, *rules.cwes(result.taxa), *cwe_ids(bag and bag.cwe))))
    return Observation(
        finding=Finding(
            kind=kind,
            rule=rule_id,
            title=_title(message, rule, rule_id, kind, scanner),
            severity=severity,
            severity_raw=raw,
            aliases=tools.aliases(rule_id, rule) if kind is Kind.VULNERABILITY else (),
            cwes=cwes,
            purl=package.purl if package else None,
            version=package.version or None if package else None,
            fixed_versions=package.fixed if package else (),
            fix_state=fix_state(package.fixed, package.without_fix) if package else FixState.UNKNOWN,
            location=_location(first, run, places, kind, package),
            scanners=(scanner,),
            confidence=known.confidence or lower(next(tools.texts(bag and bag.issue_confidence), None)),
        ),
        # A package is named by its location; text of a lock file around it would hold versions.
        context="" if kind in (Kind.SECRET, Kind.VULNERABILITY) else _line_hash(result) or snippet,
        secret=secret,
    )


# ------------------------------------------------------------------------------- the run as a whole


def _outcome(run: log.Run) -> tuple[Status, list[str]]:
    """How far the tool got, and why not farther."""
    notes, status = list[str](), Status.OK
    errors = [error for one in run.invocations or () for error in _errors(one, run.tool.driver)]
    if errors:
        status = Status.PARTIAL
        notes.append(f"the tool reports {len(errors)} errors, the first: {quoted(errors[0])}")
    references = run.external_property_file_references
    if references is not None and references.results:
        status = Status.PARTIAL
        notes.append("results lie in external property files, which were not handed over")
    elif run.results is None:
        status = Status.FAILED
        notes.append("the run has no array of results, so the tool did not look")
    if any(one.execution_successful is False for one in run.invocations or ()):
        status = Status.FAILED
        notes.append("the tool says that its run failed (executionSuccessful: false)")
    for one in run.invocations or ():
        if why := one.process_start_failure_message or one.exit_signal_name:
            status = Status.FAILED
            notes.append(f"the tool did not start, or was killed: {quoted(why)}")
    return status, notes


def _errors(invocation: log.Invocation, driver: log.Component) -> Iterator[str]:
    """The texts of notifications at level error; their level defaults to their descriptor's (3.58.6)."""
    known = driver.notifications or []
    for one in (
        *(invocation.tool_execution_notifications or ()),
        *(invocation.tool_configuration_notifications or ()),
    ):
        level, index = one.level, one.descriptor.index if one.descriptor else None
        if level is None and index is not None and 0 <= index < len(known):
            default = known[index].default_configuration
            level = default.level if default else None
        if level == "error":
            yield (one.message and one.message.text) or (one.descriptor and one.descriptor.id) or "no text"


def _trivy_target(run: log.Run) -> tuple[tuple[Evidence, ...], ReportSubject | None]:
    """What Trivy looked at: an image where it names one, packages where it found any flaw in them."""
    bag = run.properties or log.RunProperties()
    name = next(tools.texts(bag.image_name), None)
    if name is not None:
        digest = image_digest(name, tools.texts(bag.repo_digests))
        return (Evidence.IMAGE,), ReportSubject(name=name, digest=digest)
    flaws = any((rule.name or "").endswith("Vulnerability") for rule in run.tool.driver.rules or ())
    return (Evidence.DEPENDENCIES,) if flaws else (), None


def _is_no_problem(result: log.Result) -> bool:
    return (result.kind or "").lower() in _NO_PROBLEM


def _is_gone(result: log.Result) -> bool:
    return result.baseline_state == "absent"


def _is_suppressed(result: log.Result) -> bool:
    return any(one.status in (None, "accepted") for one in result.suppressions or ())


# ---------------------------------------------------------------------------- one result, part by part


def _severity(
    result: log.Result, run: log.Run, known: Rule, kind: Kind, rule_id: str
) -> tuple[Severity, str | None]:
    """SARIF 3.27.10, then `security-severity`; a secret without any stated level is high."""
    if known.scored is not None:
        return known.scored
    word = (result.kind or "fail").lower()
    if word in _UNDECIDED:
        return Severity.UNKNOWN, word
    level = result.level or _overridden(result, run, rule_id)
    if level is None and known.rule is not None and known.rule.default_configuration is not None:
        level = known.rule.default_configuration.level
    if level is None and kind is Kind.SECRET:
        return Severity.HIGH, None
    level = level or "warning"
    return _LEVELS.get(level.lower(), Severity.UNKNOWN), level


def _overridden(result: log.Result, run: log.Run, rule_id: str) -> str | None:
    """The level that the result's invocation configured for its rule."""
    index = result.provenance.invocation_index if result.provenance else None
    invocations = run.invocations or []
    if index is None or not 0 <= index < len(invocations):
        return None
    for one in invocations[index].rule_configuration_overrides or ():
        if one.descriptor.id == rule_id or (
            one.descriptor.id is None
            and one.descriptor.index not in (None, -1)
            and one.descriptor.index == result.rule_index
        ):
            return one.configuration.level
    return None


def _message(message: log.Text, known: Rule) -> str:
    """The text of a message, looked up by its id and filled with its arguments (3.11)."""
    text = message.text
    if text is None and message.id is not None:
        own = known.rule.message_strings if known.rule else None
        found = (own or {}).get(message.id) or (known.component.global_message_strings or {}).get(message.id)
        text = found.text if found else None
    if text is None:
        return ""
    arguments = message.arguments
    if not arguments or "{" not in text:
        return text
    return _PLACEHOLDER.sub(
        lambda hole: arguments[int(hole[1])] if int(hole[1]) < len(arguments) else hole[0], text
    )


def _title(message: str, rule: log.Rule | None, rule_id: str, kind: Kind, scanner: str) -> str:
    """The first paragraph on one line; a secret is titled by its rule, as messages quote what was found."""
    short = rule.short_description.text if rule and rule.short_description else None
    named = short or (rule.name if rule else None)
    if kind is Kind.SECRET:
        text = named or (f"secret found by {scanner}" if rule_id == NO_RULE else rule_id)
    elif kind in _TITLED_BY_RULE or scanner.startswith("trivy"):
        text = named or message or rule_id
    else:
        text = message.strip() or named or rule_id
    line = " ".join(text.strip().split("\n\n", 1)[0][: 2 * _TITLE_CHARACTERS].split())
    line = _LINK.sub(_link_text, line) if "](" in line else line
    line = _PASSWORD.sub(r"\1…", line) if "assword" in line else line
    return line if len(line) <= _TITLE_CHARACTERS else line[: _TITLE_CHARACTERS - 1] + "…"


def _link_text(link: re.Match[str]) -> str:
    return link[1]


def _location(
    first: log.Location | None,
    run: log.Run,
    places: Places,
    kind: Kind,
    package: tools.Package | None,
) -> Location:
    physical = first.physical_location if first else None
    where = places.of(physical.artifact_location if physical else None)
    region = (physical.region or physical.context_region) if physical else None
    resource = package.name if package is not None and package.purl is None else None
    if kind is Kind.MISCONFIGURATION and first is not None:
        named = next(iter(first.logical_locations or ()), None)
        resource = named.fully_qualified_name if named else None
    image = run.properties.image_name if run.properties else None
    return Location(
        file=where.file,
        line=_positive(region.start_line if region else None),
        column=_positive(region.start_column if region else None),
        resource=resource,
        image=image if isinstance(image, str) else None,
        url=where.url,
    )


def _positive(number: int | None) -> int | None:
    return number if number is not None and number > 0 else None


def _snippet(physical: log.PhysicalLocation | None) -> str:
    for region in (physical.region, physical.context_region) if physical else ():
        if region is not None and region.snippet is not None and region.snippet.text:
            return region.snippet.text
    return ""


def _line_hash(result: log.Result) -> str:
    """A fingerprint of the tool that does not depend on the line, without its occurrence number."""
    for bag in (result.partial_fingerprints, result.fingerprints):
        for key, value in (bag or {}).items():
            if key.split("/", 1)[0] in _LINE_HASHES and isinstance(value, str) and value != _WITHHELD:
                stem = value.rstrip("0123456789")
                return stem[:-1] if stem != value and stem.endswith((":", "_")) else value
    return ""
