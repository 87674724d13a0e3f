"""The numbers of a report that is too large to be kept: by kind and severity, exactly, in little memory.

1. The engine reads the stream once and keeps of each element what decides how it counts (scanners/tallies.py).
2. Whatever differs in that is read once by the format's own adapter.
3. Its numbers are multiplied.

No decision rests on this: findings that several tools or places share are not joined, and what does not
decide severity is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final

import msgspec

from gate import bootstrap
from gate.engines.embedded import Engine
from gate.engines.tally import Tallied, tallied
from gate.errors import ReportError
from gate.files import File
from gate.ingest import Read
from gate.model import Evidence, Status

READ_AGAIN_BYTES: Final = 2 * 1024**3
"""Most that is read for elements one by one; more means that hardly any two are equal."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What `gate convert -o summary` prints."""

    format: str
    scanner: str
    scanner_version: str | None
    status: Status
    kinds: tuple[Evidence, ...]
    created: str | None
    notes: tuple[str, ...]
    """Only where the status is not `ok`."""
    bytes: int
    findings: int
    """As the report has them; equal ones are not joined."""
    counts: dict[str, dict[str, int]]
    """kind -> severity -> number."""
    components: int


def summary(stream: BinaryIO, path: str, declared: str | None, engine: Engine) -> Summary:
    """The numbers of the report in `stream`, which `path` calls by name.

    Raises `ReportError` for what is no report of a format that can be counted so.
    """
    specs = bootstrap.tallies()
    arrays = [{"path": at.split("."), "keep": kept} for one in specs.values() for at, kept in one]
    told = tallied(bootstrap.engine_executable(), stream, arrays, path)
    read = _read(bytes(told.document), path, declared, engine)
    if read.scan.format not in specs:
        raise ReportError(
            f"{read.scan.format} is not counted from a stream",
            code="format_not_read",
            path=path,
            expected=f"one of {', '.join(specs)}",
            fix="gate convert FILE -o json reads it whole",
        )
    if read.scan.rejected:
        raise ReportError(
            f"{len(read.scan.rejected)} kinds of elements were not understood",
            code="report_wrong_shape",
            path=path,
            found=str(read.scan.rejected[0]),
            fix="gate convert FILE -o json names them",
        )
    counts: dict[str, dict[str, int]] = {}
    components = 0
    for one, number in _weighed(told, read, path, engine):
        components += len(one.scan.components) * number
        for seen in one.scan.observations:
            finding = seen.finding
            of_kind = counts.setdefault(finding.kind.value, {})
            of_kind[finding.severity.value] = of_kind.get(finding.severity.value, 0) + number
    scan = read.scan
    return Summary(
        format=scan.format,
        scanner=scan.scanner,
        scanner_version=scan.scanner_version,
        status=scan.status,
        kinds=scan.kinds,
        created=scan.created,
        notes=read.report.notes if scan.status is not Status.OK else (),
        bytes=told.bytes,
        findings=sum(number for of_kind in counts.values() for number in of_kind.values()),
        counts=counts,
        components=components,
    )


def _weighed(told: Tallied, whole: Read, path: str, engine: Engine) -> Iterator[tuple[Read, int]]:
    """Each part of the document by itself, and how often it stood there.

    What is outside of the arrays is the first part: its findings and components are those of every other
    part too, so they are taken off there.
    """
    document = msgspec.json.decode(told.document)
    elements = [_taken(document, one.path) for one in told.arrays]
    frame = msgspec.json.encode(document)
    differing = sum(len(some) for some in elements)
    if differing * len(frame) > READ_AGAIN_BYTES:
        raise ReportError(
            "hardly any two findings are alike, so they cannot be counted in little memory",
            code="report_too_large",
            path=path,
            found=f"{differing} that differ",
            fix="gate check reads it whole, up to 1 GiB",
        )
    format_ = whole.scan.format
    outside = _read(frame, path, format_, engine)
    yield outside, 1 - sum(number for one in told.arrays for number in one.counts)
    for one, some in zip(told.arrays, elements, strict=True):
        place = _array(document, one.path)
        for element, number in zip(some, one.counts, strict=True):
            place[:] = [element]
            yield _read(msgspec.json.encode(document), path, format_, engine), number
        place.clear()


def _read(data: bytes, path: str, declared: str | None, engine: Engine) -> Read:
    [read] = bootstrap.ingested((File(path=path, data=data, declared=declared),), engine)
    return read


def _array(document: Any, path: Sequence[str | int]) -> list[Any]:
    for step in path:
        document = document[step]
    found: list[Any] = document
    return found


def _taken(document: Any, path: Sequence[str | int]) -> list[Any]:
    """The elements of an array, which is left empty."""
    place = _array(document, path)
    elements = place[:]
    place.clear()
    return elements
