from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from gate.errors import ReportError
from gate.model import (
    Evidence,
    Finding,
    FixState,
    Kind,
    Location,
    Observation,
    ReportSubject,
    Scan,
    Severity,
    Status,
)
from scanners import sarif
from tests.scanners.builders import document

SHA = "sha256:" + "a" * 64
PLAINTEXT = "AKIA7EXAMPLE7EXAMPLE"


def a_result(**facts: Any) -> dict[str, Any]:
    return {"ruleId": "R1", "message": {"text": "A flaw."}} | facts


def a_run(*results: dict[str, Any], tool: str = "Tool", rules: Any = (), **facts: Any) -> dict[str, Any]:
    driver = {"name": tool, "rules": list(rules)}
    return {"tool": {"driver": driver}, "results": list(results)} | facts


def a_log(*runs: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {"version": "2.1.0", "runs": list(runs)} | facts


def scan(*runs: dict[str, Any], **facts: Any) -> Scan:
    return sarif.parse(document(a_log(*runs, **facts), "x.sarif"))


def seen(result: dict[str, Any], **run: Any) -> Observation:
    [observation] = scan(a_run(result, **run)).observations
    return observation


def finding(result: dict[str, Any], **run: Any) -> Finding:
    return seen(result, **run).finding


def at(uri: str | None = None, region: Any = None, **place: Any) -> list[Any]:
    artifact = ({"uri": uri} if uri is not None else {}) | place
    return [{"physicalLocation": {"artifactLocation": artifact} | ({"region": region} if region else {})}]


def file(uri: str | None = None, run: Any = None, **place: Any) -> str | None:
    return finding(a_result(locations=at(uri, **place)), **(run or {})).location.file


def refusal(data: object) -> ReportError:
    with pytest.raises(ReportError) as refused:
        sarif.parse(document(data, "x.sarif"))
    return refused.value


# ------------------------------------------------------------------------------------- recognising


def test_runs_with_version_2_1_0_are_sarif() -> None:
    assert "runs, and version is 2.1.0" == sarif.detect(document(a_log(a_run())))


def test_a_schema_that_names_sarif_is_sarif_whatever_its_version() -> None:
    assert "runs, and $schema names sarif" == sarif.detect(
        document({"$schema": "https://example.org/sarif-2.0.0.json", "version": "2.0.0", "runs": []})
    )


@pytest.mark.parametrize("other", [{"version": "2.1.0"}, {"runs": {}, "version": "2.1.0"}, [], {"runs": []}])
def test_other_documents_are_not_sarif(other: object) -> None:
    assert None is sarif.detect(document(other))


# ------------------------------------------------------------------------------ what is no evidence


def test_a_log_without_runs_is_refused() -> None:
    error = refusal('{"version": "2.1.0", "runs": []}')

    assert ("report_empty", "x.sarif:1:1") == (error.problems[0].code, error.problems[0].place())


def test_null_runs_are_refused() -> None:
    assert "x.sarif:1:30" == refusal('{"version": "2.1.0", "runs": null}').problems[0].place()


def test_another_version_is_refused_at_its_place() -> None:
    error = refusal('{\n  "version": "2.0.0",\n  "runs": []\n}')

    assert "x.sarif:2:14" == error.problems[0].place()


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ('{"version": "2.1.0", "runs": [{"results": []}]}', "x.sarif:1:31"),
        ('{"version": "2.1.0", "runs": [{"tool": {"driver": {}}, "results": []}]}', "x.sarif:1:51"),
        ('{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": ""}}}]}', "x.sarif:1:60"),
        ('{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": null}}}]}', "x.sarif:1:60"),
        (
            '{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "T"}}, "results": {}}]}',
            "x.sarif:1:78",
        ),
        ('{"version": "2.1.0",\n "runs": 7}', "x.sarif:2:10"),
        ('{"runs": [], "$schema": "sarif"}', "x.sarif:1:1"),
    ],
)
def test_another_shape_is_refused_at_its_place(source: str, place: str) -> None:
    assert place == refusal(source).problems[0].place()


@pytest.mark.parametrize("results", [{}, {"results": None}])
def test_a_run_without_results_has_failed(results: dict[str, None]) -> None:
    run = {"tool": {"driver": {"name": "T"}}} | results

    assert Status.FAILED == scan(run).status


def test_a_successful_invocation_does_not_make_up_for_absent_results() -> None:
    run = {"tool": {"driver": {"name": "T"}}, "invocations": [{"executionSuccessful": True}]}

    assert Status.FAILED == scan(run).status


def test_a_run_that_says_it_failed_has_failed_and_keeps_its_findings() -> None:
    failed = scan(a_run(a_result(), invocations=[{"executionSuccessful": False}]))

    assert (Status.FAILED, 1) == (failed.status, len(failed.observations))


@pytest.mark.parametrize("sign", ["exitSignalName", "processStartFailureMessage"])
@pytest.mark.parametrize("claim", [{}, {"executionSuccessful": True}])
def test_a_tool_that_was_killed_or_never_started_has_failed(sign: str, claim: dict[str, object]) -> None:
    failed = scan(a_run(invocations=[claim | {sign: "SIGKILL"}]))

    assert Status.FAILED == failed.status
    assert ("the tool did not start, or was killed: 'SIGKILL'",) == failed.notes


@pytest.mark.parametrize("place", ["toolExecutionNotifications", "toolConfigurationNotifications"])
def test_an_error_notification_makes_a_run_partial(place: str) -> None:
    error = {"level": "error", "message": {"text": "parser crashed"}}
    partial = scan(a_run(invocations=[{"executionSuccessful": True, place: [error]}]))

    assert Status.PARTIAL == partial.status
    assert ("the tool reports 1 errors, the first: 'parser crashed'",) == partial.notes


def test_a_notification_without_a_level_has_that_of_its_descriptor() -> None:
    driver = {"name": "T", "notifications": [{"id": "N1", "defaultConfiguration": {"level": "error"}}]}
    invocation = {"toolExecutionNotifications": [{"descriptor": {"index": 0}, "message": {"id": "x"}}]}
    run = {"tool": {"driver": driver}, "results": [], "invocations": [invocation]}

    assert Status.PARTIAL == scan(run).status


def test_warning_notifications_do_not_make_a_run_partial() -> None:
    warning = {"level": "warning", "message": {"text": "slow"}}

    assert Status.OK == scan(a_run(invocations=[{"toolExecutionNotifications": [warning]}])).status


def test_the_worst_run_counts() -> None:
    assert Status.FAILED == scan(a_run(a_result()), {"tool": {"driver": {"name": "U"}}}).status


def test_results_in_external_files_make_a_run_partial() -> None:
    references = {"results": [{"location": {"uri": "results-1.sarif-external-properties"}}]}
    run = {"tool": {"driver": {"name": "T"}}, "externalPropertyFileReferences": references}

    assert Status.PARTIAL == scan(run).status


def test_results_in_inline_external_properties_make_a_log_partial() -> None:
    assert Status.PARTIAL == scan(a_run(), inlineExternalProperties=[{"results": [a_result()]}]).status


def test_taxonomies_in_external_files_change_nothing() -> None:
    references = {"taxonomies": [{"location": {"uri": "cwe.sarif"}}]}

    assert Status.OK == scan(a_run(externalPropertyFileReferences=references)).status


# ------------------------------------------------------------------------------------------- levels


def test_an_absent_level_is_that_of_the_rule() -> None:
    rules = [{"id": "R1", "defaultConfiguration": {"level": "error"}}]

    assert (Severity.HIGH, "error") == _severity(a_result(), rules=rules)


def test_an_absent_level_without_a_rule_is_warning() -> None:
    assert (Severity.MEDIUM, "warning") == _severity(a_result())


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        ("error", Severity.HIGH),
        ("warning", Severity.MEDIUM),
        ("note", Severity.LOW),
        ("none", Severity.INFO),
        ("ERROR", Severity.HIGH),
        ("fatal", Severity.UNKNOWN),
    ],
)
def test_levels_become_severities(level: str, severity: Severity) -> None:
    assert (severity, level) == _severity(a_result(level=level))


def test_the_level_of_the_result_stands_before_that_of_the_rule() -> None:
    rules = [{"id": "R1", "defaultConfiguration": {"level": "note"}}]

    assert (Severity.HIGH, "error") == _severity(a_result(level="error"), rules=rules)


def test_the_override_of_the_results_invocation_stands_before_the_rule() -> None:
    override = {"descriptor": {"id": "R1"}, "configuration": {"level": "error"}}
    invocations = [{}, {"ruleConfigurationOverrides": [override]}]
    rules = [{"id": "R1", "defaultConfiguration": {"level": "note"}}]
    result = a_result(provenance={"invocationIndex": 1})

    assert (Severity.HIGH, "error") == _severity(result, rules=rules, invocations=invocations)


@pytest.mark.parametrize(
    ("score", "severity"),
    [
        ("9.0", Severity.CRITICAL),
        ("7.0", Severity.HIGH),
        (4.0, Severity.MEDIUM),
        ("0.1", Severity.LOW),
        ("HIGH", Severity.HIGH),
        ("Critical", Severity.CRITICAL),
        ("moderate", Severity.MEDIUM),
        ("unknown", Severity.UNKNOWN),
    ],
)
def test_security_severity_overrides_the_level(score: object, severity: Severity) -> None:
    rules = [{"id": "R1", "properties": {"security-severity": score}}]

    assert (severity, str(score)) == _severity(a_result(level="note"), rules=rules)


@pytest.mark.parametrize(
    "score", ["0.0", "0", "10.1", "-1", "99", "nan", "inf", "", "severe", True, None, []]
)
def test_a_security_severity_that_says_nothing_leaves_the_level(score: object) -> None:
    rules = [{"id": "R1", "properties": {"security-severity": score}}]

    assert (Severity.HIGH, "error") == _severity(a_result(level="error"), rules=rules)


def _severity(result: dict[str, Any], **run: Any) -> tuple[Severity, str | None]:
    one = finding(result, **run)
    return one.severity, one.severity_raw


# ------------------------------------------------------------------------ results that do not count


@pytest.mark.parametrize("kind", ["pass", "notApplicable", "informational"])
def test_results_that_say_no_problem_are_left_out(kind: str) -> None:
    assert () == scan(a_run(a_result(kind=kind))).observations


@pytest.mark.parametrize("kind", ["open", "review"])
def test_undecided_results_stay_with_unknown_severity(kind: str) -> None:
    assert (Severity.UNKNOWN, kind) == _severity(a_result(kind=kind, level="none"))


@pytest.mark.parametrize("kind", ["FAIL", "violation", None])
def test_an_unknown_kind_is_a_problem(kind: str | None) -> None:
    assert (Severity.HIGH, "error") == _severity(a_result(kind=kind, level="error"))


def test_absent_results_are_left_out_and_counted_in_a_note() -> None:
    run = a_run(a_result(baselineState="absent"), a_result(baselineState="unchanged"))

    assert 1 == len(scan(run).observations)
    assert ("1 results are absent since an earlier run (baselineState); they do not count",) == scan(
        run
    ).notes


def test_suppressed_results_count_all_the_same() -> None:
    run = a_run(
        a_result(suppressions=[{"kind": "inSource"}]),
        a_result(suppressions=[{"kind": "external", "status": "accepted"}]),
        a_result(suppressions=[{"kind": "external", "status": "underReview"}]),
        a_result(suppressions=[{"kind": "external", "status": "rejected"}]),
        a_result(suppressions=[]),
        a_result(suppressions=None),
    )

    assert 6 == len(scan(run).observations)
    assert ("2 results are suppressed in the report; they count here all the same",) == scan(run).notes


def test_a_result_without_a_message_is_a_finding() -> None:
    assert "R1" == finding({"ruleId": "R1"}).title


# -------------------------------------------------------------------------------------------- rules


def test_a_rule_is_found_by_its_index_alone() -> None:
    assert "R9" == finding({"message": {"text": "x"}, "ruleIndex": 0}, rules=[{"id": "R9"}]).rule


def test_a_rule_is_found_by_rule_id_and_index_in_the_rule_object() -> None:
    result = {"message": {"text": "x"}, "rule": {"index": 0}}

    assert "R9" == finding(result, rules=[{"id": "R9"}]).rule


def test_a_hierarchical_rule_id_means_the_rule_of_its_prefix() -> None:
    rules = [{"id": "CA5350", "defaultConfiguration": {"level": "error"}}]
    one = finding(a_result(ruleId="CA5350/md5"), rules=rules)

    assert ("CA5350/md5", Severity.HIGH) == (one.rule, one.severity)


def test_rules_that_live_only_in_extensions_are_found() -> None:
    pack = {"name": "pack", "rules": [{"id": "R1", "properties": {"security-severity": "9.8"}}]}
    run = {"tool": {"driver": {"name": "T"}, "extensions": [pack]}, "results": [a_result()]}

    assert Severity.CRITICAL == scan(run).observations[0].finding.severity


def test_the_extension_that_a_result_names_stands_before_the_driver() -> None:
    packs = [
        {"name": "a"},
        {"name": "b", "rules": [{"id": "E1", "defaultConfiguration": {"level": "error"}}]},
    ]
    result = {"message": {"text": "x"}, "rule": {"index": 0, "toolComponent": {"index": 1}}}
    driver = {"name": "T", "rules": [{"id": "D1"}]}
    run = {"tool": {"driver": driver, "extensions": packs}, "results": [result]}

    assert ("E1", Severity.HIGH) == _named(scan(run))


def test_a_stale_index_does_not_hide_the_rule_of_the_name() -> None:
    rules = [{"id": "R0"}, {"id": "R1", "defaultConfiguration": {"level": "error"}}]

    assert Severity.HIGH == finding(a_result(ruleIndex=0), rules=rules).severity


@pytest.mark.parametrize("index", [-1, 7])
def test_an_index_out_of_range_is_no_rule(index: int) -> None:
    assert ("no-rule-id", Severity.MEDIUM) == _named(
        scan(a_run({"message": {"text": "x"}, "ruleIndex": index}))
    )


def _named(one: Scan) -> tuple[str, Severity]:
    return one.observations[0].finding.rule, one.observations[0].finding.severity


# ----------------------------------------------------------------------------------------- messages


def test_a_message_id_is_looked_up_and_filled() -> None:
    rules = [{"id": "R1", "messageStrings": {"default": {"text": "Variable '{0}' of {1}, {7}."}}}]
    result = a_result(message={"id": "default", "arguments": ["x", "{0}"]})

    assert "Variable 'x' of {0}, {7}." == finding(result, rules=rules).title


def test_a_message_id_may_be_global() -> None:
    driver = {"name": "T", "rules": [{"id": "R1"}], "globalMessageStrings": {"m": {"text": "Everywhere."}}}
    run = {"tool": {"driver": driver}, "results": [a_result(message={"id": "m"})]}

    assert "Everywhere." == scan(run).observations[0].finding.title


def test_embedded_links_are_read_as_their_text() -> None:
    result = a_result(message={"text": "Depends on a [user-provided value](1)."})

    assert "Depends on a user-provided value." == finding(result).title


def test_a_title_is_the_first_paragraph_and_at_most_300_characters() -> None:
    text = "A flaw\nover two lines.\n\nMuch more."

    assert "A flaw over two lines." == finding(a_result(message={"text": text})).title
    assert 300 == len(finding(a_result(message={"text": "x" * 10_000})).title)


def test_brackets_without_end_are_read_in_no_time() -> None:
    assert "[" * 299 + "…" == finding(a_result(message={"text": "[" * 100_000 + "]("})).title


# ---------------------------------------------------------------------------------------- locations


def test_a_location_by_index_alone_is_looked_up() -> None:
    artifacts = [{"location": {"uri": "a.py"}}, {"location": {"uri": "src/b.py"}}]

    assert "src/b.py" == file(index=1, run={"artifacts": artifacts})


@pytest.mark.parametrize("index", [-1, 5])
def test_an_artifact_index_out_of_range_is_no_file(index: int) -> None:
    assert None is file(index=index)


def test_base_ids_are_followed_and_their_absolute_root_is_left_out() -> None:
    bases = {"ROOT": {"uri": "file:///home/ci/build-17/"}, "SRC": {"uri": "src/", "uriBaseId": "ROOT"}}

    assert "src/a.py" == file("a.py", uriBaseId="SRC", run={"originalUriBaseIds": bases})


def test_a_circle_of_base_ids_ends() -> None:
    bases = {"A": {"uri": "a/", "uriBaseId": "B"}, "B": {"uri": "b/", "uriBaseId": "A"}}

    assert "b/a/x.py" == file("x.py", uriBaseId="A", run={"originalUriBaseIds": bases})


def test_a_base_id_that_nothing_explains_leaves_the_path() -> None:
    assert "src/a.py" == file("src/a.py", uriBaseId="%SRCROOT%")


def test_an_absolute_path_below_the_working_directory_is_relative_to_it() -> None:
    run = {"invocations": [{"workingDirectory": {"uri": "file:///home/ci/job"}}]}

    assert "src/a.py" == file("file:///home/ci/job/src/a.py", run=run)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("src/%E2%82%AC%20x.py", "src/€ x.py"),
        ("file:///C:/code/a.c", "C:/code/a.c"),
        ("file:////src/a.js", "/src/a.js"),
        ("file://deploy/web.yaml", "deploy/web.yaml"),
        ("file:/etc/passwd", "/etc/passwd"),
        ("src\\a.py", "src\\a.py"),
        ("C:\\code\\a.c", "C:\\code\\a.c"),
        ("not a valid URI", "not a valid URI"),
        ("a%00b.py", "a%00b.py"),
        ("a%ff.py", "a%ff.py"),
        ("100%.py", "100%.py"),
        ("src/", "src/"),
        ("../../etc/passwd", "../../etc/passwd"),
    ],
)
def test_addresses_become_paths(uri: str, path: str) -> None:
    assert path == file(uri)


def test_a_web_address_is_no_file() -> None:
    one = finding(a_result(locations=at("https://shop.example/a?b=%3C")))

    assert Location(url="https://shop.example/a?b=%3C") == one.location


@pytest.mark.parametrize(
    "region",
    [None, {"charOffset": 5, "charLength": 2}, {"byteOffset": 0}, {"startLine": 0}, {"startLine": -1}],
)
def test_a_region_without_lines_leaves_the_line_unknown(region: Any) -> None:
    assert Location(file="a.py") == finding(a_result(locations=at("a.py", region))).location


def test_line_and_column_are_kept() -> None:
    region = {"startLine": 3, "startColumn": 7, "endLine": 9}

    assert Location(file="a.py", line=3, column=7) == finding(a_result(locations=at("a.py", region))).location


def test_the_line_of_a_context_region_counts_where_there_is_no_other() -> None:
    physical = {"artifactLocation": {"uri": "a.yaml"}, "contextRegion": {"startLine": 12}}

    assert 12 == finding(a_result(locations=[{"physicalLocation": physical}])).location.line


def test_several_locations_are_one_finding_at_the_first() -> None:
    assert "a.py" == finding(a_result(locations=[*at("a.py"), *at("b.py")])).location.file


@pytest.mark.parametrize("locations", [[], None, [{}], [{"physicalLocation": {}}]])
def test_a_result_without_a_place_is_a_finding(locations: Any) -> None:
    assert Location() == finding(a_result(locations=locations)).location


def test_the_logical_location_of_a_misconfiguration_is_its_resource() -> None:
    place = {"logicalLocations": [{"fullyQualifiedName": "Deployment/prod/web"}]}

    assert "Deployment/prod/web" == finding(a_result(locations=[place]), tool="kube-linter").location.resource


# ------------------------------------------------------------------------------------------ context


def test_the_line_hash_is_the_context_without_its_occurrence() -> None:
    marks = {"primaryLocationStartColumnFingerprint": "4", "primaryLocationLineHash": "39fa2ee980eb94b0:3"}

    assert "39fa2ee980eb94b0" == seen(a_result(partialFingerprints=marks)).context


def test_a_fingerprint_key_may_carry_a_version() -> None:
    assert "e5ae" == seen(a_result(fingerprints={"matchBasedId/v1": "e5ae_0"})).context


def test_fingerprints_of_unknown_making_are_no_context() -> None:
    result = a_result(
        partialFingerprints={"lineAndColumn": "17:4"}, locations=at("a.py", {"snippet": {"text": "eval(x)"}})
    )

    assert "eval(x)" == seen(result).context


def test_a_withheld_fingerprint_is_no_context() -> None:
    assert "" == seen(a_result(fingerprints={"matchBasedId/v1": "requires login"})).context


def test_a_fingerprint_may_be_an_object() -> None:
    assert "" == seen(a_result(fingerprints={"primaryLocationLineHash": {"value": "x"}})).context


def test_the_snippet_of_the_region_stands_before_that_around_it() -> None:
    physical = {
        "region": {"snippet": {"text": "one"}},
        "contextRegion": {"snippet": {"text": "zero one two"}},
    }

    assert "one" == seen(a_result(locations=[{"physicalLocation": physical}])).context


# --------------------------------------------------------------------------------- CWEs, confidence


@pytest.mark.parametrize(
    ("properties", "cwes"),
    [
        ({"tags": ["security", "external/cwe/cwe-079"]}, ("CWE-79",)),
        ({"tags": ["CWE-346: Origin Validation Error", "OWASP-A05:2021"]}, ("CWE-346",)),
        ({"tags": ["external/cwe/cwe-None", "cwe-0"]}, ()),
        ({"cwe": ["cwe-312", "CWE-312"]}, ("CWE-312",)),
        ({"cwe": 89}, ("CWE-89",)),
        ({"cwe": "-1"}, ()),
        ({"cwe": {"id": 5}}, ()),
        ({"tags": "external/cwe/cwe-22"}, ("CWE-22",)),
    ],
)
def test_cwes_of_a_rule(properties: Any, cwes: tuple[str, ...]) -> None:
    assert cwes == finding(a_result(), rules=[{"id": "R1", "properties": properties}]).cwes


def test_cwes_of_relationships_and_taxa_count_only_in_the_cwe_taxonomy() -> None:
    def target(name: str, number: str) -> dict[str, Any]:
        return {"id": number, "toolComponent": {"name": name}}

    rules = [
        {"id": "R1", "relationships": [{"target": target("CWE", "284")}, {"target": target("CAT", "12")}]}
    ]
    taxa = [
        target("cwe", "CWE-7"),
        target("OWASP", "5"),
        {"id": "9"},
        {"id": "8", "toolComponent": {"index": 0}},
    ]

    one = finding(a_result(taxa=taxa), rules=rules, taxonomies=[{"name": "CWE"}])

    assert ("CWE-284", "CWE-7", "CWE-8") == one.cwes


def test_cwes_of_the_result_count_too() -> None:
    assert ("CWE-532",) == finding(a_result(properties={"cwe": "cwe-532"})).cwes


def test_precision_is_the_confidence() -> None:
    assert (
        "very-high"
        == finding(a_result(), rules=[{"id": "R1", "properties": {"precision": "very-high"}}]).confidence
    )


def test_the_confidence_of_bandits_result_is_kept() -> None:
    assert "low" == finding(a_result(properties={"issue_confidence": "LOW"})).confidence


# -------------------------------------------------------------------------------------- tools, runs


@pytest.mark.parametrize(
    ("tool", "kind", "evidence"),
    [
        ("CodeQL", Kind.CODE, (Evidence.CODE,)),
        ("Semgrep OSS", Kind.CODE, (Evidence.CODE,)),
        ("gitleaks", Kind.SECRET, (Evidence.SECRETS,)),
        ("Grype", Kind.VULNERABILITY, (Evidence.DEPENDENCIES,)),
        ("Snyk Open Source", Kind.VULNERABILITY, (Evidence.DEPENDENCIES,)),
        ("SnykCode", Kind.CODE, (Evidence.CODE,)),
        ("Checkov", Kind.MISCONFIGURATION, (Evidence.MANIFESTS,)),
        ("hadolint", Kind.MISCONFIGURATION, ()),
        ("ZAP", Kind.DAST, ()),
    ],
)
def test_the_tool_says_the_kind_and_what_it_is_evidence_of(tool: str, kind: Kind, evidence: Any) -> None:
    one = scan(a_run(a_result(), tool=tool))

    assert (kind, evidence) == (one.observations[0].finding.kind, one.kinds)


def test_a_tool_has_its_evidence_without_any_finding() -> None:
    assert (Evidence.SECRETS,) == scan(a_run(tool="Gitleaks")).kinds


def test_a_vulnerability_id_is_a_vulnerability_from_any_tool() -> None:
    assert Kind.VULNERABILITY == finding(a_result(ruleId="GHSA-8495-4g3g-x7pr"), tool="New Tool").kind


def test_runs_of_several_tools_keep_theirs_apart() -> None:
    one = scan(a_run(a_result(), tool="CodeQL"), a_run(a_result(), tool="Gitleaks"), a_run(tool="CodeQL"))

    assert ("codeql+gitleaks", (Evidence.CODE, Evidence.SECRETS)) == (one.scanner, one.kinds)
    assert [("codeql",), ("gitleaks",)] == [each.finding.scanners for each in one.observations]


def test_the_semantic_version_stands_before_the_other() -> None:
    driver = {"name": "T", "version": "v2 (nightly)", "semanticVersion": "2.0.0"}

    assert "2.0.0" == scan({"tool": {"driver": driver}, "results": []}).scanner_version


def test_the_oldest_run_says_when() -> None:
    runs = [a_run(invocations=[{"endTimeUtc": f"2026-0{month}-01T00:00:00.5Z"}]) for month in (5, 3)]

    assert "2026-03-01T00:00:00.500000Z" == scan(*runs).created


def test_one_run_without_a_time_leaves_the_age_unknown() -> None:
    assert None is scan(a_run(invocations=[{"endTimeUtc": "2026-03-01T00:00:00Z"}]), a_run()).created


def test_a_name_of_spaces_is_no_empty_scanner() -> None:
    assert "unnamed" == scan(a_run(tool="  ")).scanner


# ----------------------------------------------------------------------------------- Trivy and Grype

TRIVY_TEXT = (
    "Package: libssl1.1\nInstalled Version: 1.1.1c-r0\nVulnerability CVE-2019-1549\n"
    "Severity: {}\nFixed Version: {}\nLink: [CVE-2019-1549](https://avd.example/cve-2019-1549)"
)
TRIVY_RULE = {
    "id": "CVE-2019-1549",
    "name": "OsPackageVulnerability",
    "shortDescription": {"text": "openssl: information disclosure in fork()"},
    "defaultConfiguration": {"level": "warning"},
    "properties": {"security-severity": "5.5", "tags": ["vulnerability", "security", "MEDIUM"]},
}


def trivy(severity: str = "MEDIUM", fixed: str = "1.1.1d-r0, 1.1.2-r0") -> Finding:
    result = a_result(ruleId="CVE-2019-1549", message={"text": TRIVY_TEXT.format(severity, fixed)})
    return finding(result, tool="Trivy", rules=[TRIVY_RULE])


def test_trivys_text_gives_package_version_and_fixes() -> None:
    one = trivy()

    assert ("libssl1.1", "1.1.1c-r0") == (one.location.resource, one.version)
    assert ("1.1.1d-r0", "1.1.2-r0") == one.fixed_versions
    assert "openssl: information disclosure in fork()" == one.title


def test_an_empty_fixed_version_is_no_fix() -> None:
    assert ((), FixState.NOT_FIXED) == (trivy(fixed="").fixed_versions, trivy(fixed="").fix_state)
    assert FixState.FIXED is trivy().fix_state


@pytest.mark.parametrize("tool", ["dependency-check", "Snyk Open Source", "grype", "osv-scanner", "Trivy"])
def test_a_tool_that_says_nothing_of_fixes_leaves_open_whether_there_is_one(tool: str) -> None:
    one = finding(a_result(ruleId="CVE-2019-1549", message={"text": "a flaw"}), tool=tool)

    assert (Kind.VULNERABILITY, FixState.UNKNOWN) == (one.kind, one.fix_state)


def test_the_severity_of_trivys_result_stands_before_that_of_its_shared_rule() -> None:
    assert (Severity.CRITICAL, "CRITICAL") == (trivy("CRITICAL").severity, trivy("CRITICAL").severity_raw)


def test_an_unknown_severity_of_trivy_stays_unknown() -> None:
    assert Severity.UNKNOWN == trivy("UNKNOWN").severity


def test_a_trivy_rule_of_unknown_severity_is_not_low() -> None:
    bag = {"security-severity": "0.0", "tags": ["misconfiguration", "security", "UNKNOWN"]}
    rules = [{"id": "R1", "name": "Misconfiguration", "properties": bag}]

    assert Severity.UNKNOWN == finding(a_result(level="note"), tool="Trivy", rules=rules).severity


def test_text_that_trivy_did_not_write_says_nothing_of_packages() -> None:
    one = finding(a_result(ruleId="CVE-2019-1549", message={"text": "Fixed Version: 1"}), tool="Trivy")

    assert (None, ()) == (one.version, one.fixed_versions)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Misconfiguration", Kind.MISCONFIGURATION),
        ("Secret", Kind.SECRET),
        ("License", Kind.LICENSE),
        ("LanguageSpecificPackageVulnerability", Kind.VULNERABILITY),
    ],
)
def test_trivys_rules_say_their_kind(name: str, kind: Kind) -> None:
    assert kind == finding(a_result(), tool="Trivy", rules=[{"id": "R1", "name": name}]).kind


def test_trivy_on_an_image_is_evidence_of_that_image() -> None:
    bag = {"imageName": "acme/web:1", "repoDigests": [f"acme/web@{SHA}"]}
    one = scan(a_run(tool="Trivy", properties=bag))

    assert ((Evidence.IMAGE,), ReportSubject(name="acme/web:1", digest=SHA)) == (one.kinds, one.subject)


def test_a_clean_sarif_of_trivy_without_an_image_is_no_evidence_of_dependencies() -> None:
    one = scan(a_run(tool="Trivy"))

    assert ((), 1) == (one.kinds, len(one.notes))


GRYPE_RULE = {
    "id": "CVE-2026-1-openssl",
    "shortDescription": {"text": "CVE-2026-1 high vulnerability for openssl package"},
    "help": {"text": "Vulnerability CVE-2026-1\nSeverity: high\nPackage: openssl\nVersion: 3.0.1\n"
                     "Fix Version: 3.0.2,3.1.0\nType: deb"},
    "properties": {"security-severity": "7.5", "purls": ["pkg:deb/debian/openssl@3.0.1?distro=debian-12"]},
}  # fmt: skip


def grype(version: str) -> Finding:
    text = f"A high vulnerability in deb package: openssl, version {version} was found in image x at: /y"
    return finding(
        a_result(ruleId="CVE-2026-1-openssl", message={"text": text}), tool="grype", rules=[GRYPE_RULE]
    )


def test_grypes_rule_id_is_cut_to_the_vulnerability() -> None:
    assert "CVE-2026-1" == grype("3.0.1").rule


def test_grypes_texts_give_purl_and_fixes() -> None:
    one = grype("3.0.1")

    assert ("pkg:deb/debian/openssl@3.0.1?distro=debian-12", "3.0.1") == (one.purl, one.version)
    assert ("3.0.2", "3.1.0") == one.fixed_versions


def test_a_grype_rule_of_another_version_says_nothing_of_this_one() -> None:
    one = grype("2.9")

    assert (None, "2.9", (), "openssl") == (one.purl, one.version, one.fixed_versions, one.location.resource)


def test_aliases_come_from_deprecated_ids_tags_and_snyks_description() -> None:
    rule = {
        "id": "SNYK-JS-COOKIE-1",
        "deprecatedIds": ["GHSA-8495-4g3g-x7pr"],
        "fullDescription": {"text": "(CVE-2024-1111, CVE-2024-2222) cookie@0.3.1"},
        "properties": {"tags": ["security", "CVE-2024-3333"]},
    }
    one = finding(a_result(ruleId="SNYK-JS-COOKIE-1"), tool="Snyk Open Source", rules=[rule])

    assert ("GHSA-8495-4g3g-x7pr", "CVE-2024-3333", "CVE-2024-1111", "CVE-2024-2222") == one.aliases


# ------------------------------------------------------------------------------------------ secrets


def a_leak() -> Observation:
    result = a_result(
        ruleId="aws-access-token",
        message={"text": f"aws-access-token has detected secret {PLAINTEXT} for file a.py."},
        locations=at("a.py", {"startLine": 3, "snippet": {"text": PLAINTEXT}}),
        partialFingerprints={"email": "jo@example.com", "author": "Jo"},
    )
    return seen(result, tool="gitleaks", rules=[{"id": "aws-access-token", "name": "AWS"}])


def test_the_plaintext_of_a_secret_is_only_in_the_secret() -> None:
    leak = a_leak()

    assert leak.secret is not None
    assert (PLAINTEXT, "AWS", "") == (leak.secret.reveal(), leak.finding.title, leak.context)
    assert PLAINTEXT not in json.dumps(msgspec.to_builtins(leak.finding))


def test_a_secret_without_a_level_is_high_as_in_the_tools_own_format() -> None:
    assert (Severity.HIGH, None) == (a_leak().finding.severity, a_leak().finding.severity_raw)


def test_the_offender_of_gitleaks_7_is_the_secret() -> None:
    result = a_result(properties={"offender": PLAINTEXT, "email": "jo@example.com"})
    leak = seen(result, tool="Gitleaks")

    assert leak.secret is not None
    assert PLAINTEXT == leak.secret.reveal()


def test_nothing_of_the_author_is_kept() -> None:
    assert "jo@example.com" not in repr(a_leak())


def test_a_password_that_bandit_quotes_is_cut_out() -> None:
    result = a_result(ruleId="B105", message={"text": f"Possible hardcoded password: '{PLAINTEXT}'"})

    assert "Possible hardcoded password: …" == finding(result, tool="Bandit").title
