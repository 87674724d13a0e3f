"""Reviews, knowledge and desks that show the one fact that matters."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from gate import bootstrap, times
from gate.admission.desk import Desk
from gate.admission.known import Known
from gate.admission.spool import Spool
from gate.engines.embedded import Engine
from gate.feed import Change, Decided, Page
from gate.scales import Outcome
from gate.service import standing
from gate.service.standing import Sources

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32
IMAGE = f"registry.example/acme/web@{DIGEST}"
POLICY = """# METADATA
# scope: package
# title: pods of a test
# custom: {scope: object, points: [admission]}
package policy.kubernetes.team

# METADATA
# title: No privileged container
# custom: {id: TEAM-1, severity: high, fix: remove privileged}
deny contains {"rule": "TEAM-1", "message": sprintf("container %d is privileged", [i]), "path": sprintf("/spec/containers/%d", [i])} if {
	some i, c in input.object.spec.containers
	c.securityContext.privileged
}

# METADATA
# title: Nobody is called root
# custom: {id: TEAM-2, severity: low}
warn contains {"rule": "TEAM-2", "message": sprintf("asked by %s", [input.request.userInfo.username])} if {
	input.request.userInfo.username == "root"
}
"""
PLATFORM = """version: 1
admission:
  images:
    - {match: registry.example/acme/**, require: decision}
    - {match: docker.io/library/**, require: allow}
  namespaces:
    - {match: prod, environment: production, project: acme/web}
  environments:
    - {name: production, stale_after: 1h}
"""


def pod(image: str = "nginx", *, privileged: int = 0, **metadata: Any) -> dict[str, Any]:
    containers: list[dict[str, Any]] = [{"name": "a", "image": image}]
    containers = [
        {"name": f"c{i}", "image": image, "securityContext": {"privileged": True}} for i in range(privileged)
    ] or containers
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "prod"} | metadata,
        "spec": {"containers": containers},
    }


def review(value: Any = None, **request: Any) -> bytes:
    """A review of creating `value`, with other members of the request as given."""
    whole = {
        "uid": "u-1",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "name": "web",
        "namespace": "prod",
        "operation": "CREATE",
        "userInfo": {"username": "dev", "groups": ["system:authenticated"]},
        "object": pod() if value is None else value,
        "oldObject": None,
        "dryRun": False,
        "options": None,
    } | request
    return msgspec.json.encode(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": whole}
    )


def decided(digest: str = DIGEST, outcome: Outcome = Outcome.PASS, **more: Any) -> Decided:
    given: dict[str, Any] = {
        "sequence": 1,
        "at": times.rfc3339(NOW),
        "project": "acme/web",
        "environment": "production",
        "decision_id": "d-1",
        "decided_at": times.rfc3339(NOW),
        "expires_at": None,
        "policy_revision": "r",
    }
    return Decided(digest=digest, outcome=outcome, **(given | more))


def page(*changes: Change, epoch: str = "e", as_of: datetime = NOW, last: int | None = None) -> Page:
    newest = max((one.sequence for one in changes), default=0)
    return Page(
        epoch=epoch,
        as_of=times.rfc3339(as_of),
        last=newest if last is None else last,
        has_more=False,
        changes=changes,
    )


def known(*changes: Change, as_of: datetime = NOW) -> Known:
    result = Known()
    result.apply(page(*changes, as_of=as_of))
    return result


@contextlib.contextmanager
def desk(
    folder: Path,
    *,
    policy: str = POLICY,
    policies: tuple[str, ...] = ("policies",),
    platform: str = PLATFORM,
    waivers: tuple[str, ...] = (),
    known: Known | None = None,
    spool: Spool | None = None,
    now: datetime = NOW,
    engine: Engine | None = None,
) -> Iterator[Desk]:
    """A desk with this policy and this platform's file, at noon."""
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "policies" / "team.rego").write_text(policy, "utf-8")
    (folder / "platform.yaml").write_text(platform, "utf-8")
    sources = Sources(policies=policies, waivers=waivers, platform="platform.yaml", root=folder)
    with contextlib.ExitStack() as stack:
        running = engine or stack.enter_context(bootstrap.engine())
        given = Known() if known is None else known
        ground = standing.loaded(sources, running, given)
        yield Desk(running, ground, given, spool, clock=lambda: now)


def answer(desk: Desk, body: bytes, timeout_s: float = 10.0) -> dict[str, Any]:
    """`response` of the answer."""
    whole = msgspec.json.decode(asyncio.run(desk.answer(body, timeout_s)))
    result: dict[str, Any] = whole["response"]
    return result
