from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gate.errors import ReportError
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status
from scanners import gitleaks
from tests.scanners.builders import document

PLAINTEXT = "AKIA7EXAMPLE7EXAMPLE"


def a_leak(**facts: Any) -> dict[str, Any]:
    return {
        "RuleID": "aws-access-token",
        "Description": "AWS",
        "StartLine": 2,
        "EndLine": 2,
        "StartColumn": 10,
        "EndColumn": 29,
        "Match": f"key = {PLAINTEXT}",
        "Secret": PLAINTEXT,
        "File": "conf/aws.tf",
        "SymlinkFile": "",
        "Commit": "",
        "Entropy": 3.5,
        "Author": "Jo Doe",
        "Email": "jo@example.com",
        "Date": "2021-10-14T17:05:15Z",
        "Message": f"add {PLAINTEXT}",
        "Tags": [],
        "Fingerprint": "conf/aws.tf:aws-access-token:2",
    } | facts


def an_old_leak(**facts: Any) -> dict[str, Any]:
    return {
        "line": f"export KEY={PLAINTEXT}",
        "lineNumber": 13,
        "offender": PLAINTEXT,
        "commit": "6d12",
        "repo": ".",
        "rule": "AWS Access Key",
        "commitMessage": "x",
        "author": "Jo Doe",
        "email": "jo@example.com",
        "file": ".bashrc",
        "date": "2021-07-15T22:00:32+07:00",
        "tags": "key, AWS",
    } | facts


def scan(*leaks: dict[str, Any]) -> Scan:
    return gitleaks.parse(document(list(leaks)))


def seen(leak: dict[str, Any]) -> Observation:
    [observation] = scan(leak).observations
    return observation


@pytest.mark.parametrize(
    ("leak", "why"),
    [
        (a_leak(), "an array of records with RuleID, StartLine and Match"),
        (an_old_leak(), "an array of records with rule, offender and line (gitleaks 7)"),
    ],
)
def test_records_with_their_keys_are_gitleaks(leak: dict[str, Any], why: str) -> None:
    assert why == gitleaks.detect(document([leak]))


@pytest.mark.parametrize("other", [[], None, {}, [{"RuleID": "x"}], [{"rule": "x", "line": 1}], [[]]])
def test_other_and_empty_documents_are_not_recognised(other: object) -> None:
    assert None is gitleaks.detect(document(other))


def test_a_leak_becomes_a_finding() -> None:
    assert (
        Finding(
            kind=Kind.SECRET,
            rule="aws-access-token",
            title="AWS",
            severity=Severity.HIGH,
            location=Location(file="conf/aws.tf", line=2, column=10),
            scanners=("gitleaks",),
        )
        == seen(a_leak()).finding
    )


def test_a_leak_of_version_7_becomes_a_finding() -> None:
    one = seen(an_old_leak())

    assert ("AWS Access Key", Location(file=".bashrc", line=13)) == (one.finding.rule, one.finding.location)
    assert one.secret is not None
    assert PLAINTEXT == one.secret.reveal()


def test_the_first_releases_of_version_7_had_no_line_number() -> None:
    leak = an_old_leak()
    del leak["lineNumber"]

    assert None is seen(leak).finding.location.line


@pytest.mark.parametrize("leak", [a_leak(), an_old_leak()])
def test_the_plaintext_is_in_the_secret_alone(leak: dict[str, Any]) -> None:
    one = seen(leak)

    assert one.secret is not None
    assert PLAINTEXT == one.secret.reveal()
    assert PLAINTEXT not in repr(one)
    assert PLAINTEXT.encode() not in msgspec.json.encode(one.finding)


@pytest.mark.parametrize("description", [f"Found {PLAINTEXT}!", f"Found key = {PLAINTEXT}", "", PLAINTEXT])
def test_a_description_that_repeats_the_secret_or_is_empty_is_replaced(description: str) -> None:
    assert "secret found by rule aws-access-token" == seen(a_leak(Description=description)).finding.title


@pytest.mark.parametrize("leak", [a_leak(Commit="74d5"), an_old_leak()])
def test_nothing_of_the_author_is_kept(leak: dict[str, Any]) -> None:
    kept = repr(scan(leak))

    assert (False, False) == ("jo@example.com" in kept, "Jo Doe" in kept)


@pytest.mark.parametrize("secret", ["REDACTED", ""])
def test_a_redacted_secret_is_a_finding_without_plaintext(secret: str) -> None:
    assert None is seen(a_leak(Secret=secret, Match=secret)).secret


def test_secrets_of_past_commits_count_and_are_told_apart_in_a_note() -> None:
    one = scan(a_leak(Commit="74d5"), a_leak())

    assert 2 == len(one.observations)
    assert ("1 of 2 secrets are in commits, perhaps no longer in any file",) == one.notes


@pytest.mark.parametrize("source", ["null", "[]", " null\n"])
def test_an_empty_report_that_somebody_calls_gitleaks_is_clean(source: str) -> None:
    one = gitleaks.parse(document(source))

    assert (Status.OK, (), (Evidence.SECRETS,)) == (one.status, one.observations, one.kinds)


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("{}", "report.json:1:1"),
        ('"null"', "report.json:1:1"),
        ('[{"RuleID": "x", "StartLine": 1, "File": "a"}]', "report.json:1:2"),
        ('[{"RuleID": "x",\n "StartLine": "1"}]', "report.json:2:15"),
        ('[{"RuleID": "x", "StartLine": 1, "File": "a", "Secret": null}]', "report.json:1:57"),
        ('[{"rule": "x", "offender": "y", "line": "z"}]', "report.json:1:2"),
        ('[{"RuleID": "x", "StartLine": 1, "File": "a", "Secret": "s"}, null]', "report.json:1:63"),
    ],
)
def test_another_shape_is_refused_at_its_place(source: str, place: str) -> None:
    with pytest.raises(ReportError) as refused:
        gitleaks.parse(document(source))

    assert place == refused.value.problems[0].place()


def test_a_refusal_does_not_quote_the_secret() -> None:
    with pytest.raises(ReportError) as refused:
        gitleaks.parse(document([a_leak(StartLine=PLAINTEXT)]))

    assert PLAINTEXT not in str(refused.value)
