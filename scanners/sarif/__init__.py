"""SARIF 2.1.0 of any tool: one finding for each result, at its first location.

Suppressions are counted in a note, never obeyed. Code flows, graphs, fixes, attachments and all
locations but the first are not read. Results outside the run objects (external or inline property
files) are not read either and make the scan partial.

    log.py     the shape: what is read of the format, and nothing else
    tools.py   what the tool's name and texts say: kind, evidence, package
    rules.py   which rule a result means
    places.py  artifact locations to paths and addresses
    runs.py    one run to observations, status and notes
"""

from __future__ import annotations

from typing import Final, TypeVar

from gate.documents.document import Document
from gate.errors import ReportError
from gate.model import Scan, Status
from scanners.sarif import log as shape
from scanners.sarif.runs import RunScan, run_scan

T = TypeVar("T")

_EXPECTED: Final = "a SARIF 2.1.0 log"
_WORST_LAST: Final = (Status.OK, Status.PARTIAL, Status.FAILED)


def detect(document: Document) -> str | None:
    """Why `document` is SARIF, or None."""
    if not isinstance(document.at("runs"), list):
        return None
    if document.at("version") == "2.1.0":
        return "runs, and version is 2.1.0"
    schema = document.at("$schema")
    return "runs, and $schema names sarif" if isinstance(schema, str) and "sarif" in schema.lower() else None


def parse(document: Document) -> Scan:
    """The results of every run; the worst status of any run counts.

    Raises `ReportError` for another version of SARIF, for a tool without a name, and where there is
    no run: then nothing was scanned.
    """
    log = document.decoded(shape.Log, _EXPECTED)
    if not log.runs:
        raise ReportError(
            "the log holds no run, so nothing was scanned",
            code="report_empty",
            path=document.path,
            line=1,
            column=1,
            found="an empty array of runs",
            expected="at least one run",
            fix="check that the scanner ran; an empty log is never read as 'no findings'",
        )
    runs = [
        run_scan(
            run,
            document.elements(run.results, shape.Result, _EXPECTED, "runs", index, "results"),
            document.kept,
        )
        for index, run in enumerate(log.runs)
    ]
    notes = [note for run in runs for note in run.notes]
    statuses = [run.status for run in runs]
    if any(external.results for external in log.inline_external_properties or ()):
        statuses.append(Status.PARTIAL)
        notes.append("the results in inlineExternalProperties were not read")
    return Scan(
        format="sarif",
        scanner="+".join(dict.fromkeys(run.scanner for run in runs)),
        scanner_version=_shared([run.version for run in runs]),
        status=max(statuses, key=_WORST_LAST.index),
        created=_oldest(runs),
        subject=_shared([run.subject for run in runs]),
        kinds=tuple(dict.fromkeys(kind for run in runs for kind in run.kinds)),
        observations=tuple(seen for run in runs for seen in run.observations),
        notes=tuple(dict.fromkeys(notes)),
    )


def _shared(values: list[T | None]) -> T | None:
    """The value that all runs agree on, else None."""
    return values[0] if all(value == values[0] for value in values) else None


def _oldest(runs: list[RunScan]) -> str | None:
    # The oldest run says how fresh the whole is; one without a time leaves that unknown.
    times = [run.created for run in runs]
    return min(time for time in times if time) if all(times) else None
