"""The engine reads a review by itself: it must come to what CI comes to, about every object there is at hand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gate import assemble, bootstrap, decide, evaluate
from gate.admission import answering, images, reviews
from gate.admission.answering import Judged
from gate.admission.desk import Desk
from gate.assemble import Facts
from gate.engines import reviewing
from gate.errors import GateError, PolicyError, ReportError
from gate.model import Action, EnvironmentRef, KubernetesObject, Point, Said, Subject
from tests.admission.builders import NOW, answer, desk, known, pod, review
from tests.data import shared_data

PLATFORM = """version: 1
admission:
  images: [{match: registry.example/**, require: decision}, {match: "**", require: audit}]
  namespaces: [{match: "**", environment: production, project: acme/web}]
"""


def given_objects() -> Iterator[dict[str, Any]]:
    """Whatever of the shared data is a Kubernetes object, those inside reviews too."""
    with bootstrap.engine() as engine:
        read = bootstrap.manifest_reader(engine)
        for folder in ("pss", "admission"):
            for path in sorted(shared_data(folder).rglob("*.*")):
                if path.suffix in (".yaml", ".yml", ".json"):
                    for value in read_as_is(read, path):
                        request = value.get("request")
                        one = request.get("object") if isinstance(request, dict) else value
                        if isinstance(one, dict) and isinstance(one.get("kind"), str):
                            yield one


def read_as_is(read: Any, path: Path) -> list[dict[str, Any]]:
    try:
        values = [msgspec.json.decode(one.value) for one in read(path.read_bytes(), path.name)]
    except GateError:
        return []  # some are there to be refused
    return [one for one in values if isinstance(one, dict)]


def asked_about(one: dict[str, Any], before: dict[str, Any] | None, operation: str) -> bytes:
    metadata = one.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return review(
        None if operation == "DELETE" else one,
        operation=operation,
        object=None if operation == "DELETE" else one,
        oldObject=one if operation == "DELETE" else before,
        kind={"group": "", "version": "v1", "kind": str(one.get("kind"))},
        name=name if isinstance(name, str) else "",
    )


def judged(desk: Desk, body: bytes) -> Judged:
    return asyncio.run(
        answering.judged(
            reviews.review(body),
            desk.ground,
            desk.known,
            desk.engine,
            now=NOW,
            decision_id="d",
            timeout_s=20.0,
        )
    )


def as_in_ci(desk: Desk, body: bytes) -> tuple[str, tuple[Said, ...]]:
    """Digest of the input and what the rules say, by the functions that judge files."""
    asked, ground = reviews.review(body).asked, desk.ground
    bundle = ground.bundle
    request = msgspec.json.decode(body)["request"]
    speaking = tuple(one for one in bundle.packages if asked.operation in one.operations)
    given = assemble.assemble(
        Facts(
            now=NOW,
            point=Point.ADMISSION,
            project="acme/web",
            environment=EnvironmentRef(name="production", order=0),
            subject=Subject(type="manifests", name=reviews.name(asked), claimed=False),
            objects=(KubernetesObject(text=asked.judged),),
            settings=ground.settings,
            request={name: request.get(name) for name in reviews.FACTS},
        )
    )
    if not speaking:
        return given.sha256, ()
    said = evaluate.evaluate(
        desk.engine,
        None,
        msgspec.structs.replace(bundle, packages=speaking),
        given,
        frozenset(),
        point=Point.ADMISSION,
        now_ns=assemble.now_ns(NOW),
        timeout_s=20.0,
    )
    return given.sha256, said


def uses(body: bytes) -> list[tuple[str, str]]:
    asked = reviews.review(body).asked
    request = msgspec.json.decode(body)["request"]
    if asked.operation == "DELETE":
        return []
    before = request["oldObject"]
    is_new = asked.operation == "CREATE" or before is None
    known = set() if is_new else {one.image for one in images.uses(before)}
    return sorted((one.image, one.path) for one in images.uses(request["object"]) if one.image not in known)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("shipped")
    with desk(folder, platform=PLATFORM, policies=("builtin:pod-security/restricted",), known=known()) as one:
        yield one


def test_every_object_is_judged_as_in_ci_and_its_images_are_those_that_the_audit_sees(shipped: Desk) -> None:
    before: dict[str, Any] | None = None
    seen = said_something = with_images = 0
    for one in given_objects():
        for operation in ("CREATE", "UPDATE", "DELETE"):
            body = asked_about(one, before if operation == "UPDATE" else None, operation)
            result = judged(shipped, body)
            sha256, said = as_in_ci(shipped, body)
            value = KubernetesObject(text=reviews.review(body).asked.judged)
            rules = shipped.ground.bundle.rules
            expected = decide.violations(said, rules, {}, (value,), {}, as_said, Point.ADMISSION, NOW)
            of_rules = [v for v in result.decision.violations if not v.rule.startswith("GATE-IMAGE-")]

            assert list(expected) == of_rules
            assert sha256 == result.decision.input_sha256
            of_images = sorted((use.image, use.path) for use in result.uses)
            assert uses(body) == of_images
            seen, said_something, with_images = (
                seen + 1,
                said_something + bool(said),
                with_images + bool(of_images),
            )
        before = one

    assert min(seen, said_something, with_images) > 100


def as_said(_: str, __: Point, said: Action) -> Action:
    return said


CRAFTED = {
    "an operator's own kind": {"apiVersion": "acme/v1", "kind": "Web", "spec": {"a/b": [{"t~": pod()["spec"]}]}},
    "a Pod of another group": pod() | {"apiVersion": "acme/v1"},
    "a template that is no object": {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": "x"}},
    "a Deployment": {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": pod()}},
    "a CronJob": {"apiVersion": "batch/v1", "kind": "CronJob",
                  "spec": {"jobTemplate": {"spec": {"template": pod()}}}},
    "images that are none": pod() | {"spec": {"containers": [{"image": ""}, {"image": 7}, {}, "x"], "initContainers": {}}},
    "a volume of an image": pod() | {"spec": {"volumes": [{"image": {"reference": "r"}}, {"image": "x"}, {"image": {}}]}},
    "an image with letters of every kind": pod("registry.example/ä\u2028\"\\\x01:1"),
}  # fmt: skip


@pytest.mark.parametrize("name", CRAFTED)
def test_images_at_unusual_places_are_those_that_the_audit_sees(shipped: Desk, name: str) -> None:
    one = CRAFTED[name]
    for operation in ("CREATE", "UPDATE"):
        body = asked_about(
            one, {"kind": "Pod", "apiVersion": "v1"} if operation == "UPDATE" else None, operation
        )

        assert uses(body) == sorted((use.image, use.path) for use in judged(shipped, body).uses)


# --------------------------------------------------------------------- nothing of it may be let in


def undecided(response: dict[str, Any]) -> tuple[bool, int, str]:
    return response["allowed"], response["status"]["code"], response["auditAnnotations"]["error"]


def twice(text: bytes, more: bytes) -> bytes:
    assert text in review()
    return review().replace(text, more + text, 1)


@pytest.mark.parametrize(
    "body",
    [
        twice(b'"spec":', b'"spec":{},'),
        twice(b'"object":', b'"object":{"kind":"Pod"},'),
        twice(b'"operation":', b'"operation":"DELETE",'),
        twice(b'"namespace":"prod","operation"', b'"namespace":"kube-system",'),
        twice(b'"uid":', b'"uid":"other",'),
        twice(b'"request":', b'"request":null,'),
        twice(b'"name":"web","namespace":"prod","operation"', b'"n\\u0061me":"other",'),
    ],
    ids=["in the object", "object", "operation", "namespace", "uid", "request", "a key in two spellings"],
)  # fmt: skip
def test_a_key_that_stands_twice_is_denied_wherever_it_stands(shipped: Desk, body: bytes) -> None:
    assert (False, 500, "bad_request") == undecided(answer(shipped, body))


def test_an_object_too_deep_is_refused(shipped: Desk) -> None:
    deep = b'{"a":' * 1_001 + b"1" + b"}" * 1_001
    body = review().replace(b'"options":null', b'"options":%b' % deep, 1)

    with pytest.raises(ReportError, match="recursion"):
        answer(shipped, body)


def test_a_rule_that_is_undefined_is_denied(tmp_path: Path) -> None:
    policy = POLICY_WITH.format('count(input.object.metadata.labels.team) > object.get(input, "x", 0)')
    with desk(tmp_path, policy=policy) as one:
        one.ground.plans.plan("CREATE", one.ground.rules.place("prod"))
        plans = one.ground.plans._plans  # no bundle that loads has an undefined set
        for key, plan in plans.items():
            plans[key] = msgspec.structs.replace(plan, sent=plan.sent.replace(b"team.deny", b"team.absent"))
        response = answer(one, review())

    assert (False, 500, "undefined") == undecided(response)


POLICY_WITH = """# METADATA
# scope: package
# title: t
# custom: {{scope: object}}
package policy.kubernetes.team

# METADATA
# title: t
# custom: {{id: TEAM-1}}
deny contains {{"rule": "TEAM-1", "message": "m"}} if {}
"""


def test_a_builtin_that_fails_is_denied(tmp_path: Path) -> None:
    policy = POLICY_WITH.format("to_number(input.object.metadata.name) > 1")
    with desk(tmp_path, policy=policy) as one:
        response = answer(one, review())

    assert (False, 500, "eval_builtin_error") == undecided(response)


def test_an_engine_that_forgot_everything_is_told_again_and_answers(tmp_path: Path) -> None:
    with desk(tmp_path) as one:
        first = answer(one, review(pod(privileged=1)))
        engine = one.engine._places[0]  # to end it as the kernel would
        assert engine is not None
        engine.kill()
        again = answer(one, review(pod(privileged=1)))

    assert first["status"] == again["status"]


def test_an_answer_about_another_review_is_no_answer() -> None:
    asked = reviews.review(review()).asked
    head = reviewing.Head(uid="u-1", operation="DELETE", sub_resource=None, namespace="prod", name="web")

    with pytest.raises(PolicyError, match="two ways"):
        answering.refuse_another(head, asked)


@pytest.mark.parametrize(("rule", "is_allowed"), [("TEAM-1", True), ("TEAM-2", False)])
def test_a_waiver_covers_violations_of_its_rule_and_of_no_other(
    tmp_path: Path, rule: str, is_allowed: bool
) -> None:
    (tmp_path / "waivers.yaml").write_text(WAIVERS.replace("RULE", rule), "utf-8")
    with desk(tmp_path, waivers=("waivers.yaml",)) as one:
        response = answer(one, review(pod(privileged=1)))

    assert is_allowed == response["allowed"]


WAIVERS = """version: 1
waivers:
  - {id: w-1, match: {rule: TEAM-9}, reason: accepted_risk, note: n, requested_by: wei@example.com,
     approved_by: lin@example.com, created: 2026-11-20, expires: 2026-12-06}
  - {id: w-2, match: {rule: RULE, object: Pod/prod/web}, reason: accepted_risk, note: n, requested_by: wei@example.com,
     approved_by: lin@example.com, created: 2026-11-20, expires: 2026-12-06}
"""
