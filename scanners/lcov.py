"""LCOV's tracefile, which lcov, Istanbul, llvm-cov and others write: which lines and branches ran.

Counted by the lines (`DA`) and branches (`BRDA`) themselves, once for each file. Text has no end of its own: a
record without `end_of_record`, or whose own `LF` says more lines than it has, makes the report partial.
Source: geninfo(1), "Files".
"""

from __future__ import annotations

from typing import Final, NamedTuple

from gate.documents.document import Document
from gate.model import Scan
from scanners import ratios
from scanners.ratios import Counted

_EXPECTED: Final = "an LCOV tracefile"
_SHORTEST: Final = 2
"""Parts of `DA:number,count`; a checksum may follow."""
_BRANCH: Final = 4
"""Parts of `BRDA:line,block,branch,taken`."""


class _Seen(NamedTuple):
    lines: dict[tuple[str, str], int]
    branches: dict[tuple[str, ...], int]
    short: list[str]
    """Files whose record is not whole."""


def detect(document: Document) -> str | None:
    """Why `document` is an LCOV tracefile, or None."""
    first = str(document.top or "")
    if document.syntax == "text" and first.startswith(("TN:", "SF:")):
        return f"the first line begins with {first[:2]}:"
    return None


def parse(document: Document) -> Scan:
    """Lines and branches of all files; raises `ReportError` for counts that are none."""
    seen = _read(document)
    lines = Counted(sum(1 for count in seen.lines.values() if count), len(seen.lines))
    branches = Counted(sum(1 for count in seen.branches.values() if count), len(seen.branches))
    notes = tuple(f"the record of {file[:80]!r} is not whole" for file in seen.short)
    return ratios.scan("lcov", lines, branches, notes=notes, is_whole=not seen.short)


def _read(document: Document) -> _Seen:
    seen = _Seen({}, {}, [])
    file, found, said, is_open = "", 0, 0, False
    for line in document.lines(_EXPECTED):
        tag, _, value = line.strip().partition(":")
        if tag == "SF":
            if is_open:
                seen.short.append(file)
            file, found, said, is_open = value, 0, 0, True
        elif tag == "DA":
            found += 1
            _line(seen, file, value, document.path)
        elif tag == "BRDA":
            _branch(seen, file, value, document.path)
        elif tag == "LF":
            said = ratios.number(value, "LF", document.path)
        elif tag == "end_of_record":
            if said > found or not is_open:
                seen.short.append(file)
            is_open = False
    if is_open:
        seen.short.append(file)
    return seen


def _line(seen: _Seen, file: str, value: str, path: str) -> None:
    parts = value.split(",")
    count = ratios.number(parts[1] if len(parts) >= _SHORTEST else None, "the count of a line", path)
    place = file, parts[0]
    seen.lines[place] = max(count, seen.lines.get(place, 0))


def _branch(seen: _Seen, file: str, value: str, path: str) -> None:
    parts = value.split(",")
    taken = parts[3] if len(parts) >= _BRANCH else ""
    # `-`: the line never ran.
    count = 0 if taken == "-" else ratios.number(taken, "the count of a branch", path)
    place = (file, *parts[:3])
    seen.branches[place] = max(count, seen.branches.get(place, 0))
