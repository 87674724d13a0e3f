"""Every real report of the shared data: recognised, read or refused, and counted.

Others' counts are facts about their parsers, not about the reports. Wherever gate differs, or a
file is not what its folder promises, `corpus.tsv` has a row with the reason, and a row that is no
longer true fails.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from gate.errors import ReportError
from gate.ingest import Read
from gate.model import Kind, Scan, Status
from scanners import SCANNERS
from tests.data import REPOSITORY, shared_data
from tests.scanners.builders import document_of, read

FORMATS: Final = {
    "arachni": "arachni",
    "bandit": "bandit",
    "bearer": "bearer",
    "brakeman": "brakeman",
    "burp": "burp",
    "cfn-lint": "cfn-lint",
    "checkov": "checkov",
    "codeql-sarif": "sarif",
    "conftest": "conftest",
    "cyclonedx": "cyclonedx",
    "cyclonedx-conformance/1.4": "cyclonedx",
    "cyclonedx-conformance/1.6": "cyclonedx",
    "cyclonedx-conformance/1.7": "cyclonedx",
    "dependency-check": "dependency-check",
    "detect-secrets": "detect-secrets",
    "eslint": "eslint",
    "ggshield": "ggshield",
    "github-code-scanning": "github",
    "github-dependabot": "github",
    "github-secret-scanning": "github",
    "gitlab-codequality": "gitlab-codequality",
    "gitlab-container-scanning": "gitlab",
    "gitlab-dast": "gitlab",
    "gitlab-dependency-scanning": "gitlab",
    "gitlab-sast": "gitlab",
    "gitlab-secret-detection": "gitlab",
    "gitleaks": "gitleaks",
    "gosec": "gosec",
    "grype": "grype",
    "hadolint": "hadolint",
    "horusec": "horusec",
    "junit": "junit",
    "kics": "kics",
    "kube-bench": "kube-bench",
    "kube-hunter": "kube-hunter",
    "kube-linter": "kube-linter",
    "kube-score": "kube-score",
    "kubeaudit": "kubeaudit",
    "kubescape": "kubescape",
    "kubesec": "kubesec",
    "legitify": "legitify",
    "nikto": "nikto",
    "njsscan": "njsscan",
    "noseyparker": "noseyparker",
    "npm-audit": "npm-audit",
    "npm-audit-7": "npm-audit",
    "nuclei": "nuclei",
    "openreports-policyreport": "policyreport",
    "openvex": "openvex",
    "osv-scanner": "osv-scanner",
    "pip-audit": "pip-audit",
    "pnpm-audit": "npm-audit",
    "popeye": "popeye",
    "rusty-hog": "rusty-hog",
    "sarif": "sarif",
    "secretlint": "secretlint",
    "semgrep": "semgrep",
    "snyk": "snyk",
    "snyk-code": "sarif",
    "sonarqube": "sonarqube",
    "spdx": "spdx",
    "stackhawk": "stackhawk",
    "terraform-plan": "terraform-plan",
    "terrascan": "terrascan",
    "tfsec": "tfsec",
    "trivy": "trivy",
    "trufflehog": "trufflehog",
    "trufflehog3": "trufflehog",
    "wapiti": "wapiti",
    "whispers": "whispers",
    "wizcli-iac": "wizcli-iac",
    "yarn-audit": "npm-audit",
    "zap": "zap",
}
"""Folder of the shared data -> format of its files; the files of other folders must not crash."""
COUNTED: Final = {
    "components (nested included)": "components",
    "packages[]": "components",
    "vulnerabilities[]": "observations",
    "matches[]": "observations",
    "Results[].Vulnerabilities": "observations",
    "of these misconfigurations with Status FAIL": "observations",
    "Results[].Secrets": "observations",
    "Results[].Licenses": "observations",
    "Results[] findings": "observations",
    "sarif runs[].results[]": "observations",
    "results[]": "observations",
    "vulns[]": "observations",
    "sum of vulns[]": "observations",
    "sum of groups[]": "observations",
    "distinct (id,package,version)": "observations",
    "<instance>": "observations",
    "sum of instances[]": "observations",
    "<vulnerability> elements": "observations",
    "<vulnerability>": "observations",
    "sum of vulnerabilities[]": "observations",
    "statements[]": "observations",
    "failed_checks": "observations",
    "Issues[]": "observations",
    "Reports[]": "observations",
    "warnings[]": "observations",
    "advisories": "observations",
    "records": "observations",
    "<error>": "observations",
    "<failure>": "observations",
    "sum of warnings[]": "observations",
    "sum of failures[]": "observations",
    "issues[]": "observations",
    "hotspots[]": "observations",
    "sum of queries[].files[]": "observations",
}
"""`what_is_counted` of RAW_COUNTS.tsv -> what gate makes of it; rows of one file are added up."""
OTHERWISE_COUNTED: Final = frozenset({("osv-scanner", "sum of vulnerabilities[]")})
"""Folder and `what_is_counted`, where another count of the same files is ours."""
NOT_COMPARED: Final = frozenset({"detailed_mode"})
"""Words in `source` of EXPECTED.tsv for counts of another mode of the same file."""

_ROOT: Final = Path(os.environ.get("GATE_TEST_DATA") or REPOSITORY.parent / "shared" / "data") / "reports"
_TEXTS: Final = frozenset({"SOURCES.md", "EXPECTED.tsv", "INDEX.tsv", "RAW_COUNTS.tsv"})
FILES: Final = sorted(
    path.relative_to(_ROOT).as_posix()
    for path in _ROOT.rglob("*")
    if path.is_file() and path.name not in _TEXTS and "LICENSES" not in path.parts
)


class Row(NamedTuple):
    """One line of corpus.tsv."""

    file: str
    what: str
    """`unrecognised`, `taken for` (another format), `refused` even where declared, `status`; or whose
    count: `expected` (EXPECTED.tsv), `observations`, `components` (RAW_COUNTS.tsv)."""
    theirs: str
    ours: str
    why: str


TABLE: Final = Path(__file__).parent / "corpus.tsv"
with TABLE.open(encoding="utf-8", newline="") as _lines:
    ROWS: Final = tuple(
        Row(*(line[name] for name in Row._fields)) for line in csv.DictReader(_lines, delimiter="\t")
    )


def format_of(name: str) -> str | None:
    return FORMATS.get(name.rpartition("/")[0])


OURS: Final = [name for name in FILES if format_of(name)]


@cache
def outcome(name: str, declared: str | None = None) -> Read | ReportError:
    try:
        return read(shared_data("reports", name).read_bytes(), name, declared)
    except ReportError as error:
        return error


def scan(name: str) -> Scan | None:
    found = outcome(name, format_of(name))
    return found.scan if isinstance(found, Read) else None


def test_the_corpus_is_there() -> None:
    shared_data("reports")

    assert set(FORMATS) <= {name.rpartition("/")[0] for name in FILES}
    assert {row.file for row in ROWS} <= set(FILES)
    assert len(ROWS) == len({(row.file, row.what) for row in ROWS})
    assert all(row.why for row in ROWS)


@pytest.mark.parametrize("name", FILES)
def test_no_file_crashes_and_what_is_refused_is_refused_with_place_and_reason(name: str) -> None:
    found = outcome(name)

    if isinstance(found, ReportError):
        [problem, *_] = found.problems
        assert name == problem.path
        assert problem.message


def test_the_table_says_how_every_file_differs_from_what_is_expected_of_it() -> None:
    """`UPDATE=1` writes the table anew; why a count differs is to be filled in by hand."""
    found = sorted([*recognition(), *reading(), *differing(expected_counts()), *differing(raw_counts())])
    if os.environ.get("UPDATE") == "1":
        why = {row[:2]: row.why for row in ROWS}
        with TABLE.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, delimiter="\t", lineterminator="\n")
            table.writerow(Row._fields)
            table.writerows([*row[:4], why.get(row[:2]) or row.why] for row in found)
        return

    assert [row[:4] for row in ROWS] == [row[:4] for row in found]


def recognition() -> Iterator[Row]:
    for name in OURS:
        found = outcome(name)
        if isinstance(found, Read):
            if found.scan.format != format_of(name):
                yield Row(name, "taken for", str(format_of(name)), found.scan.format, "")
        elif found.problems[0].code in ("format_unknown", "format_ambiguous"):
            yield Row(
                name, "unrecognised", str(format_of(name)), found.problems[0].code, found.problems[0].message
            )


def reading() -> Iterator[Row]:
    for name in OURS:
        found = outcome(name, format_of(name))
        if isinstance(found, ReportError):
            yield Row(name, "refused", "", found.problems[0].code, found.problems[0].message)
        elif found.scan.status is not Status.OK:
            yield Row(name, "status", Status.OK.value, found.scan.status.value, found.report.notes[0])


@pytest.mark.parametrize("name", OURS)
def test_what_an_adapter_claims_shows_its_mark(name: str) -> None:
    try:
        document = document_of(shared_data("reports", name))
    except ReportError:
        return
    claims = {key for key, scanner in SCANNERS.items() if scanner.adapter.detect(document)}

    assert claims == {key for key, scanner in SCANNERS.items() if scanner.detect(document)}


@pytest.mark.parametrize("name", OURS)
def test_no_title_is_empty_or_quotes_a_secret_and_no_cwe_is_padded(name: str) -> None:
    made = scan(name)
    for seen in made.observations if made else ():
        assert seen.finding.title
        assert seen.secret is None or seen.finding.kind is Kind.SECRET
        assert seen.secret is None or seen.secret.reveal() not in seen.finding.title
        assert all(cwe[4:].isdigit() and not cwe.startswith("CWE-0") for cwe in seen.finding.cwes)


# ------------------------------------------------------------------------------------------ counts


def table(name: str) -> list[dict[str, str]]:
    with shared_data("reports", name).open(encoding="utf-8", newline="") as lines:
        return [row for row in csv.DictReader(lines, delimiter="\t") if row["format"] in FORMATS]


def expected_counts() -> dict[tuple[str, str], int]:
    return {
        (f"{row['format']}/{row['file']}", "expected"): int(row["expected_findings"])
        for row in table("EXPECTED.tsv")
        if not any(word in row["source"] for word in NOT_COMPARED)
    }


def raw_counts() -> dict[tuple[str, str], int]:
    counts: Counter[tuple[str, str]] = Counter()
    for row in table("RAW_COUNTS.tsv"):
        name, what = f"{row['format']}/{row['file']}", COUNTED.get(row["what_is_counted"])
        if what and (row["format"], row["what_is_counted"]) not in OTHERWISE_COUNTED:
            counts[name, what] += int(row["count"])
    return dict(counts)


def differing(theirs: dict[tuple[str, str], int]) -> Iterator[Row]:
    for (name, what), count in theirs.items():
        made = scan(name)
        if made is None:
            continue  # the row of its refusal says why
        ours = len(made.components if what == "components" else made.observations)
        if ours != count:
            yield Row(name, what, str(count), str(ours), "")


def test_nearly_all_counts_of_other_projects_are_ours() -> None:
    """What differs is explained; that explanations stay few is a bar of its own."""
    unlike = [row for row in ROWS if row.what == "expected"]

    assert len(unlike) <= 0.25 * len(expected_counts())
