from __future__ import annotations

from typing import Any

import pytest

from gate.errors import ReportError
from gate.model import Evidence, Finding, FixState, Kind, Location, Observation, Scan, Severity, Status
from scanners import semgrep
from tests.scanners.builders import document

PLAINTEXT = "ghp_7EXAMPLE7EXAMPLE"


def a_result(check_id: str = "python.lang.eval", **extra: Any) -> dict[str, Any]:
    usual = {"message": "Do not eval.", "severity": "ERROR", "lines": "  eval(x)", "metadata": {}}
    return {
        "check_id": check_id,
        "path": "src/a.py",
        "start": {"line": 4, "col": 5, "offset": 36},
        "end": {"line": 4, "col": 11},
        "extra": usual | extra,
    }


def a_report(*results: dict[str, Any], **facts: Any) -> dict[str, Any]:
    paths = {"scanned": ["src/a.py"]}
    return {"results": list(results), "errors": [], "paths": paths, "version": "1.97.0"} | facts


def scan(*results: dict[str, Any], **facts: Any) -> Scan:
    return semgrep.parse(document(a_report(*results, **facts)))


def seen(**extra: Any) -> Observation:
    [observation] = scan(a_result(**extra)).observations
    return observation


def finding(**extra: Any) -> Finding:
    return seen(**extra).finding


# ------------------------------------------------------------------------------------- recognising


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (a_report(), "results, errors and paths"),
        ({"results": [a_result()], "errors": []}, "results with check_id, and errors"),
        (
            {"vulns": [{"advisory": {"ruleId": "ssc-1"}}]},
            "vulns with an advisory.ruleId (semgrep Supply Chain)",
        ),
    ],
)
def test_semgreps_documents_are_recognised(source: object, why: str) -> None:
    assert why == semgrep.detect(document(source))


@pytest.mark.parametrize(
    "other",
    [
        {"results": [], "errors": []},
        {"results": [{"test_id": "B101"}], "errors": [], "metrics": {"_totals": {}}},
        {"vulns": []},
        [],
        None,
    ],
)
def test_other_documents_are_not_semgreps(other: object) -> None:
    assert None is semgrep.detect(document(other))


# ---------------------------------------------------------------------------------------- findings


def test_a_result_becomes_a_finding() -> None:
    assert Finding(
        kind=Kind.CODE,
        rule="python.lang.eval",
        title="Do not eval.",
        severity=Severity.HIGH,
        severity_raw="ERROR",
        cwes=("CWE-95",),
        location=Location(file="src/a.py", line=4, column=5),
        scanners=("semgrep",),
        confidence="medium",
    ) == finding(metadata={"cwe": "CWE-95: Eval Injection", "confidence": "MEDIUM"})


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("CRITICAL", Severity.CRITICAL),
        ("HIGH", Severity.HIGH),
        ("MEDIUM", Severity.MEDIUM),
        ("LOW", Severity.LOW),
        ("WARNING", Severity.MEDIUM),
        ("INFO", Severity.LOW),
        ("EXPERIMENT", Severity.INFO),
        ("INVENTORY", Severity.INFO),
        ("SOMETHING", Severity.UNKNOWN),
    ],
)
def test_both_scales_and_unknown_words_of_severity(word: str, severity: Severity) -> None:
    assert (severity, word) == (finding(severity=word).severity, finding(severity=word).severity_raw)


@pytest.mark.parametrize(
    ("cwe", "cwes"),
    [
        (["CWE-079: XSS", "CWE-79"], ("CWE-79",)),
        ("CWE-89", ("CWE-89",)),
        (["cwe-None", 7, "CWE-0"], ()),
        (None, ()),
    ],
)
def test_cwes_are_a_string_or_a_list(cwe: object, cwes: tuple[str, ...]) -> None:
    assert cwes == finding(metadata={"cwe": cwe}).cwes


def test_the_lines_are_the_context() -> None:
    assert "  eval(x)" == seen(fingerprint="abc_0").context


def test_withheld_lines_and_fingerprint_are_no_context() -> None:
    assert "" == seen(lines="requires login", fingerprint="requires login").context


def test_the_fingerprint_without_its_occurrence_stands_in_for_withheld_lines() -> None:
    assert "abc" == seen(lines="requires login", fingerprint="abc_12").context


def test_a_result_without_metadata_or_message_is_a_finding() -> None:
    result = a_result()
    result["extra"] = {"severity": "ERROR"}

    assert "python.lang.eval" == scan(result).observations[0].finding.title


def test_ignored_results_count_all_the_same() -> None:
    one = scan(a_result(is_ignored=True), a_result(is_ignored=False))

    assert 2 == len(one.observations)
    assert ("1 results are ignored in the report; they count here all the same",) == one.notes


# ----------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize("state", ["CONFIRMED_VALID", "CONFIRMED_INVALID", "VALIDATION_ERROR"])
def test_a_validated_result_is_a_secret_with_its_state_as_confidence(state: str) -> None:
    one = finding(validation_state=state)

    assert (Kind.SECRET, state.lower()) == (one.kind, one.confidence)


def test_no_validator_alone_makes_no_secret() -> None:
    assert Kind.CODE == finding(validation_state="NO_VALIDATOR").kind


@pytest.mark.parametrize(
    "facts",
    [{"check_id": "generic.secrets.security.detected-token"}, {"metadata": {"technology": ["secrets"]}}],
)
def test_a_rule_about_secrets_finds_secrets(facts: dict[str, Any]) -> None:
    assert Kind.SECRET == finding(**facts).kind


def test_the_plaintext_of_a_secret_is_in_the_secret_alone() -> None:
    one = seen(
        check_id="generic.secrets.security.detected-token",
        message=f"Found {PLAINTEXT}",
        lines=f"token = '{PLAINTEXT}'",
    )

    assert one.secret is not None
    assert (f"token = '{PLAINTEXT}'", "detected-token") == (one.secret.reveal(), one.finding.title)
    assert PLAINTEXT not in repr(one)


# --------------------------------------------------------------------------------- failure signals


def test_a_report_with_scanned_files_is_ok() -> None:
    one = scan()

    assert (Status.OK, (Evidence.CODE,), "1.97.0") == (one.status, one.kinds, one.scanner_version)


@pytest.mark.parametrize(
    "error",
    [
        {"level": "error", "type": "Syntax error", "path": "a.py"},
        {"level": "warn", "type": "Timeout", "path": "a.py"},
        {"level": "warn", "type": "Out of memory"},
        {"level": "warn", "type": ["OutOfMemoryDuringInterfile", []]},
        {"level": "strange", "type": None},
        {"type": "Other"},
    ],
)
def test_errors_and_timeouts_make_it_partial(error: dict[str, Any]) -> None:
    assert Status.PARTIAL == scan(errors=[error]).status


def test_warnings_are_notes() -> None:
    one = scan(errors=[{"level": "warn", "type": ["PartialParsing", [{"path": "a.py"}]], "path": "a.py"}])

    assert (Status.OK, ("semgrep warns 1 times: 'PartialParsing'",)) == (one.status, one.notes)


def test_skipped_rules_make_it_partial() -> None:
    assert Status.PARTIAL == scan(skipped_rules=[{"rule_id": "x"}]).status


@pytest.mark.parametrize(
    ("reason", "status"),
    [("analysis_failed_parser_or_internal_error", Status.PARTIAL), ("cli_exclude_flags_match", Status.OK)],
)
def test_skipped_files_are_noted_and_count_where_the_analysis_failed(reason: str, status: Status) -> None:
    one = scan(paths={"scanned": ["a.py"], "skipped": [{"path": "b.py", "reason": reason}]})

    assert (status, (f"1 files were skipped: '{reason}'",)) == (one.status, one.notes)


@pytest.mark.parametrize("paths", [{"scanned": []}, {}])
def test_nothing_scanned_is_an_empty_target(paths: dict[str, Any]) -> None:
    assert Status.EMPTY_TARGET == scan(paths=paths).status


def test_a_report_without_paths_and_results_is_an_empty_target() -> None:
    assert Status.EMPTY_TARGET == semgrep.parse(document({"results": [], "errors": []})).status


def test_errors_and_nothing_scanned_have_failed() -> None:
    assert (
        Status.FAILED == scan(paths={"scanned": []}, errors=[{"level": "error", "type": "Rule error"}]).status
    )


# ------------------------------------------------------------------------------------ Supply Chain


def a_dependency(**facts: Any) -> dict[str, Any]:
    found = {
        "package": "lodash",
        "version": "4.17.1",
        "ecosystem": "npm",
        "lockfile_path": "package-lock.json",
    }
    return {"reachable": True, "dependency_match": {"found_dependency": found | facts}}


def test_a_result_with_sca_info_is_a_vulnerability_of_its_package() -> None:
    one = finding(sca_info=a_dependency(), metadata={"sca-vuln-database-identifier": "CVE-2021-1"})

    assert (Kind.VULNERABILITY, "pkg:npm/lodash@4.17.1", "4.17.1") == (one.kind, one.purl, one.version)
    assert (("CVE-2021-1",), "package-lock.json") == (one.aliases, one.location.file)


@pytest.mark.parametrize(
    ("facts", "purl"),
    [
        (
            {"ecosystem": "maven", "package": "io.grpc:grpc-core", "version": "1"},
            "pkg:maven/io.grpc/grpc-core@1",
        ),
        (
            {"ecosystem": "gomod", "package": "github.com/a/b", "version": "v1"},
            "pkg:golang/github.com/a/b@v1",
        ),
        ({"ecosystem": "npm", "package": "@a/b", "version": "1"}, "pkg:npm/%40a/b@1"),
        ({"ecosystem": "", "package": "x"}, None),
        ({"package": ""}, None),
    ],
)
def test_package_urls_of_ecosystems(facts: dict[str, Any], purl: str | None) -> None:
    assert purl == finding(sca_info=a_dependency(**facts)).purl


def a_row(**facts: Any) -> dict[str, Any]:
    return {
        "advisory": {
            "ruleId": "ssc-1",
            "title": "Reachable Assertion in grpc",
            "ecosystem": "gem",
            "severity": "HIGH",
            "references": {"cveIds": ["CVE-2023-1428"], "cweIds": ["CWE-617: Reachable Assertion"]},
        },
        "matchedDependency": {"name": "grpcio", "versionSpecifier": "1.47.0"},
        "closestSafeDependency": {"name": "grpcio", "versionSpecifier": "1.53.0"},
        "dependencyFileLocation": {"path": "requirements.txt", "startLine": "222"},
        "triage": {"status": "NEW"},
        "repositoryName": "acme/web",
    } | facts


def export(*rows: dict[str, Any], more: bool = False) -> Scan:
    return semgrep.parse(document({"vulns": list(rows), "hasMore": more}))


def test_a_row_of_the_export_becomes_a_finding_without_a_guessed_package_url() -> None:
    one = export(a_row())

    assert (
        Finding(
            kind=Kind.VULNERABILITY,
            rule="ssc-1",
            title="Reachable Assertion in grpc",
            severity=Severity.HIGH,
            severity_raw="HIGH",
            aliases=("CVE-2023-1428",),
            cwes=("CWE-617",),
            version="1.47.0",
            fixed_versions=("1.53.0",),
            fix_state=FixState.FIXED,
            location=Location(file="requirements.txt", line=222, resource="grpcio"),
            scanners=("semgrep",),
        )
        == one.observations[0].finding
    )
    assert (Status.OK, (Evidence.DEPENDENCIES,)) == (one.status, one.kinds)


@pytest.mark.parametrize("line", ["", "x", None, "0", "²", "9" * 40])
def test_a_start_line_that_is_no_number_is_unknown(line: str | None) -> None:
    place = {"path": "a", "startLine": line}

    assert None is export(a_row(dependencyFileLocation=place)).observations[0].finding.location.line


def test_a_range_is_no_version_and_another_packages_fix_is_none() -> None:
    row = a_row(
        matchedDependency={"name": "grpcio", "versionSpecifier": "< 1.53.0"},
        closestSafeDependency={"name": "grpc", "versionSpecifier": "1.53.0"},
    )
    one = export(row).observations[0].finding

    assert (None, ()) == (one.version, one.fixed_versions)
    assert FixState.UNKNOWN is one.fix_state


def test_triaged_rows_count_all_the_same() -> None:
    one = export(a_row(triage={"status": "IGNORED"}))

    assert 1 == len(one.observations)
    assert ("1 vulnerabilities are triaged; they count here all the same",) == one.notes


def test_an_export_with_more_pages_is_partial() -> None:
    assert Status.PARTIAL == export(a_row(), more=True).status


def test_an_empty_export_is_an_empty_target() -> None:
    assert Status.EMPTY_TARGET == export().status


# --------------------------------------------------------------------------------------- the shape


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ('{"errors": []}', "report.json:1:1"),
        ('{"results": []}', "report.json:1:1"),
        ('{"results": null, "errors": []}', "report.json:1:13"),
        (
            '{"errors": [],\n "results": [{"check_id": "x", "path": "a", "start": {"line": 1}}]}',
            "report.json:2:14",
        ),
        ('{"errors": [], "results": [{"check_id": "x", "start": {"line": "1"}}]}', "report.json:1:64"),
        ('{"vulns": [{"advisory": {"ruleId": "x"}}]}', "report.json:1:25"),
        ("[]", "report.json:1:1"),
        ("null", "report.json:1:1"),
    ],
)
def test_another_shape_is_refused_at_its_place(source: str, place: str) -> None:
    with pytest.raises(ReportError) as refused:
        semgrep.parse(document(source))

    assert place == refused.value.problems[0].place()
