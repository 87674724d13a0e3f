"""Reports are read once, and never taken for others."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from gate import bootstrap, limits
from gate.engines.embedded import Engine
from gate.errors import ReportError
from gate.files import File
from gate.service.known_reports import KnownReports
from tests.command import CLEAN_BANDIT, EVAL

LARGE = msgspec.json.encode(
    {**CLEAN_BANDIT, "results": [{**EVAL, "filename": f"src/{number}.py"} for number in range(300)]}
)


@pytest.fixture
def engine() -> Iterator[Engine]:
    with bootstrap.engine() as one:
        yield one


def test_the_same_bytes_of_the_same_project_are_read_once(engine: Engine) -> None:
    known = KnownReports()
    first = known.read("a", (File(path="r.json", data=LARGE),), engine)

    assert len(LARGE) > limits.SERVICE_KNOWN_FROM_BYTES
    assert first is known.read("a", (File(path="r.json", data=LARGE),), engine)
    assert 300 == len(first.gathered.findings)


@pytest.mark.parametrize(
    ("project", "other"),
    [
        ("a", File(path="other.json", data=LARGE)),
        ("a", File(path="r.json", data=LARGE + b"\n")),
        ("a", File(path="r.json", data=LARGE, declared="bandit")),
        ("b", File(path="r.json", data=LARGE)),
    ],
    ids=["path", "bytes", "format", "project"],
)
def test_what_differs_in_anything_is_read_anew(engine: Engine, project: str, other: File) -> None:
    known = KnownReports()
    first = known.read("a", (File(path="r.json", data=LARGE),), engine)

    assert first is not known.read(project, (other,), engine)


def test_reports_together_are_not_one_of_them_alone(engine: Engine) -> None:
    known = KnownReports()
    one, other = File(path="r.json", data=LARGE), File(path="s.json", data=LARGE.replace(b"src/", b"lib/"))
    first = known.read("a", (one,), engine)
    both = known.read("a", (one, other), engine)

    assert (300, 600) == (len(first.gathered.findings), len(both.gathered.findings))


def test_a_report_declared_to_be_something_else_is_refused_though_it_is_known(engine: Engine) -> None:
    known = KnownReports()
    known.read("a", (File(path="r.json", data=LARGE),), engine)

    with pytest.raises(ReportError):
        known.read("a", (File(path="r.json", data=LARGE, declared="trivy"),), engine)


def test_the_oldest_make_room_and_what_fits_nowhere_is_not_remembered(engine: Engine) -> None:
    known = KnownReports(most_bytes=len(LARGE) * 2)
    given = [(File(path=f"{number}.json", data=LARGE),) for number in range(3)]
    reads = [known.read("a", one, engine) for one in given]
    small = KnownReports(most_bytes=len(LARGE) - 1)

    assert reads[2] is known.read("a", given[2], engine)
    assert reads[0] is not known.read("a", given[0], engine)
    assert small.read("a", given[0], engine) is not small.read("a", given[0], engine)


def test_a_report_that_holds_secrets_is_not_remembered(engine: Engine) -> None:
    leak = {"Description": "x", "RuleID": "r", "StartLine": 1, "EndLine": 1, "StartColumn": 1, "EndColumn": 2}
    leak |= {"Match": "PLAINTEXT", "Secret": "PLAINTEXT", "File": "a", "SymlinkFile": "", "Commit": ""}
    leak |= {
        "Entropy": 1.0,
        "Author": "",
        "Email": "",
        "Date": "",
        "Message": "",
        "Tags": [],
        "Fingerprint": "f",
    }
    given = (File(path="r.json", data=msgspec.json.encode([leak] * 400), declared="gitleaks"),)
    known = KnownReports()

    assert known.read("a", given, engine) is not known.read("a", given, engine)
