"""Objects asked about by Gatekeeper's constraints: which constraint, what the template sees, what it said.

`input.review` is what Gatekeeper's webhook would be sent when the object is created; an
`AdmissionReview` among the objects is its own request. The engine is given as a function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from gate.errors import PolicyError, Problem, quoted
from gate.kubernetes import surroundings
from gate.kubernetes.constraints import Constraint
from gate.kubernetes.gatekeeper import ENTRYPOINT, PACKAGE, Library
from gate.kubernetes.matching import Matched, fits_kind, group_and_version, mapping, matched
from gate.kubernetes.surroundings import Surroundings
from gate.lazily import Made
from gate.model import KubernetesObject, Said
from gate.scales import Action, Point

Ask = Callable[[str, bytes, Sequence[bytes]], Sequence[tuple[dict[str, Any], Sequence[Problem]]]]
"""Entry point, base and overlays of the input -> for each overlay the values and what built-ins failed; no
values where the rules contradict each other, then that is what is told."""

NOTICES: Final = 20
"""Most failures of built-ins that are told one by one."""
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_VERBS: Final[dict[Action, Any]] = {Action.DENY: "deny", Action.WARN: "warn", Action.AUDIT: "audit"}


class Reviewed(msgspec.Struct, frozen=True, kw_only=True):
    """What the constraints said."""

    said: tuple[Said, ...] = ()
    notices: tuple[str, ...] = ()


class _Violation(msgspec.Struct, frozen=True):
    """What a template gives; `details` are for programs and not kept."""

    msg: str


class _Result(msgspec.Struct, frozen=True):
    constraint: int
    violation: Any


class _Question(msgspec.Struct, frozen=True):
    """What is asked of one object: the constraints, by the kind of their template."""

    about: int
    review: dict[str, Any]
    wanted: dict[str, list[int]]

    def overlay(self) -> bytes:
        """The part of the input that is its own."""
        return _ENCODER.encode({"review": self.review, "constraints": self.wanted})

    def apart(self) -> list[_Question]:
        """The same for each template by itself."""
        return [_Question(self.about, self.review, {kind: those}) for kind, those in self.wanted.items()]


def reviewed(
    library: Library,
    objects: Sequence[KubernetesObject],
    point: Point,
    ask: Ask,
    *,
    around: Surroundings | None = None,
) -> Reviewed:
    """What every constraint of `library` that is enforced at `point` says of every object.

    `around` is what `data.inventory` and the namespaces are, `objects` themselves where it is None.
    Raises `PolicyError` where a template does not answer, or says something without a message.

    1. constraints are matched here; one that cannot be matched speaks against the object
    2. each object with a matching constraint is asked about once, all of them in one request
    3. where rules contradict each other about an object, each template is asked by itself; the
       constraints of the one that does all speak against the object, as in Gatekeeper
    """
    around = surroundings.of(objects) if around is None else around
    looking = {one.kind for one in library.templates if one.needs_inventory}
    enforced = {i: one for i, one in enumerate(library.constraints) if one.actions[point] is not Action.OFF}
    by_kind: dict[tuple[str, str], list[int]] = {}
    said: list[Said] = []
    asked: list[_Question] = []
    for about, one in enumerate(objects):
        review = request(one.object, around.namespaces)
        wanted: dict[str, list[int]] = {}
        for index in _of_kind(enforced, review, by_kind):
            constraint = enforced[index]
            answer = matched(constraint.match, review, around.labels)
            if answer is Matched.UNKNOWN:
                said.append(_said(constraint, point, about, _unknown_namespace(review, around)))
            elif answer is Matched.YES and around.unknown_inventory and constraint.kind in looking:
                said.append(_said(constraint, point, about, around.unknown_inventory))
            elif answer is Matched.YES:
                wanted.setdefault(constraint.kind, []).append(index)
        if wanted:
            asked.append(_Question(about, review, wanted))
    notices = [*library.notices, *_not_enforced(library.constraints, point)]
    is_looking = any(not looking.isdisjoint(question.wanted) for question in asked)
    base = around.inventory() if is_looking else b"{}"
    failed: list[Problem] = []
    while asked:
        again: list[_Question] = []
        for question, (values, problems) in zip(asked, _answers(library, ask, base, asked), strict=True):
            if values:
                said.extend(_checked(values, enforced, point, question.about))
                failed.extend(problems)
            elif len(question.wanted) > 1:
                again.extend(question.apart())
            else:
                said.extend(_contradicted(library, question, problems, enforced, point))
        asked = again
    notices.extend(_failures(library, failed))
    return Reviewed(said=tuple(said), notices=tuple(notices))


def request(value: Mapping[str, Any], namespaces: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """`input.review` of an object that is created, or of the `AdmissionReview` that `value` is."""
    group, version = group_and_version(value)
    if value.get("kind") == "AdmissionReview" and group == "admission.k8s.io":
        review = dict(mapping(value.get("request")))
        if review.get("operation") == "DELETE" and review.get("object") is None:
            review["object"] = review.get("oldObject")
        shown = mapping(review.get("object")) or mapping(review.get("oldObject"))
        if not shown:
            raise PolicyError(
                "an AdmissionReview has no object to judge",
                code="review_invalid",
                expected="request.object or request.oldObject",
            )
        group, version = group_and_version(shown)
    else:
        review, shown = {"operation": "CREATE", "object": value}, value
    metadata = mapping(shown.get("metadata"))
    kind = {"group": group, "version": version, "kind": shown.get("kind")}
    namespace = review.get("namespace") or metadata.get("namespace") or ""
    whole = {
        "uid": "",
        "kind": kind,
        "name": metadata.get("name") or "",
        "namespace": namespace,
        "userInfo": {},
        "oldObject": None,
        "options": None,
        "dryRun": False,
        **{key: item for key, item in review.items() if item is not None},
    }
    if str(namespace) in namespaces:
        whole["_unstable"] = {"namespace": namespaces[str(namespace)]}
    return whole


def _of_kind(
    enforced: Mapping[int, Constraint], review: Mapping[str, Any], known: dict[tuple[str, str], list[int]]
) -> list[int]:
    """The constraints that can be about objects of the review's kinds, remembered in `known`."""
    given = [one for one in (review.get("object"), review.get("oldObject")) if isinstance(one, dict)]
    kinds = {(group_and_version(one)[0], str(one.get("kind"))) for one in given}
    for group, kind in kinds - known.keys():
        known[group, kind] = [i for i, one in enforced.items() if fits_kind(one.match, group, kind)]
    return sorted({index for kind in kinds for index in known[kind]})


def _answers(
    library: Library, ask: Ask, base: bytes, asked: Sequence[_Question]
) -> Sequence[tuple[dict[str, Any], Sequence[Problem]]]:
    overlays = Made(asked, _Question.overlay)
    try:
        answers = ask(ENTRYPOINT, base, overlays)
    except PolicyError as error:
        raise PolicyError(problems=library.placed(error.problems)) from None
    if len(answers) != len(overlays):
        raise PolicyError(f"{len(overlays)} objects were asked about, {len(answers)} answered")
    return answers


def _contradicted(
    library: Library,
    question: _Question,
    problems: Sequence[Problem],
    enforced: Mapping[int, Constraint],
    point: Point,
) -> list[Said]:
    """One violation of each constraint that a template contradicting itself was asked about."""
    first = library.placed(problems)[0]
    message = f"the template contradicts itself about this object: {first.place()}: {first.message.partition(chr(10))[0]}"
    [indexes] = question.wanted.values()
    return [_said(enforced[index], point, question.about, message) for index in indexes]


def _checked(
    values: Mapping[str, Any], enforced: Mapping[int, Constraint], point: Point, about: int
) -> list[Said]:
    results = msgspec.convert(values[ENTRYPOINT], list[_Result])
    return [_said(enforced[one.constraint], point, about, _message(one, enforced)) for one in results]


def _message(result: _Result, enforced: Mapping[int, Constraint]) -> str:
    try:
        return msgspec.convert(result.violation, _Violation).msg
    except msgspec.ValidationError:
        one = enforced[result.constraint]
    raise PolicyError(
        f"template {one.kind} gave a violation without a message",
        code="policy_shape",
        found=quoted(result.violation),
        expected='an object with msg, a text: violation[{"msg": msg}]',
        fix="Gatekeeper would lose it without a word",
    )


def _said(one: Constraint, point: Point, about: int, message: str) -> Said:
    return Said(
        policy=f"{PACKAGE}.{one.kind}",
        verb=_VERBS[one.actions[point]],
        rule=one.id,
        message=message,
        about=about,
    )


def _unknown_namespace(review: Mapping[str, Any], around: Surroundings) -> str:
    return (
        f"the labels of namespace {quoted(review['namespace'])} are not known, so the constraint's "
        f"namespaceSelector cannot be judged; {around.unknown_namespace}"
    )


def _not_enforced(given: Sequence[Constraint], point: Point) -> list[str]:
    off = sorted({f"{one.kind}/{one.name}" for one in given if one.actions[point] is Action.OFF})
    return [f"constraint {name} is not enforced at {point.value} (scopedEnforcementActions)" for name in off]


def _failures(library: Library, problems: Sequence[Problem]) -> list[str]:
    """Each failure of a built-in once; Gatekeeper goes on after one, so somebody should see it."""
    # Only the first line: a source line with a caret may stand below it.
    told = sorted({f"{one.place()}: {one.message.partition(chr(10))[0]}" for one in library.placed(problems)})
    more = [f"and {len(told) - NOTICES} more failures of built-ins"] if len(told) > NOTICES else []
    return [*(f"a built-in failed, its rule was left out: {one}" for one in told[:NOTICES]), *more]
