"""What gate knows of a report because it had it made: where the paths start, what the exit code said."""

from __future__ import annotations

import msgspec

from gate.errors import ReportError
from gate.files import File, Made
from gate.ingest import Read
from gate.model import Observation, Scan, Status


def told(read: Read, file: File) -> Read:
    """`read` with what is known of how its file was made; as it is for a file that somebody else made.

    Raises `ReportError` where the tool said that it found something, and its report knows of nothing:
    many tools have one exit code for findings and for a crash.
    """
    made = file.made
    if made is None:
        return read
    scan = read.scan
    is_silent = not (scan.observations or scan.rejected or scan.objects)
    if made.says_findings and is_silent and scan.status in (Status.OK, Status.EMPTY_TARGET):
        raise ReportError(
            "the tool said that it found something, and its report holds no finding",
            code="tool_contradiction",
            path=file.path,
            found=made.how,
            expected="a finding in the report, or an exit code that says there is none",
            fix="it probably crashed after it began to write; run it by hand and look",
        )
    report = msgspec.structs.replace(read.report, notes=(*read.report.notes, f"made by gate: {made.how}"))
    return msgspec.structs.replace(read, report=report, scan=_relative(scan, made))


def _relative(scan: Scan, made: Made) -> Scan:
    """`scan` with its files told from the folder that was scanned, whoever's machine that was on."""
    seen = tuple(_placed(one, made) for one in scan.observations)
    return msgspec.structs.replace(scan, observations=seen)


def _placed(seen: Observation, made: Made) -> Observation:
    at = seen.finding.location
    file = _path(at.file, made) if at.file else None
    if file == at.file:
        return seen
    finding = msgspec.structs.replace(seen.finding, location=msgspec.structs.replace(at, file=file))
    return msgspec.structs.replace(seen, finding=finding)


def _path(file: str, made: Made) -> str:
    # Tools that work in their own folder write absolute paths with `file://`, or with the first slash gone.
    plain = file.removeprefix("file://")
    for root in (f"{made.root}/", f"{made.root}/".lstrip("/")):
        if plain.startswith(root):
            return plain.removeprefix(root)
    if made.folder == "." or plain.startswith("/"):
        return file
    return f"{made.folder}/{plain}"
