"""What the store knows of an object's images becomes what is said about it: no network, no clock.

1. the platform's rule for the repository: nothing asked, refused, or a decision is needed
2. a decision needs a digest, a namespace with an environment, and knowledge that is not stale
3. of each project the newest decision counts, aliases included; the worst of them is told
4. age gates the first admission of a (digest, environment) only: drains and scale-ups go on
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from gate.admission.images import Use, reference
from gate.admission.known import Known, Verdict
from gate.admission.platform import Place, Rules
from gate.errors import quoted
from gate.model import Point, Rule, Said, Severity
from gate.scales import Outcome

POLICY: Final = "gate.images"
"""The package these rules are shown under; no bundle can have it (a policy's begins with `policy.`)."""
CLOCK_SKEW_S: Final = 300.0
"""How far the store's clock may be ahead before what it says of its age is not believed."""
PASSING: Final = frozenset({Outcome.PASS, Outcome.WARN})


def _rule(number: int, severity: Severity, title: str, description: str, fix: str) -> Rule:
    return Rule(
        id=f"GATE-IMAGE-{number:03}",
        policy=POLICY,
        title=title,
        description=description,
        severity=severity,
        fix=fix,
        scope="object",
        points=(Point.ADMISSION, Point.BACKGROUND),
        file="gate/admission/decided.py",
        line=1,
    )


RULES: Final[dict[str, Rule]] = {
    rule.id: rule
    for rule in (
        _rule(
            1,
            Severity.HIGH,
            "Images are named by digest",
            "A tag can be pushed again, so what was decided need not be what runs.",
            "name the image as NAME@sha256:…, as `gate check --subject` was given it",
        ),
        _rule(
            2,
            Severity.HIGH,
            "An image has a passing decision for the environment",
            "The platform's file asks for a decision about images of this repository, and the newest one "
            "about this digest in the namespace's environment is absent or does not pass.",
            "run `gate check --environment E --subject NAME@sha256:… --server …` in the pipeline",
        ),
        _rule(
            3,
            Severity.CRITICAL,
            "No decision was taken back",
            "Somebody revoked the decision about this digest.",
            "deploy another digest, or decide about this one again",
        ),
        _rule(
            4,
            Severity.HIGH,
            "Images come from repositories that the platform allows",
            "No rule of the platform's file lets images of this repository in.",
            "use an image of an allowed repository, or ask the platform's owners for a rule",
        ),
        _rule(
            5,
            Severity.HIGH,
            "A namespace has an environment",
            "A decision is asked for, and the platform's file does not say which environment the namespace is.",
            "ask the platform's owners to name the namespace under admission.namespaces",
        ),
        _rule(
            6,
            Severity.HIGH,
            "What is known of the store is recent",
            "The store was not heard of for longer than the environment allows, so a decision may have been "
            "taken back without anybody here knowing.",
            "see why the service is not reached: `gate webhook status`, /readyz",
        ),
        _rule(
            7,
            Severity.MEDIUM,
            "A running image is decided about again in time",
            "The digest was admitted here before and its decision is no longer fresh. A drain or scale-up "
            "goes on; a first admission would not.",
            "decide about the digest again",
        ),
    )
}
"""By id; 007 warns, the others deny."""


class Images(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an object's images."""

    said: tuple[Said, ...] = ()
    digests: tuple[str, ...] = ()
    """Of the images that have one, sorted."""
    first: tuple[tuple[str, str], ...] = ()
    """(digest, project) of decisions that let an image in: it counts as admitted from now on."""


def judged(uses: Sequence[Use], rules: Rules, place: Place, known: Known, now: datetime) -> Images:
    """What is to be said of `uses` in a namespace that is `place`."""
    if not rules.admission.images:
        return Images(digests=_digests(uses))
    said: list[Said] = []
    first: list[tuple[str, str]] = []
    for use in uses:
        found = _one(use, rules, place, known, now)
        if isinstance(found, Said):
            said.append(found)
            continue
        for verdict in found:
            digest = reference(use.image).digest or ""
            if late := _late(verdict, place, now):
                said.append(_said(7, use, f"{late}; it runs here already, so it is admitted", "warn"))
            first.append((digest, verdict.project))
    return Images(said=tuple(said), digests=_digests(uses), first=tuple(first))


def _one(use: Use, rules: Rules, place: Place, known: Known, now: datetime) -> Said | tuple[Verdict, ...]:
    """Why the image of `use` is refused, or the decisions that let it in (none where none is needed)."""
    parts = reference(use.image)
    rule = rules.required(parts.repository)
    verb: Literal["deny", "audit"] = "deny"
    if rule is None:
        return _said(4, use, f"no rule of the platform's file covers {parts.repository}", verb)
    if rule.require == "deny":
        why = f" ({rule.why})" if rule.why else ""
        return _said(4, use, f"{parts.repository} is refused by {quoted(rule.match)}{why}", verb)
    if rule.require == "allow":
        return ()
    if rule.require == "audit":
        verb = "audit"
    if parts.digest is None:
        return _said(1, use, "no sha256 digest", verb)
    if place.environment is None:
        return _said(5, use, "the namespace has no environment, so no decision can be about it", verb)
    if text := _stale(known, place, now):
        return _said(6, use, text, verb)
    return _decision(use, parts.digest, place.environment, place, known, now, verb)


def _decision(
    use: Use,
    digest: str,
    environment: str,
    place: Place,
    known: Known,
    now: datetime,
    verb: Literal["deny", "audit"],
) -> Said | tuple[Verdict, ...]:
    """Why the decisions about `digest` do not let it in, or those that do."""
    found = newest(known.verdicts(digest, environment, place.project))
    if not found:
        return _said(2, use, f"no decision for {environment}", verb)
    for one in found:
        if one.is_revoked:
            return _said(3, use, f"decision {one.decision_id} was revoked", verb)
        if one.outcome not in PASSING:
            return _said(2, use, f"decision {one.decision_id} for {environment} is {one.outcome}", verb)
        late = _late(one, place, now)
        if late and not known.is_admitted(digest, environment, one.project):
            return _said(2, use, late, verb)
    return found


def _stale(known: Known, place: Place, now: datetime) -> str:
    """Why what is known of the store cannot be relied on; empty where it can."""
    age_s = known.age_s(now)
    if age_s is None:
        return "nothing is known of the store yet"
    if -CLOCK_SKEW_S <= age_s <= place.stale_after_s:
        return ""
    expected = f"at most {place.stale_after_s / 3600:g} h"
    return f"the store was last heard of {age_s / 3600:.1f} h ago, expected {expected}"


def newest(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """Of each project the newest; of two of the same instant the one that refuses."""
    by_project: dict[str, Verdict] = {}
    for one in sorted(verdicts, key=lambda v: (v.decided_at_s, v.is_revoked, v.outcome not in PASSING)):
        by_project[one.project] = one
    return tuple(by_project.values())


def _late(verdict: Verdict, place: Place, now: datetime) -> str:
    """Why the decision is no longer fresh; empty where it is."""
    now_s = now.timestamp()
    if now_s >= verdict.expires_at_s:
        return f"decision {verdict.decision_id} has expired"
    if now_s - verdict.decided_at_s > place.max_age_s:
        return f"decision {verdict.decision_id} is older than {place.max_age_s / 3600:g} h"
    if place.policies and verdict.revision not in place.policies:
        return f"decision {verdict.decision_id} was made by policies {verdict.revision[:19]}, which count no more"
    return ""


def _said(number: int, use: Use, text: str, verb: Literal["deny", "warn", "audit"]) -> Said:
    return Said(
        policy=POLICY,
        verb=verb,
        rule=f"GATE-IMAGE-{number:03}",
        message=f"image {quoted(use.image)}: {text}",
        path=use.path,
        about=0,
    )


def _digests(uses: Sequence[Use]) -> tuple[str, ...]:
    return tuple(sorted({digest for use in uses if (digest := reference(use.image).digest)}))
