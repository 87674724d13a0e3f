"""What runs already, judged by the rules of admission at the point `background`: page by page, nothing kept whole.

    1. the kinds that the rules speak of, as far as the API server serves them and the account may list them
    2. a page of objects; those of one namespace are asked about together, as one environment
    3. rules on every object, the store's decisions on the images of every Pod: what differs is drift
    4. counts of everything, and the first findings of each rule: a cluster with a million of them is told of, too

A kind that cannot be listed ends it: a part of a cluster is no audit.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec

from gate import __version__, assemble, decide, evaluate, settings, times, waivers
from gate.admission import coverage, decided, images
from gate.admission.answering import Ground
from gate.admission.known import Known
from gate.admission.platform import Mode, Place, capped
from gate.cluster.client import Cluster
from gate.engines.embedded import Engine
from gate.kubernetes import resources
from gate.kubernetes.resources import Resource
from gate.model import (
    Action,
    Decision,
    EnvironmentRef,
    KubernetesObject,
    Outcome,
    Point,
    PolicySet,
    Said,
    Subject,
    Violation,
    Waived,
)

AT_ONCE: Final = 250
"""Objects asked about together."""
TOLD_PER_RULE: Final = 20
"""Findings of one rule that are told whole; the rest is counted."""
TIMEOUT_S: Final = 30.0
"""For one batch."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One object that something is to be said of."""

    value: KubernetesObject
    decision: Decision
    digests: tuple[str, ...]
    is_drift: bool
    """Whether an image of it runs without a decision that lets it in, or after it was taken back."""


class Counts(msgspec.Struct, kw_only=True):
    """What was seen."""

    objects: int = 0
    by_kind: dict[str, int] = {}
    by_rule: dict[str, dict[str, int]] = {}
    """Rule -> action -> number."""
    drifted: int = 0
    unserved: list[str] = []
    """Kinds that rules speak of and this API server does not have."""
    unlisted: list[str] = []
    """Kinds that were left out because somebody said so."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What judges, and with what knowledge."""

    ground: Ground
    known: Known
    engine: Engine
    now: datetime
    new_id: Callable[[], str]
    skipped: frozenset[str] = frozenset()
    """Kinds that are left out."""
    excluded: frozenset[str] = frozenset()
    """Namespaces that are left out."""


def audited(cluster: Cluster, asked: Asked, counts: Counts) -> Iterator[Judged]:
    """Every object of the cluster that something is to be said of; `counts` grows meanwhile.

    Raises `GateError` where a kind cannot be listed or a batch not be judged.
    """
    for resource in _resources(asked.ground):
        label = resource.label
        if label in asked.skipped:
            counts.unlisted.append(label)
            continue
        served = _served(cluster, resource)
        if served is None:
            counts.unserved.append(label)
            continue
        path, api_version = served
        objects = _objects(cluster, path, api_version, resource.kind, asked.excluded)
        for batch in _batches(objects):
            counts.objects += len(batch)
            counts.by_kind[label] = counts.by_kind.get(label, 0) + len(batch)
            for judged in _judged(batch, asked):
                _count(judged, counts)
                yield judged


def _resources(ground: Ground) -> tuple[Resource, ...]:
    """The workloads, whose images are judged in any case, and what the rules speak of."""
    speaks, _ = coverage.spoken(ground.bundle, {}, Point.BACKGROUND)
    spoken = [
        Resource(group=one.group, name=one.resource, kind=one.kind, is_namespaced=one.is_namespaced)
        for one in speaks
        if "/" not in one.resource
    ]
    return tuple(dict.fromkeys((*resources.listed((resources.WORKLOADS,)), *spoken)))


def _served(cluster: Cluster, resource: Resource) -> tuple[str, str] | None:
    """The path of the list and the apiVersion; None where the API server does not have the kind."""
    if not resource.group:
        return f"/api/v1/{resource.name}", "v1"
    group = cluster.value(f"/apis/{resource.group}")
    preferred = group.get("preferredVersion") if group else None
    version = str(preferred.get("groupVersion") or "") if isinstance(preferred, dict) else ""
    if not version:
        return None
    listed = cluster.value(f"/apis/{version}") or {}
    names = {one.get("name") for one in listed.get("resources", ()) if isinstance(one, dict)}
    return (f"/apis/{version}/{resource.name}", version) if resource.name in names else None


def _objects(
    cluster: Cluster, path: str, api_version: str, kind: str, excluded: frozenset[str]
) -> Iterator[KubernetesObject]:
    """Objects of a list name neither their kind nor their version: the list does."""
    for item in cluster.items(path):
        value: dict[str, Any] = msgspec.json.decode(item, type=dict[str, Any])
        metadata = value.get("metadata")
        if isinstance(metadata, dict):
            if metadata.get("namespace") in excluded:
                continue
            metadata.pop("managedFields", None)
        yield KubernetesObject(object={"apiVersion": api_version, "kind": kind} | value)


def _batches(objects: Iterable[KubernetesObject]) -> Iterator[list[KubernetesObject]]:
    """Of one namespace each: an environment is judged by its own rules."""
    for _, some in itertools.groupby(objects, key=namespace):
        while batch := list(itertools.islice(some, AT_ONCE)):
            yield batch


def _judged(batch: Sequence[KubernetesObject], asked: Asked) -> Iterator[Judged]:
    ground, now = asked.ground, asked.now
    place = ground.rules.place(namespace(batch[0]))
    environment = EnvironmentRef(name=place.environment, order=place.order) if place.environment else None
    subject = Subject(type="manifests", name="cluster", claimed=False)
    given = assemble.assemble(
        assemble.Facts(
            now=now,
            point=Point.BACKGROUND,
            project=place.project,
            environment=environment,
            subject=subject,
            objects=tuple(batch),
            settings=ground.settings,
        )
    )
    said: dict[int, list[Said]] = {}
    for one in _said(batch, given, asked):
        said.setdefault(one.about or 0, []).append(msgspec.structs.replace(one, about=0))
    for index, value in enumerate(batch):
        judged = _one(value, said.get(index, ()), place, given.sha256, asked)
        if judged.decision.violations or judged.decision.waived:
            yield judged


def _said(batch: Sequence[KubernetesObject], given: assemble.Assembled, asked: Asked) -> tuple[Said, ...]:
    """What rules of scope `object` say; those about reports have none here, and are not asked."""
    ground, now_ns = asked.ground, assemble.now_ns(asked.now)
    packages = tuple(one for one in ground.bundle.packages if one.scope == "object")
    bundle = msgspec.structs.replace(ground.bundle, packages=packages, python=())
    said = evaluate.evaluate(
        asked.engine,
        None,
        bundle,
        given,
        frozenset(),
        point=Point.BACKGROUND,
        now_ns=now_ns,
        timeout_s=TIMEOUT_S,
    )
    constraints = evaluate.evaluate_gatekeeper(
        asked.engine,
        bundle,
        given,
        tuple(batch),
        point=Point.BACKGROUND,
        now_ns=now_ns,
        timeout_s=TIMEOUT_S,
        around=ground.around(),
    )
    return (*said, *constraints.said)


def _one(value: KubernetesObject, said: Sequence[Said], place: Place, sha256: str, asked: Asked) -> Judged:
    ground, now = asked.ground, asked.now
    action_for = partial(_action, ground, place.mode)
    subject = Subject(type="manifests", name=name(value), claimed=False)
    found = decide.violations(said, ground.bundle.rules, {}, (value,), {}, action_for, Point.BACKGROUND, now)
    covering = [one for project, one in ground.waivers if project in (None, place.project)]
    waived: tuple[Waived, ...]
    found, waived, _ = waivers.waived_violations(
        found, {}, covering, subject, place.environment, now, ground.waiver_days
    )
    seen = decided.Images()
    if value.object.get("kind") == "Pod":
        seen = decided.judged(images.uses(value.object), ground.rules, place, asked.known, now)
    of_images = decide.violations(
        seen.said, decided.RULES, {}, (value,), {}, action_for, Point.BACKGROUND, now
    )
    every: tuple[Violation, ...] = (*of_images, *found)
    return Judged(
        value=value,
        digests=seen.digests,
        is_drift=any(one.verb == "deny" for one in seen.said),
        decision=Decision(
            decision_id=asked.new_id(),
            outcome=decide.outcome(every, 0),
            project=place.project,
            environment=place.environment,
            subject=subject,
            policy=PolicySet(revision=ground.bundle.revision, engine=ground.engine, packages=ground.packages),
            violations=every,
            waived=waived,
            waivers_sha256=waivers.digest(covering) if covering else None,
            input_sha256=sha256,
            decided_at=times.rfc3339(now),
            gate_version=__version__,
        ),
    )


def _action(ground: Ground, mode: Mode, rule: str, point: Point, default: Action) -> Action:
    return capped(settings.action_for(ground.rules.admission.actions, rule, point, default), mode)


def _count(judged: Judged, counts: Counts) -> None:
    counts.drifted += judged.is_drift
    for one in judged.decision.violations:
        actions = counts.by_rule.setdefault(one.rule, {})
        actions[one.action.value] = actions.get(one.action.value, 0) + 1


def denies(counts: Counts) -> int:
    """How many violations deny."""
    return sum(actions.get(Action.DENY.value, 0) for actions in counts.by_rule.values())


def is_told(judged: Judged) -> bool:
    """Whether a record is kept of it: what drifted, and what would not be let in today."""
    return judged.is_drift or judged.decision.outcome is Outcome.FAIL


def name(value: KubernetesObject) -> str:
    """`Kind/namespace/name`."""
    metadata = value.object.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    return f"{value.object.get('kind')}/{known.get('namespace') or ''}/{known.get('name') or ''}"


def document(judged: Judged) -> dict[str, Any]:
    """gate.decision/v1 of one object, with its point."""
    value: dict[str, Any] = msgspec.to_builtins(judged.decision)
    return value | {"point": Point.BACKGROUND.value}


def namespace(value: KubernetesObject) -> str:
    """Where it is; empty for an object of the cluster."""
    metadata = value.object.get("metadata")
    return str(metadata.get("namespace") or "") if isinstance(metadata, dict) else ""
