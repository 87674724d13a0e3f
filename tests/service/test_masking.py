"""Secrets never reach the store: whatever path they come on, whatever is made again from what is kept."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from gate.stores.schema import METADATA
from tests.service.clocked import Clocked

SETTINGS = """version: 1
environments:
  - {name: staging}
  - {name: production, approvals: {number: 1}}
"""
CANARIES = [f"PLAINTEXT-{name}-{uuid4().hex}" for name in ("match", "secret", "data", "string", "annotation")]


@pytest.fixture
def server(tmp_path: Path, store_url: str) -> Iterator[Clocked]:
    running = Clocked(tmp_path, store_url)
    with running:
        yield running


def gitleaks() -> list[dict[str, Any]]:
    match, secret, *_ = CANARIES
    return [
        {
            "RuleID": "generic-api-key",
            "Description": "Generic API Key",
            "StartLine": 3,
            "EndLine": 3,
            "StartColumn": 1,
            "EndColumn": 20,
            "Match": f"key = {match}",
            "Secret": secret,
            "File": "src/app.py",
            "SymlinkFile": "",
            "Commit": "",
            "Entropy": 4.1,
            "Author": "",
            "Email": "",
            "Date": "",
            "Message": "",
            "Tags": [],
            "Fingerprint": "src/app.py:generic-api-key:3",
        }
    ]


def manifest() -> dict[str, Any]:
    *_, data, string, annotation = CANARIES
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "s",
            "namespace": "n",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": annotation},
        },
        "data": {"a": base64.b64encode(data.encode()).decode()},
        "stringData": {"b": string},
    }


def everything(server: Clocked) -> bytes:
    """Every value of every table, compressed ones taken apart."""
    found: list[bytes] = []
    with server.service.database.reading() as connection:
        for table in METADATA.sorted_tables:
            for row in connection.execute(select(table)):
                for value in row:
                    data = value if isinstance(value, bytes) else str(value).encode()
                    found.append(data)
                    if isinstance(value, bytes):
                        try:
                            found.append(zlib.decompress(value))
                        except zlib.error:
                            continue
    return b"\n".join(found)


@pytest.mark.parametrize("prefer", ["wait=60", "respond-async"])
def test_no_secret_is_in_the_store(server: Clocked, prefer: str) -> None:
    project = server.project("acme/web", SETTINGS)
    ci = server.token("ci", project, "ci-bot")
    subject = {"name": "web", "digest": f"sha256:{uuid4().hex}{uuid4().hex}", "author": "wei@example.com"}
    answers = [
        server.decide(
            project,
            report,
            meta={"environment": environment, "subject": subject},
            token=ci,
            idempotency_key=uuid4().hex,
            prefer=prefer,
        )
        for environment in ("staging", "production")
        for report in (gitleaks(), manifest())
    ]
    for made in answers:
        again = f"/api/v1/decisions/{made.json['decision_id']}/re-evaluate"
        server.json("POST", again, {}, token=ci)
    server.settle()
    kept = everything(server)
    told = b"".join(made.body for made in answers)

    assert [201] * 4 == [made.status for made in answers]
    assert b"generic-api-key" in kept
    for canary in CANARIES:
        for form in (canary.encode(), base64.b64encode(canary.encode())):
            assert form not in kept
            assert form not in told
