"""What other tools were told to overlook, as drafts of waivers: for a person to review, never in force by itself.

Read: Trivy's `.trivyignore` and `.trivyignore.yaml`, DefectDojo's risk acceptances (the API's JSON, asked for with
`prefetch=accepted_findings`), Kyverno's PolicyException. What is not understood is refused, not left out: a
waiver that silently lost its condition would cover more than anybody accepted.

Sources: trivy.dev/docs/latest/configuration/filtering, DefectDojo API v2 `/risk_acceptance/`, kyverno.io/v2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import product
from typing import Any, Final

import msgspec

from gate import times
from gate.documents import json as json_documents
from gate.documents import yaml
from gate.errors import ReportError, WaiverError, quoted

MOST: Final = 10_000
_EXPIRY: Final = re.compile(r"exp:(\S+)")
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}")
_TRIVY: Final = ("vulnerabilities", "misconfigurations", "secrets", "licenses")
_TRIVY_KEYS: Final = frozenset({"id", "paths", "purls", "expired_at", "statement"})
_RESOURCE_KEYS: Final = frozenset({"kinds", "namespaces", "names", "operations"})


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was overlooked."""

    match: dict[str, str]
    """Keys of a waiver's `match`."""
    note: str
    until: date | None = None
    """The last day on which it counted there; None where it never ended."""
    by: str | None = None
    """Who accepted it there."""


def candidates(data: bytes, path: str) -> tuple[Candidate, ...]:
    """Everything that the file overlooks; raises `WaiverError` for what is not wholly understood."""
    name = path.rpartition("/")[2].lower()
    if name.endswith(".trivyignore"):
        found = tuple(_trivy_lines(data, path))
    elif data.lstrip()[:1] in (b"{", b"["):
        found = tuple(_risk_acceptances(_json(data, path), path))
    else:
        found = tuple(_yaml(yaml.parsed(data, path, WaiverError).value, path))
    if not found or len(found) > MOST:
        raise _wrong(path, f"found {len(found)} entries", f"1 to {MOST}")
    return found


# ------------------------------------------------------------------------------------------ Trivy


def _trivy_lines(data: bytes, path: str) -> Iterator[Candidate]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _wrong(path, "it is no UTF-8", "text") from None
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        ends = [match[1] for word in words[1:] if (match := _EXPIRY.fullmatch(word))]
        if len(words) != 1 + len(ends) or len(ends) > 1:
            raise _wrong(path, quoted(line), "an id, and perhaps exp:YYYY-MM-DD", number)
        until = _day(ends[0], path, number) if ends else None
        comment = line.partition("#")[2].strip()
        yield Candidate(
            match={"vulnerability": _id(words[0], path, number)}, note=_note("Trivy", comment), until=until
        )


def _trivy_yaml(value: Mapping[str, Any], path: str) -> Iterator[Candidate]:
    for kind, entries in value.items():
        if kind not in _TRIVY or not isinstance(entries, list):
            raise _wrong(path, quoted(kind), f"lists under {', '.join(_TRIVY)}")
        for entry in entries:
            if not isinstance(entry, dict) or set(entry) - _TRIVY_KEYS:
                raise _wrong(path, quoted(entry), f"an entry of {', '.join(sorted(_TRIVY_KEYS))}")
            until = entry.get("expired_at")
            last = _day(str(until), path) if until is not None else None
            note = _note("Trivy", str(entry.get("statement") or ""))
            places = [_texts(entry, key, path) or [""] for key in ("paths", "purls")]
            for where, purl in product(*places):
                match = {"vulnerability": _id(entry.get("id"), path)}
                match |= {"path": where} if where else {}
                match |= {"purl": purl} if purl else {}
                yield Candidate(match=match, note=note, until=last)


# ------------------------------------------------------------------------------------- DefectDojo


def _risk_acceptances(value: Any, path: str) -> Iterator[Candidate]:
    results = value.get("results") if isinstance(value, dict) else None
    if not isinstance(results, list):
        raise _wrong(path, "no results", "risk acceptances of DefectDojo's API, or a file that Trivy reads")
    if value.get("next"):
        raise _wrong(path, "one page of several", "all of them: ask with limit=10000")
    prefetch = value.get("prefetch")
    known = prefetch.get("accepted_findings") if isinstance(prefetch, dict) else None
    for one in results:
        accepted = one.get("accepted_findings") if isinstance(one, dict) else None
        if not isinstance(accepted, list):
            raise _wrong(path, quoted(one), "a risk acceptance with accepted_findings")
        for finding_id in accepted:
            finding = known.get(str(finding_id)) if isinstance(known, dict) else None
            if not isinstance(finding, dict):
                raise _wrong(
                    path,
                    f"finding {finding_id} by its number alone",
                    "prefetch=accepted_findings in the question",
                )
            yield _accepted(one, finding, path)


def _accepted(one: Mapping[str, Any], finding: Mapping[str, Any], path: str) -> Candidate:
    ids = [
        entry.get("vulnerability_id")
        for entry in finding.get("vulnerability_ids") or ()
        if isinstance(entry, dict)
    ]
    name = next((each for each in [*ids, finding.get("cve"), finding.get("vuln_id_from_tool")] if each), None)
    match = {"vulnerability": _id(name, path)}
    if finding.get("file_path"):
        match["path"] = str(finding["file_path"])
    until = one.get("expiration_date")
    return Candidate(
        match=match,
        note=_note("DefectDojo", str(one.get("decision_details") or one.get("name") or "")),
        until=_day(str(until), path) if until else None,
        by=str(one["accepted_by"]) if one.get("accepted_by") else None,
    )


# ---------------------------------------------------------------------------------------- Kyverno


def _yaml(value: Any, path: str) -> Iterator[Candidate]:
    if not isinstance(value, dict) or not value:
        raise _wrong(path, quoted(value), "Trivy's ignore file or a PolicyException")
    if value.get("kind") == "PolicyException":
        return _policy_exception(value, path)
    return _trivy_yaml(value, path)


def _policy_exception(value: Mapping[str, Any], path: str) -> Iterator[Candidate]:
    if not str(value.get("apiVersion")).startswith("kyverno.io/"):
        raise _wrong(path, quoted(value.get("apiVersion")), "kyverno.io/v2")
    spec = value.get("spec")
    unknown = sorted(set(spec) - {"exceptions", "match", "background"}) if isinstance(spec, dict) else []
    if not isinstance(spec, dict) or unknown:
        raise _wrong(path, quoted(unknown or spec), "exceptions and match, without conditions")
    for exception in spec.get("exceptions") or ():
        if not isinstance(exception, dict):
            raise _wrong(path, quoted(exception), "policyName and ruleNames")
        policy = _id(exception.get("policyName"), path)
        rules = ", ".join(_texts(exception, "ruleNames", path) or ["every rule"])
        for found in _objects(spec.get("match"), path):
            note = _note("Kyverno", f"{policy}: {rules}; put gate's rule in the place of the policy's name")
            yield Candidate(match={"rule": policy, "object": found}, note=note)


def _objects(match: Any, path: str) -> Iterator[str]:
    """`Kind/namespace/name` of everything that `match` selects by these three alone."""
    groups = match.get("any") or match.get("all") if isinstance(match, dict) else None
    if not isinstance(groups, list) or not groups or len(match) != 1 or ("all" in match and len(groups) > 1):
        raise _wrong(path, quoted(match), "resources under match.any")
    for group in groups:
        resources = group.get("resources") if isinstance(group, dict) and len(group) == 1 else None
        if not isinstance(resources, dict) or set(resources) - _RESOURCE_KEYS or not resources.get("kinds"):
            raise _wrong(path, quoted(group), "resources by kinds, namespaces and names alone")
        kinds = [kind.rpartition("/")[2] for kind in _texts(resources, "kinds", path)]
        spaces = _texts(resources, "namespaces", path) or ["*"]
        names = _texts(resources, "names", path) or ["*"]
        yield from ("/".join(parts) for parts in product(kinds, spaces, names))


# ----------------------------------------------------------------------------------------- values


def _json(data: bytes, path: str) -> Any:
    try:
        return json_documents.parsed(data, path)
    except ReportError as error:
        raise WaiverError(problems=error.problems) from None


def _id(value: Any, path: str, line: int | None = None) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise _wrong(path, quoted(value), "an id without blanks and wildcards", line)
    return value


def _texts(owner: Mapping[str, Any], key: str, path: str) -> list[str]:
    value = owner.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
        raise _wrong(path, f"{key}: {quoted(value)}", "a list of names")
    return value


def _day(text: str, path: str, line: int | None = None) -> date:
    """The last day before `text`, the moment at which it ends."""
    at = times.instant(text if "T" in text else f"{text[:10]}T00:00:00Z") if len(text) >= 10 else None
    if at is None:
        raise _wrong(path, quoted(text), "a date, 2026-12-31", line)
    return at.date() - timedelta(days=1)


def _note(tool: str, text: str) -> str:
    plain = " ".join(text.split())[:400]
    return f"taken over from {tool}{f': {plain}' if plain else ''}"


def _wrong(path: str, found: str, expected: str, line: int | None = None) -> WaiverError:
    return WaiverError(
        "what is to be taken over is not understood",
        code="waiver_import",
        path=path,
        line=line,
        found=found,
        expected=expected,
        fix="correct the file, or write this one by hand with `gate waiver new`",
    )


def ended(given: Iterable[Candidate], today: date) -> tuple[tuple[Candidate, ...], int]:
    """Those that had not ended on `today`, and how many had."""
    given = tuple(given)
    standing = tuple(one for one in given if one.until is None or one.until > today)
    return standing, len(given) - len(standing)
