"""Evaluate: the input and a bundle become what the rules said, or a `PolicyError`.

    1. every rule of scope `subject` is asked once
    2. every rule of scope `object` is asked once for each object
    3. Python policies are asked, where the bundle has any
    4. whatever came back is checked: each entry point answered, with a set, of known shape, by a
       rule that METADATA knows, about a finding that exists

Undefined, a missing answer and an unknown key are errors, never "nothing was said".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import msgspec

from gate import limits, turns
from gate.assemble import Assembled
from gate.bundle import Bundle, entrypoints
from gate.conftest.inputs import Configured
from gate.conftest.results import Tested, tested
from gate.errors import PolicyError, Problem, quoted
from gate.kubernetes.reviews import Reviewed, reviewed
from gate.kubernetes.surroundings import Surroundings
from gate.model import Action, KubernetesObject, Point, Rule, Said


class Engine(Protocol):
    """What can evaluate Rego."""

    @property
    def version(self) -> str:
        """Name and version, for the decision."""

    def evaluate(
        self,
        bundle: str,
        entries: Sequence[str],
        document: bytes,
        *,
        now_ns: int,
        seed: str,
        timeout_s: float,
    ) -> dict[str, Any]:
        """Entry point -> value."""

    def evaluate_many(
        self,
        bundle: str,
        entries: Sequence[str],
        base: bytes,
        overlays: Sequence[bytes],
        *,
        now_ns: int,
        seed: str,
        timeout_s: float,
    ) -> list[dict[str, Any]]:
        """As `evaluate`, for each overlay."""

    def evaluate_leniently(
        self,
        bundle: str,
        entries: Sequence[str],
        base: bytes,
        overlays: Sequence[bytes],
        *,
        now_ns: int,
        seed: str,
        timeout_s: float,
    ) -> list[Lenient]:
        """As `evaluate_many`; a built-in that fails leaves its rule out, and is told beside.

        An overlay of which rules say contradicting things has no values, and they are told beside.
        """


class Seeding(Protocol):
    """What chance is seeded with: the input, by its digest."""

    @property
    def sha256(self) -> str:
        """`sha256:` + 64 hex."""


AT_ONCE: Final = 100
"""Objects asked about in one request: enough for all cores, so few that the engine's memory stays small."""
IN_FLIGHT: Final = 3
"""Requests the engine has at once: the one about the subject, and it works at a batch while another is looked at."""
AHEAD: Final = 32
"""Answers that may wait for an earlier one."""
SMALL_BASE_BYTES: Final = 64 * limits.KIB
"""What may be sent again with every batch."""
T = TypeVar("T")
Lenient = tuple[dict[str, Any], tuple[Problem, ...]]
"""The values, and what built-ins failed or which rules contradict each other."""
Ask = Callable[[str, bytes, Sequence[bytes]], list[Lenient]]
"""Entry point, base and overlays -> one answer for each overlay."""
Python = Callable[[Sequence[tuple[str, str]], bytes, float], dict[str, list[Any]]]
"""Policy files (path, text), input and seconds -> entry point -> what was said."""


class _Emitted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: str
    message: str
    remedy: str | None = None
    finding: str | None = None
    path: str | None = None


def evaluate(
    engine: Engine,
    python: Python | None,
    bundle: Bundle,
    given: Assembled,
    fingerprints: frozenset[str],
    *,
    point: Point,
    now_ns: int,
    timeout_s: float,
) -> tuple[Said, ...]:
    """Everything the rules of `bundle` say of the input `given`, at `point`.

    `timeout_s` bounds each question to the engine. Raises `PolicyError` where a rule did not
    answer, or answered in another shape than CONTRACTS.md ("What a rule emits") allows.
    """
    ask: dict[str, Any] = {"now_ns": now_ns, "seed": given.sha256, "timeout_s": timeout_s}
    of_subject = entrypoints(bundle.packages, "subject", point)
    of_object = entrypoints(bundle.packages, "object", point)

    def about_subject() -> list[dict[str, Any]]:
        document = given.document if bundle.looks_at("objects") else given.without_objects
        return [engine.evaluate(bundle.revision, of_subject, document, **ask)]

    def about(overlays: Sequence[bytes]) -> list[dict[str, Any]]:
        return engine.evaluate_many(bundle.revision, of_object, given.base, overlays, **ask)

    questions: list[Callable[[], Sequence[dict[str, Any]]]] = [about_subject] if of_subject else []
    questions += _batches(about, given.overlays, AT_ONCE) if of_object else []
    answered = _answered(questions)
    said: list[Said] = []
    if of_subject:
        said.extend(_checked(next(answered), of_subject, bundle, fingerprints, None))
    for index, answers in enumerate(answered):
        said.extend(_checked(answers, of_object, bundle, fingerprints, index))
    # They look at reports, which admission has not (CONTRACTS.md, Policy input v1).
    if bundle.python and point is not Point.ADMISSION:
        if python is None:
            raise PolicyError(
                "the bundle has Python policies, which are off",
                code="python_off",
                path=bundle.python[0].path,
                fix="set policies.python: true in gate.yaml if you trust them as you trust your own code",
            )
        modules = [(module.path, module.text) for module in bundle.python]
        entries = tuple(f"{name}.{verb}" for name in bundle.python_packages for verb in ("deny", "warn"))
        said.extend(_checked(python(modules, given.document, timeout_s), entries, bundle, fingerprints, None))
    if not speaking(bundle, point):
        raise PolicyError(
            f"no policies judged: no rule can speak at {point}",
            code="no_policies",
            found=f"packages {quoted(sorted(package.name for package in bundle.packages))}",
            expected=f"a rule whose custom.points has {point}",
            fix="correct custom.points, or name policies for this point in policies.use",
        )
    return _bounded(said)


def heard(answers: dict[str, Any], entries: Sequence[str], bundle: Bundle) -> tuple[Said, ...]:
    """What the rules asked with `entries` say of the only object, answered already; checked as `evaluate` does.

    Raises `PolicyError` as it does.
    """
    return _bounded(_checked(answers, entries, bundle, frozenset(), 0))


def evaluate_gatekeeper(
    engine: Engine,
    bundle: Bundle,
    given: Seeding,
    objects: Sequence[KubernetesObject],
    *,
    point: Point,
    now_ns: int,
    timeout_s: float,
    around: Surroundings | None = None,
) -> Reviewed:
    """Everything the Gatekeeper constraints of `bundle` say of `objects`, and what a person should know.

    They are evaluated as Gatekeeper does it: a built-in that fails makes its rule undefined. `given`
    seeds chance, as in `evaluate`; without `around` the objects are all that there is.
    """
    if bundle.gatekeeper is None:
        return Reviewed()
    ask = _leniently(engine, bundle.gatekeeper_id, given.sha256, now_ns, timeout_s)
    result = reviewed(bundle.gatekeeper, objects, point, ask, around=around)
    said = (msgspec.structs.replace(one, message=_cut(one.message)) for one in result.said)
    return Reviewed(said=_bounded(said), notices=result.notices)


def evaluate_conftest(
    engine: Engine,
    bundle: Bundle,
    given: Assembled,
    documents: Sequence[Configured],
    first: int,
    *,
    point: Point,
    now_ns: int,
    timeout_s: float,
) -> Tested:
    """Everything the Conftest rules of `bundle` say of `documents`, the first of which is number `first`.

    They are evaluated as Conftest does it: a built-in that fails makes its rule undefined. At admission
    there are no files, and `speaking` knows it.
    """
    if bundle.conftest is None or point is Point.ADMISSION:
        return Tested()
    ask = _leniently(engine, bundle.conftest.id, given.sha256, now_ns, timeout_s)
    result = tested(bundle.conftest, documents, first, ask)
    said = (msgspec.structs.replace(one, message=_cut(one.message)) for one in result.said)
    return Tested(said=_bounded(said), notices=result.notices)


def _leniently(engine: Engine, bundle: str, seed: str, now_ns: int, timeout_s: float) -> Ask:
    """`engine.evaluate_leniently` for one entry point of a bundle, in batches."""

    def ask(entry: str, base: bytes, overlays: Sequence[bytes]) -> list[Lenient]:
        def about(part: Sequence[bytes]) -> list[Lenient]:
            return engine.evaluate_leniently(
                bundle, [entry], base, part, now_ns=now_ns, seed=seed, timeout_s=timeout_s
            )

        # A base as long as an inventory is sent once.
        at_once = AT_ONCE if len(base) < SMALL_BASE_BYTES else max(len(overlays), 1)
        return list(_answered(_batches(about, overlays, at_once)))

    return ask


def _batches(
    ask: Callable[[Sequence[bytes]], Sequence[T]], overlays: Sequence[bytes], at_once: int
) -> list[Callable[[], Sequence[T]]]:
    """One question for each batch of `overlays`, which are made when it is asked."""

    def answers(first: int) -> Sequence[T]:
        part = overlays[first : first + at_once]
        told = ask(part)
        if len(told) != len(part):
            raise PolicyError(f"{len(part)} objects were asked about, {len(told)} answered")
        return told

    return [partial(answers, first) for first in range(0, len(overlays), at_once)]


def _answered(questions: Sequence[Callable[[], Sequence[T]]]) -> Iterator[T]:
    """What is answered, in the order of the questions; the first failure is raised."""
    if len(questions) < 2:  # a thread would be started only to be ended
        for question in questions:
            yield from question()
        return
    for answers in turns.answered(questions, IN_FLIGHT, AHEAD):
        yield from answers


def _bounded(said: Iterable[Said]) -> tuple[Said, ...]:
    result = tuple(said)
    if len(result) > limits.VIOLATIONS:
        raise PolicyError(
            "the rules said too much",
            code="too_many_violations",
            found=f"{len(result)} violations",
            expected=f"at most {limits.VIOLATIONS}",
            fix="a rule that fires for everything decides nothing; correct it or use a baseline",
        )
    return result


def speaking(bundle: Bundle, point: Point) -> list[Rule]:
    """The rules that can speak at `point`, the floor's left out."""
    asked = {package.name for package in bundle.packages if package.is_own and point in package.points}
    if point is not Point.ADMISSION:
        asked |= {*bundle.python_packages}
    if bundle.gatekeeper is not None:
        asked |= {rule.policy for rule in bundle.gatekeeper.rules.values()}
    if bundle.conftest is not None:
        asked |= {*bundle.conftest.packages}
    return [rule for rule in bundle.rules.values() if rule.policy in asked and point in rule.points]


def refuse_if_off(bundle: Bundle, point: Point, action_for: Callable[[str, Point, Action], Action]) -> None:
    """Raises `PolicyError` where every rule that could speak at `point` is switched off."""
    if all(action_for(rule.id, point, Action.DENY) is Action.OFF for rule in speaking(bundle, point)):
        raise PolicyError(
            "every rule is switched off",
            code="no_policies",
            expected=f"a rule that speaks at {point}",
            fix="correct policies.actions; with audit a rule is told of and decides nothing",
        )


def _checked(
    answers: dict[str, Any],
    entries: Sequence[str],
    bundle: Bundle,
    fingerprints: frozenset[str],
    about: int | None,
) -> Iterable[Said]:
    if set(answers) != set(entries):
        absent = sorted(set(entries) ^ set(answers))
        raise PolicyError(
            f"asked {len(entries)} entry points, got {len(answers)}", found=f"difference {absent[:5]}"
        )
    for entry in entries:
        value = answers[entry]
        if not isinstance(value, list):
            raise PolicyError(f"{entry} is no set", code="policy_not_a_set", found=quoted(value))
        for item in value:
            yield _said(item, entry, bundle, fingerprints, about)


_CONVERT: Final = msgspec.convert


def _said(item: Any, entry: str, bundle: Bundle, fingerprints: frozenset[str], about: int | None) -> Said:
    try:
        emitted = _CONVERT(item, _Emitted)
    except msgspec.ValidationError as error:
        raise _shape_error(entry, str(error), item) from None
    policy, _, verb = entry.rpartition(".")
    rule = bundle.rules.get(emitted.rule)
    if rule is None or rule.policy != policy:
        raise PolicyError(
            f"{entry} speaks for a rule that its package does not have",
            code="rule_unknown",
            found=quoted(emitted.rule),
            expected="the custom.id of a METADATA block in the same package",
            fix="correct the id in the rule or in its METADATA",
        )
    if emitted.finding is not None and emitted.finding not in fingerprints:
        raise _shape_error(entry, "finding is not the fingerprint of any finding", emitted.finding)
    return Said(
        policy=policy,
        verb="warn" if verb == "warn" else "deny",
        rule=emitted.rule,
        message=_cut(emitted.message),
        remedy=_cut(emitted.remedy) if emitted.remedy else None,
        finding=emitted.finding,
        path=emitted.path,
        about=about,
    )


def _shape_error(entry: str, what: str, item: object) -> PolicyError:
    return PolicyError(
        f"{entry} emitted something that is no violation: {what[:1].lower()}{what[1:]}",
        code="policy_shape",
        found=quoted(item),
        expected="an object with rule and message, and optionally remedy, finding, path",
    )


def _cut(text: str) -> str:
    most = limits.MESSAGE_CHARACTERS
    return text if len(text) <= most else text[: most - 1] + "…"
