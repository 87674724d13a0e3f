"""A webhook is registered once it answers, and never before its CA is trusted."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gate.cluster import client, registration
from gate.cluster.client import Access, Cluster
from gate.cluster.registration import Names
from gate.errors import GateError
from gate.service import authority
from gate.service.authority import Kept
from tests.cluster.test_client import ApiServer, refusal

NAMES = Names(namespace="gate-system", secret="tls", ca_secret="ca", configuration="gate")
HOSTS = ("gate-webhook.gate-system.svc",)
NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    monkeypatch.setattr(client, "BUSY_PAUSES_S", ())
    one = ApiServer()
    yield one
    one.server.shutdown()
    one.server.server_close()
    one.thread.join()


def cluster(api: ApiServer) -> Cluster:
    return Cluster(Access(url=api.url, context=None, said="a test"))


def secret(name: str, **data: bytes) -> tuple[int, bytes]:
    encoded = {key.replace("_", "."): base64.b64encode(value).decode() for key, value in data.items()}
    value: dict[str, Any] = {"metadata": {"name": name, "resourceVersion": "7"}, "data": encoded}
    return 200, json.dumps(value).encode()


def test_a_webhook_is_waited_for_and_registered_once_it_answers(api: ApiServer) -> None:
    api.answers = [(503, b""), (404, b""), (200, b"")]
    pauses: list[float] = []
    registration.answering(f"{api.url}/readyz", None, 60.0, sleep=pauses.append)

    assert 2 == len(pauses)
    assert [] == api.answers


@pytest.mark.parametrize("status", [403, 500, 302])
def test_a_webhook_that_answers_anything_else_is_not_registered(api: ApiServer, status: int) -> None:
    api.answers = [(status, b"")]

    with pytest.raises(GateError, match=f"HTTP {status}"):
        registration.answering(f"{api.url}/readyz", None, 0.0)


@pytest.mark.parametrize("failing", range(3))
def test_a_leaf_is_not_replaced_where_its_ca_could_not_be_told(api: ApiServer, failing: int) -> None:
    """The steps in their order: the CA's Secret, the configuration, the leaf's Secret."""
    config = {"kind": "ValidatingWebhookConfiguration", "webhooks": [{"name": "a", "clientConfig": {}}]}
    done = (200, b"{}")
    steps = [done, (200, json.dumps(config).encode()), done, done]
    broken = [0, 2, 3][failing]
    steps[broken] = refusal(409)
    api.answers = [secret("tls"), secret("ca"), *steps]

    with pytest.raises(GateError, match="HTTP 409"):
        registration.rotated(cluster(api), NAMES, HOSTS, NOW)

    patched = [path.rpartition("/")[2] for method, path, _ in api.asked if method == "PATCH"]
    assert ["ca", "gate", "tls"][: failing + 1] == patched


def test_what_is_young_is_read_and_not_written(api: ApiServer) -> None:
    kept = authority.renewed(Kept(), HOSTS, NOW)
    bundle = base64.b64encode(kept.ca).decode()
    config = {
        "kind": "ValidatingWebhookConfiguration",
        "webhooks": [{"name": "a", "clientConfig": {"caBundle": bundle}}],
    }
    api.answers = [
        secret("tls", tls_crt=kept.certificate, tls_key=kept.leaf_key, ca_crt=kept.ca),
        secret("ca", ca_key=kept.key, ca_crt=kept.ca),
        (200, json.dumps(config).encode()),
    ]

    assert (kept, False) == registration.rotated(cluster(api), NAMES, HOSTS, NOW)
    assert ["GET"] * 3 == [method for method, _, _ in api.asked]


def test_a_secret_that_is_not_there_is_told_and_never_made(api: ApiServer) -> None:
    api.answers = [refusal(404)]

    with pytest.raises(GateError, match="there is no such Secret"):
        registration.rotated(cluster(api), NAMES, HOSTS, NOW)
