"""The images that run already, and what the store decided about them: adopting is saying that they were admitted.

Age gates the first admission alone (docs/admission.md). What ran before the webhook did was never admitted by it, so
without this the first drain after a decision's expiry would be a denial. Nothing is decided here: an image that
nobody decided about is told, not adopted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from gate.admission import decided, images
from gate.admission.answering import Ground
from gate.admission.known import Known, Verdict
from gate.admission.platform import Rules
from gate.admission.spool import record
from gate.cluster.client import Cluster
from gate.feed import AdmissionRecord

WRITER: Final = "adopt"
PODS: Final = "/api/v1/pods"
_ENDED: Final = ("Succeeded", "Failed")


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """One image in one namespace."""

    image: str
    digest: str | None
    """As the Pod names it, else as its node says that it pulled it."""
    namespace: str


class Adopted(msgspec.Struct, frozen=True, kw_only=True):
    """An image that a decision lets in."""

    digest: str
    namespace: str
    environment: str
    project: str


class Undecided(msgspec.Struct, frozen=True, kw_only=True):
    """An image that no decision lets in."""

    image: str
    namespace: str
    why: str


def running(cluster: Cluster, rules: Rules, excluded: frozenset[str]) -> list[Running]:
    """Every image that runs and needs a decision, each once a namespace; raises `GateError`."""
    found: set[Running] = set()
    for item in cluster.items(PODS):
        pod = msgspec.json.decode(item, type=dict[str, Any])
        namespace = str(pod.get("metadata", {}).get("namespace") or "")
        if namespace in excluded or pod.get("status", {}).get("phase") in _ENDED:
            continue
        pulled = dict(_pulled(pod))
        for use in images.uses({"apiVersion": "v1", "kind": "Pod"} | pod):
            parts = images.reference(use.image)
            rule = rules.required(parts.repository)
            if rule is not None and rule.require == "decision":
                digest = parts.digest or pulled.get(use.image)
                found.add(Running(image=use.image, digest=digest, namespace=namespace))
    return sorted(found, key=lambda one: (one.namespace, one.image, one.digest or ""))


def sorted_out(
    given: Sequence[Running], ground: Ground, known: Known
) -> tuple[list[Adopted], list[Undecided]]:
    """Those that the newest decisions let in, whatever their age, and those that they do not, with the reason."""
    adopted: dict[Adopted, None] = {}
    undecided: list[Undecided] = []
    for one in given:
        place = ground.rules.place(one.namespace)
        found: Sequence[Verdict] = ()
        if one.digest is None:
            why = "neither the Pod nor its node names a digest"
        elif place.environment is None:
            why = "the namespace has no environment"
        else:
            found = decided.newest(known.verdicts(one.digest, place.environment, place.project))
            why = "" if found else f"no decision for {place.environment}"
            for verdict in found:
                if verdict.is_revoked:
                    why = f"decision {verdict.decision_id} was revoked"
                elif verdict.outcome not in decided.PASSING:
                    why = f"decision {verdict.decision_id} is {verdict.outcome}"
        if why:
            undecided.append(Undecided(image=one.image, namespace=one.namespace, why=why))
            continue
        for verdict in found:
            key = Adopted(
                digest=one.digest or "",
                namespace=one.namespace,
                environment=verdict.environment,
                project=verdict.project,
            )
            adopted[key] = None
    return list(adopted), undecided


def records(
    adopted: Sequence[Adopted], ground: Ground, new_id: Callable[[], str], now: datetime
) -> Iterator[AdmissionRecord]:
    """What the store keeps: an admission each."""
    for one in adopted:
        yield record(
            new_id(),
            WRITER,
            None,
            now=now,
            outcome="pass",
            namespace=one.namespace,
            environment=one.environment,
            project=one.project,
            policy_revision=ground.bundle.revision,
            digests=(one.digest,),
        )


def _pulled(pod: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Image as written -> digest, as the node tells: `docker.io/library/nginx@sha256:…`."""
    status = pod.get("status", {})
    named = {
        one.get("name"): one.get("image") for key in images.CONTAINERS for one in pod["spec"].get(key) or ()
    }
    for key in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for one in status.get(key) or ():
            digest = images.reference(
                str(one.get("imageID") or "").partition("://")[2] or str(one.get("imageID"))
            ).digest
            image = named.get(one.get("name"))
            if digest and image:
                yield image, digest
