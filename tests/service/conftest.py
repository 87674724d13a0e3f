"""Servers for the tests: both stores, real processes; one of each for a worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.service import postgresql
from tests.service.provider import Provider
from tests.service.server import Server


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Path]:
    """PostgreSQL, running: its data folder."""
    base = tmp_path_factory.getbasetemp()
    with postgresql.shared(base if worker_id == "master" else base.parent) as data:
        yield data


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server, one for each store."""
    url = postgresql.created(request.getfixturevalue("cluster")) if request.param == "postgresql" else None
    with Server(tmp_path_factory.mktemp(request.param), url) as running:
        yield running


@pytest.fixture
def project(server: Server) -> str:
    """A fresh project with no settings of its own."""
    return server.project(f"team/{uuid4().hex[:12]}")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh database of either kind."""
    if request.param == "postgresql":
        return postgresql.created(request.getfixturevalue("cluster"))
    return f"sqlite:///{tmp_path / 'gate.db'}"


ROLES = [
    {"group": "approvers", "role": "approver", "projects": ["acme/**"]},
    {"group": "developers", "role": "developer", "projects": ["acme/**", "other/one"]},
    {"group": "viewers of shop", "role": "viewer", "projects": ["shop/*"]},
    {"group": "gate admins", "role": "admin"},
    {"group": "auditors", "role": "auditor"},
]
"""What groups of the provider are in the servers of the tests."""


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """An OpenID provider, running."""
    with Provider(tmp_path_factory.mktemp("provider")) as running:
        yield running


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def believing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, provider: Provider
) -> Iterator[Server]:
    """A running server that believes the provider, one for each store."""
    url = postgresql.created(request.getfixturevalue("cluster")) if request.param == "postgresql" else None
    folder = tmp_path_factory.mktemp(f"believing-{request.param}")
    with Server(folder, url, "--config", platform_file(folder, provider.settings(roles=ROLES))) as running:
        yield running


def platform_file(folder: Path, identity: object) -> str:
    """A platform file with that section; JSON is YAML."""
    path = folder / "platform.yaml"
    path.write_text(json.dumps({"version": 1, "identity": identity}), "utf-8")
    return str(path)
