"""`gate webhook render|status|certs|replay` on the command line, without a cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gate.cli import run
from tests.admission.builders import pod, review

STRICT = """# METADATA
# scope: package
# custom: {scope: object, points: [admission], kinds: [workloads, Service]}
package policy.kubernetes.team

# METADATA
# title: No privileged container
# custom: {id: TEAM-1, severity: high}
deny contains {"rule": "TEAM-1", "message": "privileged"} if input.object.spec.containers[_].securityContext.privileged
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "team.rego").write_text(STRICT, "utf-8")
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    ended = run(["webhook", *arguments])
    out = capsys.readouterr()
    assert code == ended, out
    return out.out + out.err


def rendered(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert 0 == run(["webhook", "render", *arguments])
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    return value


def test_what_is_rendered_for_a_bundle_has_status_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed(capsys, "certs", "--dir", "tls", "--host", "localhost")
    value = rendered(capsys, "--policy", "policies", "--ca", "tls/ca.crt")
    (folder / "webhook.json").write_text(json.dumps(value), "utf-8")

    told = printed(
        capsys,
        "status",
        "--policy=policies",
        "--configuration=webhook.json",
        "--certificate=tls/tls.crt",
    )

    assert "services" in value["webhooks"][0]["rules"][0]["resources"]
    assert "certificate: 90 days left" in told
    assert "CA: 365 days left" in told


def test_a_kind_that_is_not_registered_has_status_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed(capsys, "certs", "--dir", "tls")
    value = rendered(capsys, "--ca", "tls/ca.crt")
    (folder / "webhook.json").write_text(json.dumps(value), "utf-8")

    told = printed(capsys, "status", "--policy=policies", "--configuration=webhook.json", code=1)

    assert "not enforced: Service (CREATE, UPDATE), of policy.kubernetes.team" in told


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"failurePolicy": "Ignore"}, "fails open: validate.gate.internal"),
        ({"clientConfig": {}}, "no caBundle"),
    ],
)
def test_a_configuration_that_lets_in_or_refuses_everything_has_status_1(
    folder: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], expected: str
) -> None:
    printed(capsys, "certs", "--dir", "tls")
    value = rendered(capsys, "--policy", "policies", "--ca", "tls/ca.crt")
    value["webhooks"][0] |= change
    (folder / "webhook.json").write_text(json.dumps(value), "utf-8")

    assert expected in printed(capsys, "status", "--policy=policies", "--configuration=webhook.json", code=1)


def test_a_certificate_of_another_ca_has_status_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed(capsys, "certs", "--dir", "tls")
    printed(capsys, "certs", "--dir", "other")
    value = rendered(capsys, "--policy", "policies", "--ca", "tls/ca.crt")
    (folder / "webhook.json").write_text(json.dumps(value), "utf-8")
    asked = ("status", "--policy=policies", "--configuration=webhook.json", "--certificate=other/tls.crt")

    assert "of no CA in caBundle: every call fails" in printed(capsys, *asked, code=1)


@pytest.mark.usefixtures("folder")
def test_failures_that_let_in_are_warned_about(capsys: pytest.CaptureFixture[str]) -> None:
    assert "warning: failurePolicy is Ignore" in printed(capsys, "render", "--ignore-failures")


@pytest.mark.usefixtures("folder")
def test_a_resource_that_says_no_plural_is_a_mistake_of_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--resource" in printed(capsys, "render", "--resource", "Rollout.argoproj.io", code=2)


def test_replay_tells_of_each_review_and_ends_with_the_worst(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "good.json").write_bytes(review(pod()))
    (folder / "bad.json").write_bytes(review(pod(privileged=1)))
    (folder / "none.json").write_bytes(b"{}")

    good = printed(capsys, "replay", "good.json", "--policy=policies")
    bad = printed(capsys, "replay", "good.json", "bad.json", "--policy=policies", code=1)
    none = printed(capsys, "replay", "bad.json", "none.json", "--policy=policies", code=3)

    assert "good.json: allowed\n" == good
    assert "bad.json: denied: 1 reason: TEAM-1: privileged" in bad
    assert "none.json: not answered: " in none
