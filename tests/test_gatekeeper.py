"""Gatekeeper's policies as they are: its own library, every rule of matching, everything refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from gate import bootstrap, policy_files
from gate.bundle import Bundle
from gate.bundle import bundle as bundle_of
from gate.engines.embedded import Engine
from gate.kubernetes import gatekeeper
from gate.kubernetes.reviews import Reviewed, reviewed
from gate.model import KubernetesObject, Point
from tests.data import REPOSITORY, shared_data

NOW_NS = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with bootstrap.engine() as running:
        yield running


def loaded(engine: Engine, root: Path, *sources: str) -> Bundle:
    given = policy_files.collected(sources, root)
    library = gatekeeper.library(given.manifests, bootstrap.manifest_reader(engine))
    return bundle_of(given, engine.load, gatekeeper=library)


def asked(
    engine: Engine,
    bundle: Bundle,
    objects: list[dict[str, Any]],
    inventory: list[dict[str, Any]] | None = None,
    point: Point = Point.CI,
) -> Reviewed:
    """What the constraints of `bundle` say of `objects`."""
    assert bundle.gatekeeper is not None
    return reviewed(
        bundle.gatekeeper,
        [KubernetesObject(object=one) for one in objects],
        point,
        lambda entry, base, overlays: engine.evaluate_leniently(
            bundle.gatekeeper_id, [entry], base, overlays, now_ns=NOW_NS, seed="", timeout_s=20
        ),
        inventory=None if inventory is None else [KubernetesObject(object=one) for one in inventory],
    )


# --------------------------------------------------------------------------- Gatekeeper's library

LIBRARY = ("gatekeeper-library", "library")


def suites() -> list[str]:
    """The folders of the library that have a suite, or a name that makes the test skip."""
    root = REPOSITORY.parent / "shared" / "data"
    import os

    root = Path(os.environ.get("GATE_TEST_DATA") or root).joinpath(*LIBRARY)
    return sorted(p.parent.relative_to(root).as_posix() for p in root.glob("*/*/suite.yaml")) or ["absent"]


def manifests(path: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(path.read_text("utf-8")) if one]


def fits(assertion: dict[str, Any], messages: list[str]) -> bool:
    """Whether as many messages as a suite asserts fit its expression."""
    expression = assertion.get("message")
    found = sum(1 for one in messages if expression is None or re.search(expression, one))
    wanted = assertion.get("violations", True)
    return found > 0 if wanted is True or wanted == "yes" else found == (0 if wanted == "no" else int(wanted))


@pytest.mark.parametrize("folder", suites())
def test_the_library_decides_as_its_suites_say(folder: str, engine: Engine) -> None:
    place = shared_data(*LIBRARY, folder)
    wrong: list[str] = []
    for test in manifests(place / "suite.yaml")[0]["tests"]:
        bundle = loaded(engine, place, test["template"], test["constraint"])
        for case in test["cases"]:
            inventory = [one for path in case.get("inventory", ()) for one in manifests(place / path)]
            result = asked(engine, bundle, manifests(place / case["object"]), inventory)
            messages = [one.message for one in result.said]
            wrong += [
                f"{test['name']}/{case['name']}: {assertion}: {messages}"
                for assertion in case["assertions"]
                if not fits(assertion, messages)
            ]

    assert [] == wrong
