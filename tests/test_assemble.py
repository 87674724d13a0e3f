"""Assemble: the policy input v1, whole, valid and the same for the same facts."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import jsonschema
import pytest

from gate.assemble import Assembled, Facts, assemble, now_ns, outline
from gate.bootstrap import INPUT_SCHEMA
from gate.model import (
    Approval,
    Component,
    Cvss,
    EnvironmentRef,
    Evidence,
    Finding,
    Kev,
    Kind,
    KubernetesObject,
    Location,
    Point,
    Report,
    ReportSubject,
    Severity,
    Source,
    Status,
    Subject,
    Vex,
    WaivedBy,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
LISTS = ("reports", "findings", "components", "objects", "attestations", "approvals")
EMPTY: dict[str, list[object]] = {name: [] for name in LISTS}
SCHEMA = jsonschema.Draft202012Validator(json.loads(INPUT_SCHEMA.read_bytes()))


def some_facts(**changes: Any) -> Facts:
    facts: dict[str, Any] = {
        "now": NOON,
        "point": Point.CI,
        "project": None,
        "environment": None,
        "subject": Subject(name="web"),
    }
    return Facts(**facts | changes)


def all_facts() -> Facts:
    """Facts in which nothing is absent."""
    return some_facts(
        project="acme/web",
        environment=EnvironmentRef(name="staging", order=1),
        subject=Subject(
            type="image", name="web", digest=DIGEST, repository="r", commit="c", branch="b", author="a", claimed=False
        ),
        reports=(
            Report(
                format="trivy", scanner="trivy", scanner_version="1", status=Status.OK, sha256=DIGEST,
                created="2026-11-22T11:00:00Z", subject=ReportSubject(name="web", digest=DIGEST), findings=1,
                kinds=(Evidence.IMAGE,), path="/home/secret/r.json", notes=("n",),
            ),
        ),
        findings=(
            Finding(
                fingerprint="f" * 32, kind=Kind.VULNERABILITY, rule="CVE-1", title="t", severity=Severity.HIGH,
                severity_raw="HIGH", aliases=("GHSA-1",), cwes=("CWE-1",),
                cvss=(Cvss(version="3.1", vector="v", score=7.5, source="nvd"),), epss=0.5,
                kev=Kev(added="2026-01-01", due="2026-02-01", ransomware=True), purl="pkg:pypi/a@1", version="1",
                fixed_versions=("2",),
                location=Location(file="a", line=1, column=2, resource="r", image="i", url="u"),
                scanners=("trivy",), confidence="high", first_seen="2026-11-01T00:00:00Z",
                vex=Vex(status="affected", justification="j"), waived=WaivedBy(waiver="w", expires="e"),
            ),
        ),
        components=(
            Component(
                purl="pkg:pypi/a@1", name="a", version="1", license="MIT", direct=True, scope="s",
                hashes={"sha256": "x"}, supplier="s",
            ),
        ),
        objects=(an_object(source=Source(file="k.yaml", line=3)),),
        approvals=(Approval(digest=DIGEST, environment="staging", by="lin", groups=("g",), at="t", expires="e"),),
        settings={"thresholds": {"code": {"high": 0}}},
    )  # fmt: skip


def an_object(name: str = "web", source: Source | None = None) -> KubernetesObject:
    value = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}
    return KubernetesObject(object=value, source=source, document=4, pointer="/items/0")


def document(assembled: Assembled) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(assembled.document)
    return value


def seen_by_object_rules(assembled: Assembled) -> list[dict[str, Any]]:
    """What the engine makes of base and overlays: later keys win."""
    return [json.loads(assembled.base) | json.loads(overlay) for overlay in assembled.overlays]


@pytest.mark.parametrize("facts", [some_facts(), all_facts(), some_facts(objects=(an_object(),))])
def test_the_document_is_valid_at_both_scopes(facts: Facts) -> None:
    assembled = assemble(facts)

    for value in (document(assembled), *seen_by_object_rules(assembled)):
        SCHEMA.validate(value)


def test_nothing_is_missing_where_nothing_is_known() -> None:
    value = document(assemble(some_facts()))

    assert EMPTY == {name: value[name] for name in LISTS}
    assert (None, None, {}) == (value["project"], value["environment"], value["settings"])
    assert set(SCHEMA.schema["required"]) == set(value)  # type: ignore[index]


def test_every_key_of_a_finding_is_there_with_null_for_what_is_not_known() -> None:
    bare = Finding(kind=Kind.CODE, rule="r", title="t", severity=Severity.LOW, scanners=("s",))

    [finding] = document(assemble(some_facts(findings=(bare,))))["findings"]

    assert set(Finding.__struct_fields__) == set(finding)
    assert (None, [], {"file", "line", "column", "resource", "image", "url"}) == (
        finding["purl"], finding["aliases"], set(finding["location"]),
    )  # fmt: skip


def test_every_fact_arrives() -> None:
    def empty_parts(value: object, path: str = "") -> list[str]:
        if isinstance(value, dict) and value:
            return [one for key, part in value.items() for one in empty_parts(part, f"{path}/{key}")]
        if isinstance(value, list) and value:
            return [one for part in value for one in empty_parts(part, f"{path}/*")]
        return [path] if value in (None, [], {}, "") else []

    assert ["/attestations"] == empty_parts(document(assemble(all_facts())))


def test_where_a_report_was_read_from_is_nothing_policies_see() -> None:
    assert b"secret" not in assemble(all_facts()).document


def test_object_rules_see_the_object_and_empty_lists() -> None:
    [value] = seen_by_object_rules(assemble(all_facts()))

    assert EMPTY == {name: value[name] for name in LISTS}
    assert ("web", {"file": "k.yaml", "line": 3}, None) == (
        value["object"]["metadata"]["name"], value["source"], value["request"],
    )  # fmt: skip


def test_object_rules_see_the_same_at_every_point() -> None:
    """But for the point itself: a rule that passes in CI must not be surprised in the cluster."""
    seen = [
        seen_by_object_rules(assemble(some_facts(objects=(an_object(),), point=point))) for point in Point
    ]

    assert [{**seen[0][0], "point": point.value} for point in Point] == [values[0] for values in seen]


def test_the_request_of_an_admission_is_seen_by_object_rules_only() -> None:
    assembled = assemble(some_facts(objects=(an_object(),), request={"operation": "CREATE"}))

    assert [{"operation": "CREATE"}] == [value["request"] for value in seen_by_object_rules(assembled)]
    assert "request" not in document(assembled)


def test_there_is_an_overlay_for_each_object_in_its_order() -> None:
    assembled = assemble(some_facts(objects=(an_object("b"), an_object("a"))))

    assert ["b", "a"] == [value["object"]["metadata"]["name"] for value in seen_by_object_rules(assembled)]


def test_the_same_facts_have_the_same_bytes() -> None:
    one, other = assemble(all_facts()), assemble(all_facts())

    assert (one.document, one.base, list(one.overlays), one.sha256) == (
        other.document, other.base, list(other.overlays), other.sha256
    )  # fmt: skip


def test_the_order_of_keys_in_settings_changes_nothing() -> None:
    one, two = (
        some_facts(settings=value)
        for value in ({"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"d": 2, "c": 1}, "a": 1})
    )

    assert assemble(one).sha256 == assemble(two).sha256


@pytest.mark.parametrize(
    "change",
    [
        {"now": NOON + timedelta(microseconds=1)},
        {"point": Point.BACKGROUND},
        {"project": "x"},
        {"subject": Subject(name="web", commit="c")},
        {"objects": (an_object(),)},
        {"settings": {"a": None}},
    ],
)
def test_every_fact_is_in_the_digest(change: dict[str, Any]) -> None:
    assert assemble(some_facts()).sha256 != assemble(some_facts(**change)).sha256


def test_the_digest_is_that_of_the_document() -> None:
    assembled = assemble(all_facts())

    assert f"sha256:{hashlib.sha256(assembled.document).hexdigest()}" == assembled.sha256


def test_the_hour_is_utc_and_exact() -> None:
    at = datetime(2026, 11, 22, 20, 0, 0, 1, timezone(timedelta(hours=8)))

    assert "2026-11-22T12:00:00.000001Z" == document(assemble(some_facts(now=at)))["now"]
    assert 1_795_348_800_000_001_000 == now_ns(at)
    assert 999_999 == now_ns(datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)) // 1_000 % 1_000_000


@pytest.mark.parametrize("environment", [None, EnvironmentRef(name="production", order=2)])
def test_what_an_outline_leaves_open_makes_the_same_document(environment: EnvironmentRef | None) -> None:
    one = KubernetesObject(text=b'{"kind":"Pod","note":"\\u0000 and [\\"holes\\"]"}')
    subject = Subject(type="manifests", name='Pod/"a"/b', claimed=False)
    facts = some_facts(
        environment=environment,
        project="acme/web",
        point=Point.ADMISSION,
        subject=subject,
        objects=(one,),
        settings={"a": "\0", "b": [1]},
        request={"operation": "CREATE"},
    )
    whole = assemble(facts)
    made = outline(Point.ADMISSION, "acme/web", environment, facts.settings)
    own = made.own("2026-11-22T12:00:00Z", subject, one)

    assert whole.sha256 == own.sha256
    assert json.loads(whole.base) == json.loads(made.base) | json.loads(own.members)
