"""The project's own samples, one folder a format: recognised, and read to exactly the expected evidence.

`tests/scanners/samples/<format>/<name>` lies beside `<name>.expected`; `make test UPDATE=1` writes
those anew, and the difference is read by eye. A secret in a sample is the word PLAINTEXT. A cut
sample is never clean, and the table in the docs is made of these samples.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Final

import msgspec
import pytest

from gate.errors import ReportError
from gate.ingest import Read
from gate.model import Component, Finding, Rejected, Status
from gate.normalize import normalize
from scanners import SCANNERS
from tests.data import REPOSITORY
from tests.scanners import formats_table
from tests.scanners.builders import document_of, read

SAMPLES: Final = Path(__file__).parent / "samples"
FILES: Final = sorted(
    path.relative_to(SAMPLES).as_posix()
    for path in SAMPLES.rglob("*")
    if path.is_file() and path.suffix != ".expected"
)
CUTS: Final = 500
LINES: Final = frozenset({"ndjson", "text"})
"""Syntaxes without a last bracket: a cut at a line's end is a shorter report."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a sample gives."""

    why: str
    format: str
    scanner: str
    scanner_version: str | None
    status: Status
    created: str | None
    subject: object
    kinds: tuple[str, ...]
    notes: tuple[str, ...]
    rejected: tuple[Rejected, ...]
    findings: tuple[Finding, ...]
    components: tuple[Component, ...]


def sample(name: str, data: bytes | None = None) -> Read:
    """The sample `name`, or another content in its place; declared where it is in a folder `declared`."""
    path = SAMPLES / name
    format_ = name.split("/", maxsplit=1)[0]
    declared = format_ if "declared" in name.split("/") else None
    return read(path.read_bytes() if data is None else data, path.name, declared)


def expected(name: str) -> bytes:
    found = sample(name)
    findings, components = normalize([found.scan])
    value = Expected(
        why=found.why,
        format=found.scan.format,
        scanner=found.scan.scanner,
        scanner_version=found.scan.scanner_version,
        status=found.scan.status,
        created=found.scan.created,
        subject=found.scan.subject,
        kinds=found.scan.kinds,
        notes=found.report.notes,
        rejected=found.scan.rejected,
        findings=findings,
        components=components,
    )
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def test_every_format_has_a_sample_and_every_folder_is_a_format() -> None:
    assert set(SCANNERS) == {name.split("/")[0] for name in FILES}


@pytest.mark.parametrize("name", FILES)
def test_a_sample_gives_the_expected_evidence(name: str) -> None:
    golden = SAMPLES / f"{name}.expected"
    actual = expected(name)
    if os.environ.get("UPDATE") == "1":
        golden.write_bytes(actual)

    assert golden.read_text(encoding="utf-8") == actual.decode()


@pytest.mark.parametrize("name", FILES)
def test_a_sample_is_of_its_own_format_and_no_secret_is_kept(name: str) -> None:
    found = sample(name)

    assert name.split("/", maxsplit=1)[0] == found.scan.format
    assert b"PLAINTEXT" not in expected(name)
    assert "PLAINTEXT" not in repr(found.scan)


@pytest.mark.parametrize("name", FILES)
def test_a_sample_cut_before_its_last_bracket_is_refused_and_cut_lines_say_no_more_than_the_whole(
    name: str,
) -> None:
    """500 random offsets, the same in every run; fewer bytes are cut at each of them."""
    data = (SAMPLES / name).read_bytes()
    whole = sample(name)
    lines = document_of(SAMPLES / name).syntax in LINES
    end = len(data) if lines else max(map(data.rfind, (b"}", b"]", b">")))
    cuts = range(end) if end <= CUTS else random.Random(name).sample(range(end), CUTS)  # noqa: S311

    for cut in cuts:
        try:
            part = sample(name, data[:cut]).scan
        except ReportError:
            continue
        assert lines, f"read although cut at byte {cut}"
        assert len(part.observations) <= len(whole.scan.observations)
        assert part.observations or part.components or part.status is not Status.OK, cut


def test_the_table_in_the_docs_is_current() -> None:
    page = REPOSITORY / "docs" / "formats-table.md"
    made = formats_table.page()
    if os.environ.get("UPDATE") == "1":
        page.write_text(made, encoding="utf-8")

    assert page.read_text(encoding="utf-8") == made
