"""Real reports of code, secret and package scanners: all are read or refused, with the right counts.

The counts of others are facts about their parsers, not about the reports; where gate differs, the
table says why. `RAW_COUNTS.tsv` counts the records of a file without any tool.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from gate.errors import ReportError
from gate.model import Kind, Scan, Secret, Status
from scanners import bandit, gitleaks, hadolint, pip_audit, sarif, semgrep
from tests.data import REPOSITORY, shared_data
from tests.scanners.builders import document, document_of

ADAPTERS: Final = {
    "bandit": bandit,
    "codeql-sarif": sarif,
    "gitleaks": gitleaks,
    "hadolint": hadolint,
    "pip-audit": pip_audit,
    "sarif": sarif,
    "semgrep": semgrep,
}

REFUSED: Final = {
    "sarif/cqa__tool-names.sarif": "a tool without a name",
    "sarif/dd__no_runs.sarif": "no run",
    "sarif/jam__sarif.json": "no version and no tool",
    "sarif/jam__suppressed-sarif.json": "no version and no tool",
    "sarif/ssdk__AndroidStudio.sarif": "SARIF 2.0.0",
    "sarif/ssdk__Comprehensive.sarif": "SARIF 2.0.0",
    "sarif/ssdk__Corrupted_Native_x86_VS2013_Default.exe.sarif": "SARIF 2.0.0",
    "sarif/ssdk__InlineExternalProperties.sarif": "SARIF 2.0.0",
    "sarif/ssdk__Minimal.sarif": "SARIF 2.0.0",
    "sarif/ssdk__MixedMode_x86_VS2013_MissingPdb.dll.sarif": "a trailing comma",
    "sarif/ssdk__RecommendedWithSource.sarif": "SARIF 2.0.0",
    "sarif/ssdk__RecommendedWithoutSource.sarif": "SARIF 2.0.0",
    "sarif/ssdk__RuleMetadata.sarif": "SARIF 2.0.0",
    "sarif/ssdk__gcc.no_fortification_required.sarif": "a trailing comma",
    "sarif/stut__No_runs.sarif": "runs is null",
}


class Differs(NamedTuple):
    """A count of somebody else's that gate does not share; ours is None where the file is refused."""

    theirs: int
    ours: int | None
    why: str


FROM_EXPECTED: Final = {
    "sarif/dd__mobsfscan.json": Differs(18, 9, "one finding for a result, not one for each location"),
    "sarif/jam__sarif.json": Differs(2, None, REFUSED["sarif/jam__sarif.json"]),
    "sarif/jam__suppressed-sarif.json": Differs(2, None, REFUSED["sarif/jam__suppressed-sarif.json"]),
    "semgrep/dd__repeated_findings.json": Differs(2 - 1, 2, "repetitions are normalize's work"),
    "semgrep/dd__sca-deployments-vulns.json": Differs(18, 22, "rows alike but for the repository are kept"),
    "gitleaks/dd__gitleaks8_many.json": Differs(3, 4, "the same secret in two places is two observations"),
    "gitleaks/dd__version_7.5.0.json": Differs(4, 8, "each commit's record is kept; normalize joins them"),
}
FROM_RAW_COUNTS: Final = {
    "sarif/dd__flawfinder.sarif": Differs(54, 53, "one result has the kind pass"),
    "sarif/ssdk__TEST1003.Baseline.sarif": Differs(7, 0, "all results are absent since an earlier run"),
    "sarif/stut__Baseline.sarif": Differs(4, 3, "one result is absent since an earlier run"),
}
STATUSES: Final = {
    "bandit/dd__no_vuln.json": Status.EMPTY_TARGET,
    "pip-audit/dd__empty_new.json": Status.EMPTY_TARGET,
    "pip-audit/dd__many_vulns_new.json": Status.PARTIAL,
    "pip-audit/dd__zero_vulns.json": Status.PARTIAL,
    "sarif/dd__appendix_k.sarif": Status.PARTIAL,
    "sarif/dd__spotbugs.sarif": Status.FAILED,
    "sarif/stut__Catastrophic_configuration_error.sarif": Status.FAILED,
    "sarif/stut__Catastrophic_execution_error.sarif": Status.FAILED,
    "sarif/stut__Notifications.sarif": Status.FAILED,
    "semgrep/dd__empty.json": Status.EMPTY_TARGET,
    "semgrep/dd__sca-deployments-vulns.json": Status.PARTIAL,
}
"""Every other file that is read is `ok`."""
UNRECOGNISED: Final = {
    "gitleaks/dd__no_findings.json": "null says nothing of its tool",
    "semgrep/dd__empty.json": "two empty arrays say nothing of their tool",
    "sarif/jam__sarif.json": "neither version nor $schema",
    "sarif/ssdk__AndroidStudio.sarif": "version 2.0.0 and no $schema",
    "sarif/jam__suppressed-sarif.json": "neither version nor $schema",
    "sarif/ssdk__Minimal.sarif": "version 2.0.0 and no $schema",
    "sarif/stut__No_runs.sarif": "runs is null",
}
TRUNCATED: Final = (
    "bandit/dd__many_vulns.json",
    "codeql-sarif/smi__out.javascript.sarif.json",
    "gitleaks/dd__version_7.5.0.json",
    "gitleaks/scb__test-report.json",
    "hadolint/dd__many_dockerfile.json",
    "pip-audit/dd__many_vulns_new.json",
    "sarif/dd__appendix_k.sarif",
    "semgrep/dd__semgrep_version_1_30_0_line_26.json",
    "semgrep/dd__sca-deployments-vulns.json",
)
CUT_BYTES: Final = 200

_ROOT: Final = Path(os.environ.get("GATE_TEST_DATA") or REPOSITORY.parent / "shared" / "data") / "reports"
FILES: Final = sorted(f"{name}/{file.name}" for name in ADAPTERS for file in (_ROOT / name).glob("*"))
READ: Final = [name for name in FILES if name not in REFUSED]


def scan(name: str) -> Scan:
    folder, file = name.split("/")
    parsed: Scan = ADAPTERS[folder].parse(document_of(shared_data("reports", folder, file)))
    return parsed


def counts(table: str, column: str, what: frozenset[str] | None = None) -> dict[str, int]:
    """File -> count, of the files of our adapters."""
    with shared_data("reports", table).open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines, delimiter="\t") if row["format"] in ADAPTERS]
    return {
        f"{row['format']}/{row['file']}": int(row[column])
        for row in rows
        if what is None or row["what_is_counted"] in what
    }


def test_the_corpus_is_there() -> None:
    shared_data("reports")

    assert set(ADAPTERS) == {name.split("/")[0] for name in FILES}


@pytest.mark.parametrize("name", READ)
def test_a_report_is_read(name: str) -> None:
    assert STATUSES.get(name, Status.OK) == scan(name).status


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_report_that_is_not_understood_is_refused_with_its_place(name: str) -> None:
    with pytest.raises(ReportError) as refused:
        scan(name)

    assert refused.value.problems[0].place().startswith(name.split("/")[1] + ":")


@pytest.mark.parametrize("name", FILES)
def test_a_report_is_recognised_by_its_own_adapter_alone(name: str) -> None:
    if "trailing comma" in REFUSED.get(name, ""):
        return
    folder, file = name.split("/")
    report = document_of(shared_data("reports", folder, file))
    expected = set() if name in UNRECOGNISED else {ADAPTERS[folder]}

    assert expected == {adapter for adapter in ADAPTERS.values() if adapter.detect(report)}


def test_counts_are_those_of_others_but_for_the_differences_named() -> None:
    expected = counts("EXPECTED.tsv", "expected_findings")
    ours = {name: None if name in REFUSED else len(scan(name).observations) for name in expected}
    differences = {name: (count, ours[name]) for name, count in expected.items() if count != ours[name]}

    assert {name: (each.theirs, each.ours) for name, each in FROM_EXPECTED.items()} == differences


def test_counts_are_those_of_the_records_but_for_the_differences_named() -> None:
    records = frozenset({"sarif runs[].results[]", "results[]", "vulns[]", "sum of vulns[]", "records"})
    raw = {name: n for name, n in counts("RAW_COUNTS.tsv", "count", records).items() if name not in REFUSED}
    ours = {name: len(scan(name).observations) for name in raw}
    differences = {name: (count, ours[name]) for name, count in raw.items() if count != ours[name]}

    assert {name: (each.theirs, each.ours) for name, each in FROM_RAW_COUNTS.items()} == differences


@pytest.mark.parametrize("name", READ)
def test_no_title_is_empty_or_quotes_a_secret_and_no_cwe_is_padded(name: str) -> None:
    for seen in scan(name).observations:
        plain = (seen.secret or Secret("\0")).reveal()
        assert seen.finding.title
        assert plain not in seen.finding.title
        assert seen.secret is None or seen.finding.kind is Kind.SECRET
        assert all(cwe[4:].isdigit() and not cwe.startswith("CWE-0") for cwe in seen.finding.cwes)


@pytest.mark.parametrize("name", TRUNCATED)
def test_a_truncated_report_is_never_read(name: str) -> None:
    folder, file = name.split("/")
    data = shared_data("reports", folder, file).read_bytes().strip()
    step = max(CUT_BYTES, len(data) // 250 // CUT_BYTES * CUT_BYTES)
    for end in range(0, len(data), step):
        with pytest.raises(ReportError):
            ADAPTERS[folder].parse(document(data[:end], file))


SAMPLES: Final = {
    "bandit": b'{"results": [], "errors": [], "metrics": {"_totals": {}, "a.py": {"loc": 3}}}',
    "gitleaks": b'[{"RuleID": "r", "StartLine": 1, "File": "f", "Secret": "s", "Match": "m"}]',
    "hadolint": b'[{"file": "D", "line": 1, "code": "DL3008", "level": "info", "message": "m"}]',
    "pip-audit": b'{"dependencies": [{"name": "a", "version": "1", "vulns": []}], "fixes": []}',
    "sarif": b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "T"}}, "results": []}]}',
    "semgrep": b'{"results": [], "errors": [], "paths": {"scanned": ["a.py"]}, "version": "1.97.0"}',
}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_clean_report_cut_at_any_byte_is_never_read(name: str) -> None:
    assert Status.OK == ADAPTERS[name].parse(document(SAMPLES[name])).status
    for end in range(len(SAMPLES[name])):
        with pytest.raises(ReportError):
            ADAPTERS[name].parse(document(SAMPLES[name][:end]))


@pytest.mark.parametrize("name", sorted(SAMPLES))
@pytest.mark.parametrize("other", sorted(SAMPLES))
def test_the_clean_report_of_another_tool_is_refused_or_at_least_not_clean(name: str, other: str) -> None:
    if name == other:
        return
    try:
        status = ADAPTERS[name].parse(document(SAMPLES[other])).status
    except ReportError:
        return

    assert Status.EMPTY_TARGET == status
