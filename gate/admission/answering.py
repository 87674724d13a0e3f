"""A review becomes a decision and a response: the stages of CI, with the object as the API server sent it.

    review ─► the engine ─┬─► what rules said ─► waivers on violations ─┐
                          └─► images ─► what the store knows ───────────┴─► decide ─► response

The engine reads the review, as the bytes it came as; what is the same for many is made once
(`plans`). Everything that decides is the functions that `gate check` calls. What goes wrong is a denial that says so: a failed call could be let pass by the API server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec

from gate import __version__, assemble, decide, evaluate, settings, times, waivers
from gate.admission import decided, images, reviews
from gate.admission.decided import Images
from gate.admission.known import Known
from gate.admission.plans import Covering, Plans
from gate.admission.platform import Mode, Place, Rules
from gate.admission.reviews import Asked, Response, Review
from gate.assemble import Own
from gate.bundle import Bundle
from gate.engines import reviewing
from gate.engines.embedded import Engine
from gate.errors import GateError, PolicyError, Problem, quoted
from gate.feed import Granted
from gate.kubernetes import surroundings
from gate.kubernetes.surroundings import Need, Surroundings
from gate.model import (
    Action,
    Decision,
    KubernetesObject,
    Outcome,
    Point,
    PolicySet,
    Rule,
    Said,
    Subject,
    Violation,
    Waived,
)
from gate.waivers import Waiver

WITHOUT: Final = "start the webhook with --informer"
SPELLED: Final = 3
"""Reasons of a denial that are told whole; the API server shows one message of one webhook."""
JUDGES_IMAGES: Final = frozenset({("CREATE", ""), ("UPDATE", ""), ("UPDATE", "ephemeralcontainers")})
"""(operation, subresource) at which images are judged: never a scale-up, a deletion or an exec."""
_OBJECTS: Final = msgspec.json.Decoder(dict[str, Any])


def unknown() -> Surroundings:
    """The surroundings where no informer runs."""
    return Surroundings(unknown_namespace=WITHOUT)


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What judges, all of one revision: replaced whole, so that no answer mixes two."""

    bundle: Bundle
    settings: dict[str, Any]
    rules: Rules
    waivers: tuple[tuple[str | None, Waiver], ...] = ()
    """(project or None for every one, waiver)."""
    waiver_days: Mapping[str, int] = {}
    policy: PolicySet
    plans: Plans
    around: Callable[[], Surroundings] = unknown
    """What the constraints may look at besides the object; asked for each review."""
    needs: tuple[Need, ...] = ()
    """Kinds of `data.inventory` that the templates look at."""

    @property
    def engine(self) -> str:
        """Name and version."""
        return self.policy.engine

    @property
    def packages(self) -> tuple[str, ...]:
        """Those that judge."""
        return self.policy.packages


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """The decision about one review and what is kept besides."""

    decision: Decision
    uses: tuple[images.Use, ...]
    """Images that the object would let in."""
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
    around: Callable[[tuple[Need, ...]], Surroundings] | None = None,
) -> Ground:
    """What judges at `point`, from its parts; `around` is what an informer holds, None where none runs.

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
    needs = _needs(bundle, point, has_inventory=around is not None)
    merged = settings.merged(bundle.settings, data)
    return Ground(
        bundle=bundle,
        settings=merged,
        rules=rules,
        waivers=tuple(given),
        waiver_days={severity.value: days for severity, days in waivers.MAXIMUM_DAYS.items()},
        policy=PolicySet(revision=bundle.revision, engine=engine, packages=decide.packages(bundle)),
        plans=Plans(bundle, merged, rules.admission.actions, given, point),
        around=partial(around, needs) if around else unknown,
        needs=needs,
    )


def _needs(bundle: Bundle, point: Point, *, has_inventory: bool) -> tuple[Need, ...]:
    """What the templates look at; raises `PolicyError` where nobody holds it for them."""
    library = bundle.gatekeeper
    if library is None:
        return ()
    if has_inventory:
        return surroundings.needs(library)
    looking = [one for one in library.templates if one.needs_inventory or one.looks_at_namespace]
    if looking:
        what = "data.inventory" if looking[0].needs_inventory else "the namespace of an object (_unstable)"
        raise PolicyError(
            f"template {looking[0].kind} looks at {what}, which {point} does not have: it sees objects one by one",
            code="inventory_absent",
            path=looking[0].place.path,
            line=looking[0].place.line,
            fix=f"{WITHOUT}, or leave the template out here; CI has all objects of a change at once",
        )
    return ()


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
    plan = ground.plans.plan(asked.operation, place)
    value = KubernetesObject(text=asked.judged)
    subject = Subject(type="manifests", name=reviews.name(asked), claimed=False)
    at = times.rfc3339(now)
    own = plan.outline.own(at, subject, value)
    is_about_images = (asked.operation, asked.sub_resource) in JUDGES_IMAGES
    answered = await reviewing.answered(
        engine,
        ground.bundle.revision,
        plan.sent,
        own.members,
        review.body,
        now_ns=assemble.now_ns(now),
        seed=own.sha256,
        images=is_about_images,
        timeout_s=timeout_s,
    )
    refuse_another(answered.head, asked)
    said = evaluate.heard(answered.results, plan.entries, ground.bundle)
    if ground.bundle.gatekeeper is not None:
        said = (*said, *await _of_templates(review, own, ground, engine, now, timeout_s))
    uses = tuple(images.Use(image=image, path=path) for image, path in answered.images)
    granted = known.grant(asked.namespace, _digests(uses), now) if known.has_grants else None
    mode = _mode(asked, value, place)
    if granted is not None:
        mode = "audit" if mode == "audit" else "warn"
    covering = ground.plans.covering(place.project)
    found, waived = _standing(said, value, ground, covering, mode, subject, place.environment, now)
    seen = decided.judged(uses, ground.rules, place, known, now)
    # What the store says of an image is waived there, by a new decision, and nowhere else.
    every = (*_violations(seen.said, decided.RULES, value, ground, mode, now), *found)
    return Judged(
        decision=Decision(
            decision_id=decision_id,
            outcome=decide.outcome(every, 0),
            project=place.project,
            environment=place.environment,
            subject=subject,
            policy=ground.policy,
            violations=every,
            waived=waived,
            waivers_sha256=covering.sha256,
            input_sha256=own.sha256,
            decided_at=at,
            gate_version=__version__,
            notices=() if granted is None else (_broken(granted),),
        ),
        uses=uses,
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


async def _of_templates(
    review: Review, own: Own, ground: Ground, engine: Engine, now: datetime, timeout_s: float
) -> tuple[Said, ...]:
    """What Gatekeeper's constraints say."""
    constraints = await asyncio.to_thread(
        evaluate.evaluate_gatekeeper,
        engine,
        ground.bundle,
        own,
        (KubernetesObject(object=reviews.as_seen(review)),),
        point=Point.ADMISSION,
        now_ns=assemble.now_ns(now),
        timeout_s=timeout_s,
        around=ground.around(),
    )
    return constraints.said


def refuse_another(head: reviewing.Head, asked: Asked) -> None:
    """Raises `PolicyError` where the engine has read of the review something else than was skimmed here."""
    read = (head.uid, head.operation, head.sub_resource or "", head.namespace or "", head.name or "")
    if read != (asked.uid, asked.operation, asked.sub_resource, asked.namespace, asked.name):
        raise PolicyError(
            "the review can be read in two ways",
            code="review_ambiguous",
            found=quoted(read),
            expected=quoted(asked.operation),
        )


def _standing(
    said: Sequence[Said],
    value: KubernetesObject,
    ground: Ground,
    covering: Covering,
    mode: Mode,
    subject: Subject,
    environment: str | None,
    now: datetime,
) -> tuple[tuple[Violation, ...], tuple[Waived, ...]]:
    """The violations of what the rules said, and those of them that are waived."""
    if not said:
        return (), ()
    found = _violations(said, ground.bundle.rules, value, ground, mode, now)
    naming = covering.naming(found)
    if not naming:
        return found, ()
    standing, waived, _ = waivers.waived_violations(
        found, {}, naming, subject, environment, now, ground.waiver_days
    )
    return standing, waived


def _violations(
    said: Sequence[Said],
    rules: Mapping[str, Rule],
    value: KubernetesObject,
    ground: Ground,
    mode: Mode,
    now: datetime,
) -> tuple[Violation, ...]:
    if not said:
        return ()
    action_for = partial(ground.plans.action, mode)
    return decide.violations(said, rules, {}, (value,), {}, action_for, Point.ADMISSION, now)


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


def is_allowed(outcome: Outcome) -> bool:
    """Whether an object of this outcome is let in."""
    return outcome in decided.PASSING
