"""Every real report of the shared data: recognised, read or refused, and counted.

Others' counts are facts about their parsers, not about the reports. Wherever gate differs, or a
file is not what its folder promises, `corpus.tsv` has a row with the reason, and a row that is no
longer true fails.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import pytest

from gate.errors import ReportError
from gate.ingest import Read
from gate.model import Kind, Observation, Scan, Status
from scanners import SCANNERS
from tests.data import REPOSITORY, shared_data
from tests.scanners.builders import document_of, read

FORMATS: Final = {
    "anchore-engine": "anchore",
    "anchore-enterprise": "anchore-policy",
    "anchorectl": "anchore",
    "anchorectl-policies": "anchore-policy",
    "aqua": "aqua",
    "arachni": "arachni",
    "auditjs": "oss-index",
    "bandit": "bandit",
    "bearer": "bearer",
    "brakeman": "brakeman",
    "bundler-audit": "bundler-audit",
    "burp": "burp",
    "cargo-audit": "cargo-audit",
    "cfn-lint": "cfn-lint",
    "checkmarx-one": "checkmarx-one",
    "checkov": "checkov",
    "clair": "clair",
    "codeql-sarif": "sarif",
    "composer-audit": "composer-audit",
    "conftest": "conftest",
    "csaf": "csaf",
    "cyclonedx": "cyclonedx",
    "cyclonedx-conformance/1.4": "cyclonedx",
    "cyclonedx-conformance/1.6": "cyclonedx",
    "cyclonedx-conformance/1.7": "cyclonedx",
    "defectdojo-generic": "defectdojo-generic",
    "dependency-check": "dependency-check",
    "dependency-track": "dependency-track",
    "detect-secrets": "detect-secrets",
    "dockle": "dockle",
    "eslint": "eslint",
    "fortify": "fortify",
    "gcloud-artifact-scan": "gcloud-artifact-scan",
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
    "govulncheck": "govulncheck",
    "grype": "grype",
    "hadolint": "hadolint",
    "harbor": "harbor",
    "horusec": "horusec",
    "jfrog-xray": "jfrog-xray",
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
    "mend": "mend",
    "nancy": "oss-index",
    "neuvector": "neuvector",
    "nikto": "nikto",
    "njsscan": "njsscan",
    "noseyparker": "noseyparker",
    "npm-audit": "npm-audit",
    "npm-audit-7": "npm-audit",
    "nuclei": "nuclei",
    "openreports-policyreport": "policyreport",
    "openvex": "openvex",
    "ort": "ort",
    "osv-scanner": "osv-scanner",
    "pip-audit": "pip-audit",
    "pnpm-audit": "npm-audit",
    "popeye": "popeye",
    "prisma-twistlock": "prisma",
    "retirejs": "retirejs",
    "rusty-hog": "rusty-hog",
    "sarif": "sarif",
    "secretlint": "secretlint",
    "semgrep": "semgrep",
    "semgrep-pro": "semgrep-findings",
    "snyk": "snyk",
    "snyk-code": "sarif",
    "snyk-issue-api": "snyk-issues",
    "sonarqube": "sonarqube",
    "spdx": "spdx",
    "spotbugs": "spotbugs",
    "stackhawk": "stackhawk",
    "sysdig": "sysdig",
    "terraform-plan": "terraform-plan",
    "terrascan": "terrascan",
    "tfsec": "tfsec",
    "trivy": "trivy",
    "trivy-operator": "trivy-operator",
    "trufflehog": "trufflehog",
    "trufflehog3": "trufflehog",
    "veracode": "veracode",
    "wapiti": "wapiti",
    "whispers": "whispers",
    "wizcli-iac": "wizcli-iac",
    "xeol": "xeol",
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
    "sum of queries[].files[]": "observations",
    "sum of warnings[]": "observations",
    "sum of failures[]": "observations",
    "issues[]": "observations",
    "hotspots[]": "observations",
    "<error>": "observations",
    "<failure>": "observations",
}
"""`what_is_counted` of RAW_COUNTS.tsv -> what gate makes of it; rows of one file are added up."""
OTHERWISE_COUNTED: Final = frozenset({("osv-scanner", "sum of vulnerabilities[]")})
"""Folder and `what_is_counted`, where another count of the same files is ours."""
NOT_COMPARED: Final = frozenset({"detailed_mode"})
"""Words in `source` of EXPECTED.tsv for counts of another mode of the same file."""

_HASH: Final = re.compile(r"[0-9a-f]{30,32}")
AS_THE_OTHER_COUNTS: Final[dict[str, Callable[[Observation], object]]] = {
    "auditjs": lambda o: o.finding.rule,
    "gcloud-artifact-scan": lambda o: o.finding.rule,
    "gitleaks": lambda o: (o.finding.rule, o.finding.location.file),
    "grype": lambda o: (o.finding.rule, o.finding.purl),
    "kube-hunter": lambda o: o.finding.rule,
    "noseyparker": lambda o: o.finding.location.file,
    "nuclei": lambda o: (o.finding.rule, o.context, urlsplit(o.finding.location.url or "").hostname),
    "semgrep": lambda o: (o.finding.title, o.finding.location.file, o.finding.location.line),
    "snyk": lambda o: (o.finding.rule, o.finding.title, o.finding.location.file),
    "spotbugs": lambda o: o.context if _HASH.fullmatch(o.context) else o.finding.rule,
    "stackhawk": lambda o: o.finding.rule,
    "tfsec": lambda o: (o.finding.rule, o.finding.location.file, o.finding.location.line),
    "trufflehog": lambda o: (o.finding.rule, o.finding.location.file),
    "trufflehog3": lambda o: (o.finding.rule, o.finding.location.file, o.finding.location.line),
    "wapiti": lambda o: (o.finding.rule, o.context),
    "zap": lambda o: (o.finding.rule, o.finding.confidence),
}
"""What the other reader takes for one finding. A folder stands here only where its line is right for
**every** row of the folder: a line that fits one file is an accident."""
COUNTED_IN_THE_FILE: Final[dict[str, Callable[[Any], int]]] = {
    "gitlab-sast": lambda report: len(
        {row.get("cve") or str(number) for number, row in enumerate(report["vulnerabilities"])}
    ),
    "npm-audit-7": lambda report: len(report["vulnerabilities"]),
}
"""What the other reader counts where an adapter does not keep it: records of one `cve` of GitLab's (of secrets
it is their hash) are one; of npm every package that depends on a flawed one counts."""

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


def test_no_file_is_claimed_by_two_formats() -> None:
    problems = {name: found.problems[0] for name in FILES if isinstance(found := outcome(name), ReportError)}

    assert [] == [name for name, problem in problems.items() if problem.code == "format_ambiguous"]


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
    """Two figures (docs/formats.md, "Compared with another reader"): plain, and counted as the other counts.

    A file that is refused though findings are expected of it is unequal in both.
    """
    wanted = {name: count for (name, _), count in expected_counts().items()}
    plain = {name for name, count in wanted.items() if count != plain_count(name)}
    otherwise = {name for name, count in wanted.items() if count != count_as_the_other(name)}
    refused = {row.file for row in ROWS if row.what == "refused"}

    assert plain <= {row.file for row in ROWS if row.what == "expected"} | refused
    assert len(plain) <= 0.12 * len(wanted)
    assert len(otherwise) <= 0.03 * len(wanted)


@pytest.mark.parametrize("folder", [*AS_THE_OTHER_COUNTS, *COUNTED_IN_THE_FILE])
def test_what_the_other_takes_for_one_is_so_in_every_file_of_the_folder(folder: str) -> None:
    wanted = {name: count for (name, _), count in expected_counts().items() if name.startswith(f"{folder}/")}

    assert wanted == {name: count_as_the_other(name) for name in wanted}


def plain_count(name: str) -> int:
    """Our observations; none of a file that is refused."""
    made = scan(name)
    return len(made.observations) if made else 0


def count_as_the_other(name: str) -> int:
    """Our observations, those that the other reader takes for one counted once; or what it counts instead."""
    in_the_file = COUNTED_IN_THE_FILE.get(name.partition("/")[0])
    if in_the_file:
        return in_the_file(json.loads(shared_data("reports", name).read_bytes()))
    grain, made = AS_THE_OTHER_COUNTS.get(name.partition("/")[0]), scan(name)
    return len(set(map(grain, made.observations))) if grain and made else plain_count(name)
