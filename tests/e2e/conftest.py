"""One API server for all tests of this folder, and a webhook in front of it that they share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import cluster as clusters
from tests.e2e.cluster import Cluster
from tests.e2e.webhook import Webhook, installed


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with clusters.running(tmp_path_factory.mktemp("cluster")) as one:
        yield one


@pytest.fixture(scope="session")
def webhook(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webhook]:
    with installed(cluster, tmp_path_factory.mktemp("webhook")) as one:
        yield one


@pytest.fixture(autouse=True)
def shown(request: pytest.FixtureRequest) -> Iterator[None]:
    """The webhook's log, where a test failed."""
    yield
    if "webhook" in request.fixturenames:
        log: Path = request.getfixturevalue("webhook").log
        print(log.read_text("utf-8")[-4000:])  # noqa: T201 - pytest shows it of a failed test alone
