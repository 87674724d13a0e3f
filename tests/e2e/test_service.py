"""The whole way: CI asks the service, the API server asks admission beside it, and nobody restarts anything."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.command import BANDIT_EVAL, CLEAN_BANDIT
from tests.e2e.cluster import Cluster, free_ports, until
from tests.e2e.test_admission import pod
from tests.e2e.webhook import Webhook
from tests.service.server import Server
from tests.test_deploy import registered

NAMESPACE = "served"
PROJECT = "acme/shop"
PLATFORM = """version: 1
admission:
  images: [{match: "**", require: decision}]
  namespaces: [{match: served, environment: production, project: acme/shop}]
  environments: [{name: production}]
"""
SETTINGS = "version: 1\nenvironments: [{name: production}]\n"
GRANTS = "/api/v1/admission/grants"
ANNOTATION = "validate.gate.internal/outcome"


@pytest.fixture(scope="module")
def server(cluster: Cluster, webhook: Webhook, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service with admission beside it; the other webhook lets these images in."""
    assert webhook.is_ready()
    folder = tmp_path_factory.mktemp("service")
    (folder / "platform.yaml").write_text(PLATFORM, "utf-8")
    [port] = free_ports(1)
    with Server(folder, None, f"--admission-port={port}", "--config=platform.yaml") as one:
        one.project(PROJECT, SETTINGS)
        ca = folder / ".gate" / "service" / "admission" / "tls" / "ca.crt"
        cluster.kubectl("create", "namespace", NAMESPACE)
        made = cluster.apply(configuration(port, ca))
        assert 0 == made.returncode, made.stderr
        until(lambda: "GATE-IMAGE" in cluster.apply(image("probe", 0)).stderr, "admission is asked", 60.0)
        yield one
        cluster.kubectl("delete", "validatingwebhookconfiguration", "gate-service")


def configuration(port: int, ca: Path) -> dict[str, Any]:
    made: dict[str, Any] = registered()
    made["metadata"]["name"] = "gate-service"
    [one] = made["webhooks"]
    bundle = base64.b64encode(ca.read_bytes()).decode()
    one["clientConfig"] = {"url": f"https://127.0.0.1:{port}/admission/validate", "caBundle": bundle}
    key = "kubernetes.io/metadata.name"
    one["namespaceSelector"] = {"matchExpressions": [{"key": key, "operator": "In", "values": [NAMESPACE]}]}
    return made


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def image(name: str, number: int) -> dict[str, Any]:
    value = pod(name, NAMESPACE, image=f"nginx@{digest(number)}")
    value["spec"]["automountServiceAccountToken"] = False
    value["spec"]["containers"][0] |= {
        "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"memory": "1Mi"}},
        "securityContext": {
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return value


def decide(server: Server, number: int, report: object) -> str:
    subject = {"type": "image", "name": "docker.io/library/nginx", "digest": digest(number)}
    answer = server.decide(PROJECT, report, meta={"subject": subject, "environment": "production"})
    assert 201 == answer.status, answer.body
    outcome: str = answer.json["outcome"]
    return outcome


def test_an_image_that_ci_failed_is_denied_and_admitted_once_ci_passed_it(
    cluster: Cluster, server: Server
) -> None:
    assert "fail" == decide(server, 1, BANDIT_EVAL)
    until(lambda: "is fail" in cluster.apply(image("shop", 1)).stderr, "the failed decision arrived")
    assert "pass" == decide(server, 1, CLEAN_BANDIT)

    until(lambda: 0 == cluster.apply(image("shop", 1)).returncode, "it is admitted")

    allowed = [one for one in cluster.audited("shop") if one.get(ANNOTATION) in ("pass", "warn")]
    assert allowed[-1]["validate.gate.internal/decision-id"]


def test_what_one_person_asked_for_and_another_gave_is_let_in_and_denied_when_it_is_over(
    cluster: Cluster, server: Server
) -> None:
    wei, lin = (server.token("approver", owner=name) for name in ("wei", "lin"))
    wanted = {"namespace": NAMESPACE, "digests": [digest(2)], "reason": "the shop is down"}
    grant = server.json("POST", GRANTS, wanted, token=wei).json["id"]
    own = server.json("POST", f"{GRANTS}/{grant}/approve", {}, token=wei)
    still = cluster.apply(image("broken", 2))
    server.json("POST", f"{GRANTS}/{grant}/approve", {}, token=lin)
    until(lambda: 0 == cluster.apply(image("broken", 2), "--dry-run=server").returncode, "the grant arrived")

    let_in = cluster.apply(image("broken", 2))
    other = cluster.apply(image("other", 3))
    server.request("DELETE", f"{GRANTS}/{grant}", token=wei)
    until(lambda: 0 != cluster.apply(image("again", 2), "--dry-run=server").returncode, "the grant is over")

    assert 403 == own.status
    assert "no decision for production" in still.stderr
    assert 0 == let_in.returncode
    assert f"Warning: gate: break-glass {grant}" in let_in.stderr
    assert grant in {one.get("validate.gate.internal/break-glass") for one in cluster.audited("broken")}
    assert "no decision for production" in other.stderr


def test_an_image_that_ci_failed_is_admitted_after_its_waiver_is_approved_and_nobody_asked_ci_again(
    cluster: Cluster, server: Server
) -> None:
    dev, lin = server.token("developer", PROJECT, "dev"), server.token("approver", PROJECT, "lin")
    assert "fail" == decide(server, 4, BANDIT_EVAL)
    until(lambda: "is fail" in cluster.apply(image("waived", 4)).stderr, "the failed decision arrived")
    wanted = {
        "project": PROJECT,
        "match": {"rule": "GATE-CODE-002"},
        "reason": "accepted_risk",
        "note": "behind the login",
        "expires": (datetime.now(UTC) + timedelta(days=7)).date().isoformat(),
    }
    waiver = server.json("POST", "/api/v1/waivers", wanted, token=dev)
    assert 201 == waiver.status, waiver.body
    still = cluster.apply(image("waived", 4))
    path, read = f"/api/v1/waivers/{waiver.json['id']}/approve", {"sha256": waiver.json["sha256"]}
    own = server.json("POST", path, read, token=dev)
    approved = server.json("POST", path, read, token=lin)

    assert "is fail" in still.stderr
    assert 403 == own.status
    assert 200 == approved.status, approved.body
    until(lambda: 0 == cluster.apply(image("waived", 4)).returncode, "it is admitted", 40.0)
