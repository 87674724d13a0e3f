"""`gate serve --admission-port`: one command answers pipelines and the API server."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import urllib3
from cryptography import x509

from gate.service import own_certificate
from tests.service.server import Server

REVIEW: dict[str, Any] = {
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {
        "uid": "u-1",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "operation": "CREATE",
        "namespace": "prod",
        "userInfo": {"username": "lin"},
        "object": {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web", "namespace": "prod"},
            "spec": {
                "containers": [{"name": "web", "image": "web:1", "securityContext": {"privileged": True}}]
            },
        },
        "dryRun": True,
    },
}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def server(tmp_path: Path, port: int) -> Iterator[Server]:
    with Server(tmp_path, None, "--admission-port", str(port)) as one:
        yield one


def reviewed(folder: Path, port: int, review: dict[str, Any]) -> dict[str, Any]:
    """The answer, once admission answers at all."""
    until = time.monotonic() + 60
    while True:
        try:
            ca = str(folder / ".gate/service/admission/tls/ca.crt")
            with urllib3.PoolManager(ca_certs=ca, retries=False) as pool:
                answer = pool.request(
                    "POST",
                    f"https://localhost:{port}/admission/validate?timeout=10s",
                    body=msgspec.json.encode(review),
                )
        except (urllib3.exceptions.HTTPError, OSError):
            assert time.monotonic() < until
            time.sleep(0.1)
            continue
        assert 200 == answer.status
        value: dict[str, Any] = msgspec.json.decode(answer.data)["response"]
        return value


def test_the_service_answers_the_api_server_on_a_port_of_its_own(
    server: Server, tmp_path: Path, port: int
) -> None:
    answer = reviewed(tmp_path, port, REVIEW)

    assert ("u-1", False, 403) == (answer["uid"], answer["allowed"], answer["status"]["code"])
    assert "runs privileged" in answer["status"]["message"]
    assert server.process.poll() is None


def test_admission_ends_with_the_service(server: Server, tmp_path: Path, port: int) -> None:
    reviewed(tmp_path, port, REVIEW)

    assert server.stop() in (0, -15)
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", port), 1):
        pass


def test_a_certificate_is_made_once_and_renewed_before_it_ends(tmp_path: Path) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    names = ("localhost", "127.0.0.1")

    first = own_certificate.files(tmp_path, names, now).certificate.read_bytes()
    again = own_certificate.files(tmp_path, names, now + timedelta(days=50)).certificate.read_bytes()
    late = own_certificate.files(tmp_path, names, now + timedelta(days=61)).certificate.read_bytes()
    other = own_certificate.files(
        tmp_path, (*names, "gate.svc"), now + timedelta(days=61)
    ).certificate.read_bytes()

    assert first == again
    assert 3 == len({first, late, other})
    assert 0o600 == (tmp_path / "tls.key").stat().st_mode & 0o777
    leaf = x509.load_pem_x509_certificate(other)
    ca = x509.load_pem_x509_certificate((tmp_path / "ca.crt").read_bytes())
    leaf.verify_directly_issued_by(ca)
