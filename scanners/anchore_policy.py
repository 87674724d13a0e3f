"""Anchore's policy evaluations: of Enterprise (rows by image and tag) and of `anchorectl policy`.

Every row is a finding: of the gate `vulnerabilities` a flaw in a package, of others what they are. What
Anchore's own allow list covers counts, with a note. A policy may look at anything or at nothing: an
evaluation is evidence of no scan.

Source: Anchore documentation, "Policy gates" and "Policy evaluation"; real reports; FORMATS.md 2.24.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw

from gate import times
from gate.documents.document import Document, wrong_shape
from gate.model import Finding, Kind, Location, Observation, Rejected, ReportSubject, Scan, Severity, Status
from scanners import flaws
from scanners.identifiers import sha256_digest

_EXPECTED: Final = "a policy evaluation of Anchore"
_ACTIONS: Final = {"stop": Severity.HIGH, "warn": Severity.MEDIUM, "go": Severity.LOW}
"""What a rule without a severity of its own is worth; an action that is not known is unknown."""
_KINDS: Final = {
    "licenses": Kind.LICENSE,
    "malware": Kind.MALWARE,
    "secret_scans": Kind.SECRET,
    "vulnerabilities": Kind.VULNERABILITY,
}
_WORD: Final = re.compile(r"\s*(critical|high|medium|low|negligible|unknown)\b", re.IGNORECASE)
_COLUMNS: Final = ("Repo_Tag", "Trigger_Id", "Gate", "Trigger", "Check_Output", "Gate_Action", "Whitelisted")


class _Detail(msgspec.Struct, rename="camel"):
    """One row of anchorectl, and what a row of Enterprise becomes."""

    gate: str
    trigger_id: str
    trigger_name: str
    status: str
    description: str = ""
    tag: str = ""
    allowlisted: bool = False


class _Evaluation(msgspec.Struct, rename="camel"):
    """An evaluation of anchorectl; before version 1 `detail`."""

    status: str
    final_action: str = ""
    details: list[Raw] | None = None
    detail: list[Raw] | None = None
    number_of_findings: int | None = None
    evaluation_time: str | None = None
    last_evaluation: str | None = None
    tag: str = ""
    digest: str = ""

    @property
    def rows(self) -> list[Raw]:
        """Its rows, wherever they stand."""
        return self.details or self.detail or []


class _Evaluations(msgspec.Struct, rename="camel"):
    evaluations: list[_Evaluation]
    evaluated_tag: str = ""
    image_digest: str = ""


class _Table(msgspec.Struct):
    header: list[str]
    rows: list[list[Any]]
    row_count: int | None = None


class _Holder(msgspec.Struct):
    result: _Table


class _Tables(msgspec.Struct):
    result: dict[str, _Holder | list[Any] | str | None]
    """Tables by the image's id, and between them what the policy was called."""
    evaluation_problems: list[Any] | None = None

    @property
    def tables(self) -> list[_Table]:
        """The tables alone."""
        return [held.result for held in self.result.values() if isinstance(held, _Holder)]


class _TableDetail(msgspec.Struct):
    result: _Tables


class _Enterprise(msgspec.Struct):
    detail: _TableDetail
    status: str
    last_evaluation: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a policy evaluation of Anchore, or None."""
    if "finalAction" in document.first and "policyId" in document.first:
        return "an array of evaluations with finalAction and policyId (anchorectl)"
    if {"evaluations", "evaluatedTag"} <= document.keys:
        return "evaluations and evaluatedTag (anchorectl)"
    if any(name.startswith("sha256:") for name in document.first) and _enterprise_mark(document):
        return "an array of evaluations by digest and tag (Enterprise)"
    return None


def _enterprise_mark(document: Document) -> bool:
    [tags, *_] = document.first.values()
    evaluations = next(iter(tags.values()), None) if isinstance(tags, dict) else None
    return (
        isinstance(evaluations, list)
        and bool(evaluations)
        and isinstance(evaluations[0], dict)
        and {"detail", "policyId", "status"} <= evaluations[0].keys()
    )


def parse(document: Document) -> Scan:
    """Every row; partial where the evaluation had problems of its own or counts more than it lists.

    Raises `ReportError` where an evaluation lacks its rows.
    """
    if any(name.startswith("sha256:") for name in document.first):
        return _enterprise(document)
    if "evaluations" in document.keys:
        whole = document.decoded(_Evaluations, _EXPECTED)
        return _listed(document, whole.evaluations, whole.evaluated_tag, whole.image_digest, "$.evaluations")
    evaluations = document.decoded(list[_Evaluation], _EXPECTED)
    first = evaluations[0] if evaluations else None
    return _listed(document, evaluations, first.tag if first else "", first.digest if first else "", "$")


def _listed(document: Document, evaluations: list[_Evaluation], tag: str, digest: str, where: str) -> Scan:
    details: list[_Detail] = []
    rejected: list[Rejected] = []
    notes: list[str] = []
    for number, one in enumerate(evaluations):
        key = "details" if one.details is not None else "detail"
        found = document.each(one.rows, _Detail, f"{where}[{number}].{key}", _EXPECTED)
        details += found.good
        rejected += found.rejected
        if (one.number_of_findings or 0) > len(one.rows):
            notes.append(f"the evaluation counts {one.number_of_findings} findings and lists {len(one.rows)}")
        if one.final_action.lower() == "stop" and not one.rows:
            notes.append("the evaluation ends in stop and gives no reason")
    stamps = [one.evaluation_time or one.last_evaluation for one in evaluations]
    created = times.normalized(stamps[0]) if stamps else None
    if not evaluations:
        notes.append("no image was evaluated")
    status = Status.EMPTY_TARGET if not evaluations else Status.PARTIAL if notes else Status.OK
    return _scan(details, rejected, notes, status, created, _subject(tag, digest))


def _enterprise(document: Document) -> Scan:
    images = document.decoded(list[dict[str, dict[str, list[_Enterprise]]]], _EXPECTED)
    details: list[_Detail] = []
    notes: list[str] = []
    created: str | None = None
    subject: ReportSubject | None = None
    for digest, tags in ((digest, tags) for image in images for digest, tags in image.items()):
        for tag, evaluations in tags.items():
            subject = subject or _subject(tag, digest)
            for one in evaluations:
                created = created or times.normalized(one.last_evaluation)
                tables = one.detail.result
                details += [row for table in tables.tables for row in _rows(table, document)]
                problems = len(tables.evaluation_problems or ())
                notes += [f"the evaluation had {problems} problems of its own"] if problems else []
                notes += [note for table in tables.tables if (note := _missing(table))]
                if not tables.tables:
                    notes.append("the evaluation has no table of results")
                if one.status.lower() == "fail" and not any(table.rows for table in tables.tables):
                    notes.append("the evaluation failed and gives no reason")
    status = Status.PARTIAL if notes else Status.OK
    return _scan(details, [], notes, status, created, subject)


def _rows(table: _Table, document: Document) -> Iterator[_Detail]:
    missing = set(_COLUMNS) - set(table.header)
    if missing or any(len(row) != len(table.header) for row in table.rows):
        raise wrong_shape(
            document.path,
            f"not {_EXPECTED}: its table lacks columns or cells",
            found=", ".join(sorted(missing)) or "rows of another length",
            expected=", ".join(_COLUMNS),
        )
    for row in table.rows:
        cell = dict(zip(table.header, row, strict=True))
        yield _Detail(
            gate=str(cell["Gate"]),
            trigger_id=str(cell["Trigger_Id"]),
            trigger_name=str(cell["Trigger"]),
            status=str(cell["Gate_Action"]),
            description=str(cell["Check_Output"]),
            tag=str(cell["Repo_Tag"]),
            allowlisted=bool(cell["Whitelisted"]),
        )


def _missing(table: _Table) -> str | None:
    if table.row_count is not None and table.row_count > len(table.rows):
        return f"the evaluation counts {table.row_count} rows and lists {len(table.rows)}"
    return None


def _subject(tag: str, digest: str) -> ReportSubject | None:
    return ReportSubject(name=tag or digest, digest=sha256_digest(digest)) if tag or digest else None


def _scan(
    details: list[_Detail],
    rejected: list[Rejected],
    notes: list[str],
    status: Status,
    created: str | None,
    subject: ReportSubject | None,
) -> Scan:
    allowed = sum(row.allowlisted for row in details)
    return Scan(
        format="anchore-policy",
        scanner="anchore",
        status=status,
        created=created,
        subject=subject,
        kinds=(),
        observations=tuple(map(_observation, details)),
        rejected=tuple(rejected),
        notes=(*notes, f"{allowed} rows are on Anchore's allow list and count here")
        if allowed
        else tuple(notes),
    )


def _observation(row: _Detail) -> Observation:
    kind = _KINDS.get(row.gate, Kind.MISCONFIGURATION)
    if kind is Kind.VULNERABILITY and "+" in row.trigger_id:
        id_, _, package = row.trigger_id.partition("+")
        word = _WORD.match(row.description)
        return flaws.observed(
            flaws.Flaw(
                id=id_,
                package=package,
                title=row.description or None,
                severity=flaws.worded(word[1], {"negligible": Severity.INFO}) if word else Severity.UNKNOWN,
                word=word[1] if word else None,
                location=Location(image=row.tag or None),
            ),
            "anchore",
        )
    rule = f"{row.gate}:{row.trigger_name}"
    return Observation(
        finding=Finding(
            kind=kind,
            rule=rule,
            # What a secret scan matched may stand in its text.
            title=rule if kind is Kind.SECRET else row.description or rule,
            severity=_ACTIONS.get(row.status.lower(), Severity.UNKNOWN),
            severity_raw=row.status or None,
            location=Location(image=row.tag or None),
            scanners=("anchore",),
        ),
        context=row.trigger_id,
    )
