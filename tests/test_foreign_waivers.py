"""What other tools overlook becomes drafts: all of it, no wider than it was, and in force only once approved."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gate import foreign_waivers, waiver_files
from gate.documents import yaml
from gate.errors import WaiverError
from gate.foreign_waivers import candidates
from gate.waivers import Waiver, idle_reason
from tests.command import gate

TODAY = datetime.now(UTC).date()
LINES = f"""# accepted in review
CVE-2026-0001
AVD-KSV-0014 exp:{TODAY + timedelta(days=3)}  # until the chart is replaced
CVE-2019-0002 exp:2020-01-01
"""
TRIVY: dict[str, Any] = {
    "vulnerabilities": [
        {
            "id": "CVE-2026-0003",
            "paths": ["a/package.json", "b/**"],
            "purls": ["pkg:npm/left-pad@1.0.0"],
            "statement": "not\nreached",
        }
    ],
    "misconfigurations": [{"id": "AVD-DS-0001"}],
}
DOJO: dict[str, Any] = {
    "count": 1,
    "next": None,
    "results": [
        {
            "id": 1,
            "name": "legacy",
            "accepted_by": "lin@example.com",
            "expiration_date": f"{TODAY + timedelta(days=400)}T00:00:00Z",
            "accepted_findings": [7],
        }
    ],
    "prefetch": {
        "accepted_findings": {
            "7": {"vulnerability_ids": [{"vulnerability_id": "CVE-2026-0004"}], "file_path": "src/x.py"}
        }
    },
}
KYVERNO = """apiVersion: kyverno.io/v2
kind: PolicyException
metadata: {name: delta, namespace: delta}
spec:
  exceptions: [{policyName: disallow-host-namespaces, ruleNames: [host-namespaces]}]
  match:
    any: [{resources: {kinds: [Pod, apps/v1/Deployment], namespaces: [delta], names: ["tool*"]}}]
"""


def taken_over(folder: Path, name: str, content: str) -> tuple[Waiver, ...]:
    (folder / name).write_text(content, "utf-8")
    result = gate(folder, "waiver", "import", name, "--by", "wei@example.com")
    assert 0 == result.code, result.err
    parsed = yaml.parsed(result.out.encode(), "drafts", WaiverError)
    return waiver_files.waivers(parsed.value, "drafts", parsed.position)


def test_trivys_lines_become_drafts_that_end_no_later(tmp_path: Path) -> None:
    found = taken_over(tmp_path, ".trivyignore", LINES)

    assert ["CVE-2026-0001", "AVD-KSV-0014"] == [one.match.vulnerability for one in found]
    assert TODAY + timedelta(days=3) == found[1].expires.date()
    assert found[0].expires.date() <= TODAY + timedelta(days=15)


def test_a_draft_waives_nothing(tmp_path: Path) -> None:
    found = taken_over(tmp_path, ".trivyignore", LINES)

    assert {None} == {one.approved_by for one in found}
    assert all(idle_reason(one, datetime.now(UTC), {}) is not None for one in found)


def test_every_place_of_trivys_yaml_is_one_entry(tmp_path: Path) -> None:
    found = taken_over(tmp_path, ".trivyignore.yaml", f"# ours\n{json.dumps(TRIVY)}")

    assert [
        ("CVE-2026-0003", "a/package.json", "pkg:npm/left-pad@1.0.0"),
        ("CVE-2026-0003", "b/**", "pkg:npm/left-pad@1.0.0"),
        ("AVD-DS-0001", None, None),
    ] == [(one.match.vulnerability, one.match.path, one.match.purl) for one in found]
    assert found[0].note == "taken over from Trivy: not reached"


def test_a_risk_acceptance_of_defectdojo_keeps_its_owner_and_gets_our_limit(tmp_path: Path) -> None:
    [found] = taken_over(tmp_path, "acceptances.json", json.dumps(DOJO))

    assert ("CVE-2026-0004", "src/x.py", "lin@example.com") == (
        found.match.vulnerability,
        found.match.path,
        found.owner,
    )
    assert TODAY + timedelta(days=14) >= found.expires.date() - timedelta(days=1)


def test_an_exception_of_kyverno_names_its_objects(tmp_path: Path) -> None:
    found = taken_over(tmp_path, "exception.yaml", KYVERNO)

    assert ["Pod/delta/tool*", "Deployment/delta/tool*"] == [one.match.object for one in found]
    assert {"disallow-host-namespaces"} == {one.match.rule for one in found}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".trivyignore", "CVE-2026-1 exp:soon"),
        (".trivyignore", "CVE-2026-1 CVE-2026-2"),
        (".trivyignore", "*"),
        (".trivyignore", "# nothing\n"),
        (".trivyignore.yaml", "vulnerabilities: [{id: CVE-1, only_if: true}]"),
        (".trivyignore.yaml", "vulnerabilities: {id: CVE-1}"),
        (".trivyignore.yaml", "vulnerabilities: [{id: CVE-1, paths: a.json}]"),
        (".trivyignore.yaml", "vulnerabilities: [{id: CVE-1, expired_at: never}]"),
        (".trivyignore.yaml", "other: []"),
        ("dojo.json", json.dumps({**DOJO, "prefetch": {}})),
        ("dojo.json", json.dumps({**DOJO, "next": "http://dojo/?offset=100"})),
        ("dojo.json", '{"results": [{"accepted_findings": null}]}'),
        ("dojo.json", "[]"),
        ("dojo.json", '{"results": ['),
        ("x.yaml", KYVERNO.replace("names:", "selector: {matchLabels: {a: b}}, names:")),
        ("x.yaml", KYVERNO.replace("any:", "all:") + "    any: []\n"),
        ("x.yaml", KYVERNO + "  conditions: {any: []}\n"),
        ("x.yaml", KYVERNO.replace("kyverno.io/v2", "example.com/v1")),
        ("x.yaml", "a: &a [*a]"),
    ],
)
def test_what_is_not_wholly_understood_is_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    result = gate(tmp_path, "waiver", "import", name, "--by", "wei@example.com")

    assert result.code in (2, 3), result.out
    assert "" == result.out


def test_what_ended_there_does_not_begin_here() -> None:
    found = candidates(b"CVE-2019-0002 exp:2020-01-01", ".trivyignore")

    assert ((), 1) == foreign_waivers.ended(found, TODAY)


def test_drafts_are_appended_to_a_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / ".trivyignore").write_text(LINES)
    for _ in range(2):
        result = gate(tmp_path, "waiver", "import", ".trivyignore", "--by", "wei@x", "--file", "w.yaml")
        assert 0 == result.code, result.err

    assert 4 == (tmp_path / "w.yaml").read_text().count("CVE-2026-0001") + 2
