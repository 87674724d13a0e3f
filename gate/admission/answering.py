"""A review becomes a decision and a response: the stages of CI, with the object as the API server sent it.

    review ─► assemble ─► evaluate ─► waivers on violations ─┐
    images ─► what the store knows ──────────────────────────┴─► decide ─► response

The engine is asked without blocking the loop; everything else is the same functions that `gate check`
calls. What goes wrong is a denial that says so: a failed call could be let pass by the API server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec

from gate import __version__, assemble, decide, evaluate, settings, times, waivers
from gate.admission import decided, images
from gate.admission.decided import Images
from gate.admission.known import Known
from gate.admission.platform import Mode, Place, Rules, capped
from gate.admission.reviews import Asked, Response, Review
from gate.bundle import Bundle, entrypoints
from gate.engines import reviewing
from gate.engines.embedded import Engine
from gate.errors import GateError, PolicyError, Problem
from gate.feed import Granted
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
)
from gate.waivers import Waiver

SPELLED: Final = 3
"""Reasons of a denial that are told whole; the API server shows one message of one webhook."""
JUDGES_IMAGES: Final = frozenset({("CREATE", ""), ("UPDATE", ""), ("UPDATE", "ephemeralcontainers")})
"""(operation, subresource) at which images are judged: never a scale-up, a deletion or an exec."""
_OBJECTS: Final = msgspec.json.Decoder(dict[str, Any])


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What judges, all of one revision: replaced whole, so that no answer mixes two."""

    bundle: Bundle
    settings: dict[str, Any]
    rules: Rules
    waivers: tuple[tuple[str | None, Waiver], ...] = ()
    """(project or None for every one, waiver)."""
    waiver_days: Mapping[str, int] = {}
    packages: tuple[str, ...]
    by_operation: Mapping[str, Bundle]
    """The part of the bundle that speaks at an operation."""
    engine: str
    """Name and version."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """The decision about one review and what is kept besides."""

    decision: Decision
    images: Images
    place: Place
    granted: Granted | None = None
    """The break-glass without which it would be denied, or might be."""


def ground(
    bundle: Bundle,
    data: dict[str, Any],
    rules: Rules,
    engine: str,
    given: Sequence[tuple[str | None, Waiver]] = (),
    point: Point = Point.ADMISSION,
) -> Ground:
    """What judges at `point`, from its parts.

    Raises `PolicyError` where the bundle says nothing there, or needs what is not here.
    """
    if not evaluate.speaking(bundle, point):
        raise PolicyError(
            f"no rule of the bundle speaks at {point}",
            code="no_policies",
            expected=f"a rule of scope object whose custom.points has {point}",
            fix="name policies about Kubernetes objects",
        )
    evaluate.refuse_if_off(bundle, point, partial(settings.action_for, rules.admission.actions))
    if bundle.gatekeeper is not None and bundle.gatekeeper.needs_inventory:
        raise PolicyError(
            f"a template looks at data.inventory, which {point} does not have: it sees objects one by one",
            code="inventory_absent",
            fix="leave the template out here; CI has all objects of a change at once",
        )
    return Ground(
        bundle=bundle,
        settings=settings.merged(bundle.settings, data),
        rules=rules,
        waivers=tuple(given),
        waiver_days={severity.value: days for severity, days in waivers.MAXIMUM_DAYS.items()},
        packages=decide.packages(bundle),
        by_operation={one: _speaking_at(bundle, one) for one in ("CREATE", "UPDATE", "DELETE", "CONNECT")},
        engine=engine,
    )


async def judged(
    review: Review,
    ground: Ground,
    known: Known,
    engine: Engine,
    *,
    now: datetime,
    decision_id: str,
    timeout_s: float,
) -> Judged:
    """The decision about `review`; raises `GateError` where none can be made within `timeout_s`."""
    asked = review.asked
    place = ground.rules.place(asked.namespace)
    value = KubernetesObject(text=asked.judged)
    subject = Subject(type="manifests", name=_name(asked, value), claimed=False)
    given = assemble.assemble(
        assemble.Facts(
            now=now,
            point=Point.ADMISSION,
            project=place.project,
            environment=EnvironmentRef(name=place.environment, order=place.order)
            if place.environment
            else None,
            subject=subject,
            objects=(value,),
            settings=ground.settings,
            request=review.request,
        )
    )
    uses = _uses(asked, value)
    granted = known.grant(asked.namespace, _digests(uses), now)
    mode = _mode(asked, value, place)
    if granted is not None:
        mode = "audit" if mode == "audit" else "warn"
    said = await _said(review, value, given, ground, engine, now, timeout_s)
    action_for = partial(_action, ground.rules, mode)
    found = decide.violations(said, ground.bundle.rules, {}, (value,), {}, action_for, Point.ADMISSION, now)
    covering = [one for project, one in ground.waivers if project in (None, place.project)]
    found, waived, _ = waivers.waived_violations(
        found, {}, covering, subject, place.environment, now, ground.waiver_days
    )
    seen = decided.judged(uses, ground.rules, place, known, now)
    # What the store says of an image is waived there, by a new decision, and nowhere else.
    of_images = decide.violations(
        seen.said, decided.RULES, {}, (value,), {}, action_for, Point.ADMISSION, now
    )
    every = (*of_images, *found)
    return Judged(
        decision=Decision(
            decision_id=decision_id,
            outcome=decide.outcome(every, 0),
            project=place.project,
            environment=place.environment,
            subject=subject,
            policy=PolicySet(revision=ground.bundle.revision, engine=ground.engine, packages=ground.packages),
            violations=every,
            waived=waived,
            waivers_sha256=waivers.digest(covering) if covering else None,
            input_sha256=given.sha256,
            decided_at=times.rfc3339(now),
            gate_version=__version__,
            notices=() if granted is None else (_broken(granted),),
        ),
        images=seen,
        place=place,
        granted=granted,
    )


def response(judged: Judged, record_id: str) -> Response:
    """What the API server is told of a decision; `record_id` names the record of it, empty for none."""
    decision = judged.decision
    by_action: dict[Action, list[Violation]] = {}
    for one in decision.violations:
        by_action.setdefault(one.action, []).append(one)
    annotations = {"bundle-revision": decision.policy.revision, "outcome": decision.outcome.value}
    if record_id:
        annotations["decision-id"] = record_id
    if audited := by_action.get(Action.AUDIT):
        annotations["audited"] = ",".join(dict.fromkeys(one.rule for one in audited))
    if judged.granted is not None:
        annotations["break-glass"] = judged.granted.id
    is_allowed = decision.outcome in decided.PASSING
    return Response(
        allowed=is_allowed,
        message="" if is_allowed else _reasons(by_action.get(Action.DENY, []), record_id),
        warnings=(
            *decision.notices,
            *(f"{one.rule}: {one.message}" for one in by_action.get(Action.WARN, ())),
        ),
        annotations=annotations,
    )


def undecided(error: GateError, revision: str = "") -> Response:
    """The denial where no decision could be made."""
    problem: Problem = error.problems[0]
    rest = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
    return Response(
        allowed=False,
        code=500,
        message=f"gate could not decide, so it denies: {problem}{rest}",
        annotations={"error": problem.code} | ({"bundle-revision": revision} if revision else {}),
    )


def _reasons(denying: Sequence[Violation], record_id: str) -> str:
    """All reasons in one message: of several webhooks' denials only one is shown to anybody."""
    told = [
        f"{one.rule}: {one.message}" + (f" ({one.remedy})" if one.remedy else "") for one in denying[:SPELLED]
    ]
    more = len(denying) - SPELLED
    if more > 0:
        rules = ", ".join(dict.fromkeys(one.rule for one in denying[SPELLED:]))
        told.append(f"and {more} more: {rules}")
    explain = f"; see `gate explain {record_id}`" if record_id else ""
    reasons = "reason" if len(denying) == 1 else "reasons"
    return f"{len(denying)} {reasons}: " + "; ".join(told) + explain


# ------------------------------------------------------------------------------------ what is asked


async def _said(
    review: Review,
    value: KubernetesObject,
    given: assemble.Assembled,
    ground: Ground,
    engine: Engine,
    now: datetime,
    timeout_s: float,
) -> tuple[Said, ...]:
    """What the rules for this operation say; none where no rule is about it."""
    bundle = ground.by_operation[review.asked.operation]
    now_ns = assemble.now_ns(now)
    said: tuple[Said, ...] = ()
    entries = entrypoints(bundle.packages, "object", Point.ADMISSION)
    if entries:
        answers = await reviewing.evaluated(
            engine, bundle.revision, entries, given.one, now_ns=now_ns, seed=given.sha256, timeout_s=timeout_s
        )
        said = evaluate.evaluate(
            reviewing.Given(answers, ground.engine),
            None,
            bundle,
            given,
            frozenset(),
            point=Point.ADMISSION,
            now_ns=now_ns,
            timeout_s=timeout_s,
        )
    if bundle.gatekeeper is not None:
        whole = KubernetesObject(object=_as_review(review, value))
        constraints = await asyncio.to_thread(
            evaluate.evaluate_gatekeeper,
            engine,
            bundle,
            given,
            (whole,),
            point=Point.ADMISSION,
            now_ns=now_ns,
            timeout_s=timeout_s,
        )
        said = (*said, *constraints.said)
    return said


def _as_review(review: Review, value: KubernetesObject) -> dict[str, Any]:
    """The review as Gatekeeper's own webhook reads it."""
    facts = {
        key: msgspec.json.decode(part) if isinstance(part, msgspec.Raw) else part
        for key, part in review.request.items()
    }
    is_delete = review.asked.operation == "DELETE"
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": facts | {"uid": review.asked.uid, "object": None if is_delete else value.object},
    }


def _speaking_at(bundle: Bundle, operation: str) -> Bundle:
    packages = tuple(one for one in bundle.packages if operation in one.operations)
    return msgspec.structs.replace(bundle, packages=packages)


def _uses(asked: Asked, value: KubernetesObject) -> tuple[images.Use, ...]:
    if (asked.operation, asked.sub_resource) not in JUDGES_IMAGES:
        return ()
    before = bytes(asked.old_object)
    if asked.operation == "CREATE" or not before.startswith(b"{"):
        return images.uses(value.object)
    return images.changed(value.object, _OBJECTS.decode(before))


def _digests(uses: Sequence[images.Use]) -> tuple[str, ...]:
    """The images' digests; an image without one is no image that a grant could name."""
    return tuple(images.reference(use.image).digest or use.image for use in uses)


def _broken(granted: Granted) -> str:
    return f"gate: break-glass {granted.id} until {granted.until}, {granted.requested_by} and {granted.approved_by}"


def _mode(asked: Asked, value: KubernetesObject, place: Place) -> Mode:
    """What may follow at most: an object on its way out that stays as it is must be able to go.

    Its last updates take finalizers away; to deny them would keep it for ever.
    """
    if asked.operation == "UPDATE" and b'"deletionTimestamp"' in bytes(asked.old_object):
        before = _OBJECTS.decode(asked.old_object)
        metadata = before.get("metadata")
        is_leaving = isinstance(metadata, dict) and bool(metadata.get("deletionTimestamp"))
        if is_leaving and before.get("spec") == value.object.get("spec"):
            return "audit"
    return place.mode


def _action(rules: Rules, mode: Mode, rule: str, point: Point, default: Action) -> Action:
    return capped(settings.action_for(rules.admission.actions, rule, point, default), mode)


def _name(asked: Asked, value: KubernetesObject) -> str:
    """`Kind/namespace/name-or-generateName`, by what the API server says of the request."""
    name = asked.name
    if not name:
        metadata = value.object.get("metadata")
        generated = metadata.get("generateName") if isinstance(metadata, dict) else None
        name = f"{generated}*" if generated else ""
    return f"{asked.kind.kind}/{asked.namespace}/{name}"


def is_allowed(outcome: Outcome) -> bool:
    """Whether an object of this outcome is let in."""
    return outcome in decided.PASSING
