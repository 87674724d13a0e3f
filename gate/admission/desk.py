"""The desk of admission: bytes of a review in, bytes of the answer out, recorded before it is given.

It holds what changes while it runs: the ground that judges (replaced whole), what is known of the
store, and the spool. Nothing here knows HTTP.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
import logging
import math
import os
import re
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from gate import ids, limits
from gate.admission import answering, reviews
from gate.admission.answering import Ground, Judged
from gate.admission.known import Known
from gate.admission.reviews import Asked, Response, Review
from gate.admission.spool import Spool, record
from gate.engines.embedded import Engine
from gate.errors import GateError, PolicyError, StoreError
from gate.feed import AdmissionRecord
from gate.model import Decision, Outcome

LOG: Final = logging.getLogger("gate.admission")
BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, math.inf)
_GROUP: Final = re.compile(r"[a-z0-9.-]*")
SERIES: Final = 200
"""Most combinations that are counted by themselves: whoever reaches the port could make up groups."""


class Counts:
    """How often what was answered, for `/metrics` and the tests."""

    def __init__(self) -> None:
        self.answers: dict[str, int] = {}
        self.requests: dict[tuple[str, str, str], int] = {}
        """(operation, API group, answer) -> number."""
        self.within = [0] * len(BUCKETS_S)
        """Answers that took no longer than each of `BUCKETS_S`, and longer than the one before."""
        self.seconds = 0.0

    def answered(self, asked: Asked, answer: str, took_s: float) -> None:
        """One more review, and how long it took."""
        self.add(answer)
        key = (asked.operation, asked.kind.group, answer)
        if key not in self.requests and (len(self.requests) >= SERIES or not _GROUP.fullmatch(key[1])):
            key = (asked.operation, "other", answer)
        self.requests[key] = self.requests.get(key, 0) + 1
        self.within[bisect.bisect_left(BUCKETS_S, took_s)] += 1
        self.seconds += took_s

    def lines(self) -> list[str]:
        """The lines of `/metrics`."""
        lines = ["# TYPE gate_admission_answers_total counter"]
        lines += [
            f'gate_admission_answers_total{{answer="{name}"}} {number}'
            for name, number in sorted(self.answers.items())
        ]
        lines.append("# TYPE gate_admission_requests_total counter")
        lines += [
            f'gate_admission_requests_total{{operation="{operation}",kind_group="{group}",outcome="{outcome}"}} {number}'
            for (operation, group, outcome), number in sorted(self.requests.items())
        ]
        lines.append("# TYPE gate_admission_duration_seconds histogram")
        ends = ("+Inf" if math.isinf(end) else f"{end:g}" for end in BUCKETS_S)
        lines += [
            f'gate_admission_duration_seconds_bucket{{le="{end}"}} {number}'
            for end, number in zip(ends, itertools.accumulate(self.within), strict=True)
        ]
        lines.append(f"gate_admission_duration_seconds_sum {self.seconds:.6f}")
        lines.append(f"gate_admission_duration_seconds_count {sum(self.within)}")
        return lines

    def add(self, what: str) -> None:
        """One more of `what`."""
        self.answers[what] = self.answers.get(what, 0) + 1


class Desk:
    """Answers reviews one after another or many at once, from one event loop."""

    def __init__(
        self,
        engine: Engine,
        ground: Ground,
        known: Known,
        spool: Spool | None,
        *,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.engine = engine
        self.ground = ground
        self.known = known
        self.spool = spool
        self.counts = Counts()
        self.now = clock or _now
        self._randomness = _random()

    async def answer(self, body: bytes, timeout_s: float = limits.ADMISSION_TIMEOUT_S) -> bytes:
        """The AdmissionReview that answers `body`, within `timeout_s`.

        Raises `ReportError` where `body` is no review: without a uid there is nothing to answer.
        """
        began = time.monotonic()
        deadline = began + timeout_s
        review = reviews.review(body)
        ground = self.ground
        try:
            response = await self._response(review, ground, deadline)
        except GateError as error:
            response = answering.undecided(error, ground.bundle.revision)
            LOG.warning("review %s could not be decided: %s", review.asked.uid, error)
        except Exception as error:
            # The outermost handler of this way in: a bug denies, and says that it is one.
            LOG.exception("review %s", review.asked.uid)
            bug = PolicyError(f"gate itself failed: {type(error).__name__}", code="internal_error")
            response = answering.undecided(bug, ground.bundle.revision)
        told = "allowed" if response.allowed else "denied" if response.code == 403 else "undecided"
        self.counts.answered(review.asked, told, time.monotonic() - began)
        return reviews.answer(review.asked.uid, response)

    async def _response(self, review: Review, ground: Ground, deadline: float) -> Response:
        asked = review.asked
        if asked.operation == "CONNECT" and not ground.rules.admission.connect:
            return Response(allowed=True, annotations={"outcome": "not-judged"})
        now = self.now()
        left_s = max(deadline - time.monotonic(), 0.001)
        try:
            async with asyncio.timeout(left_s + 0.05):
                judged = await answering.judged(
                    review,
                    ground,
                    self.known,
                    self.engine,
                    now=now,
                    decision_id=ids.uuid7(now, next(self._randomness)),
                    timeout_s=left_s,
                )
                if asked.is_dry_run or self.spool is None:
                    return answering.response(judged, "")
                return await self._recorded(review, judged, now, ground)
        except TimeoutError:
            raise PolicyError(f"not decided within {left_s:.1f} s", code="timeout") from None

    async def _recorded(self, review: Review, judged: Judged, now: datetime, ground: Ground) -> Response:
        """The response, once its record is on the disk."""
        spool = self.spool
        assert spool is not None  # noqa: S101 - the caller looked
        record_id, written = self._kept(spool, review, judged, now)
        response = answering.response(judged, record_id)
        try:
            if not written.done():
                await asyncio.wrap_future(written)
            else:
                written.result()
        except StoreError as error:
            self.counts.add("unrecorded")
            if ground.rules.admission.on_audit_failure == "deny":
                raise
            LOG.error("answered without a record, as admission.on_audit_failure says: %s", error)
            told = "gate: this was let in without a record, which cannot be written"
            kept = {key: text for key, text in response.annotations.items() if key != "decision-id"}
            return msgspec.structs.replace(
                response, warnings=(told, *response.warnings), annotations=kept | {"unrecorded": "true"}
            )
        if response.allowed and not judged.granted:
            for digest, project in judged.images.first:
                self.known.admit(digest, judged.place.environment or "", project)
        return response

    def _kept(self, spool: Spool, review: Review, judged: Judged, now: datetime) -> tuple[str, Future[None]]:
        decision, namespace = judged.decision, review.asked.namespace
        is_plain = decision.outcome is Outcome.PASS and not (
            decision.violations or decision.waived or decision.notices
        )

        def made() -> AdmissionRecord:
            return record(
                decision.decision_id,
                spool.writer,
                None if is_plain else _whole(decision),
                now=now,
                outcome=decision.outcome,
                namespace=namespace or None,
                environment=decision.environment,
                project=decision.project if _is_admitted(judged) else None,
                policy_revision=decision.policy.revision,
                digests=judged.images.digests,
            )

        if not answering.is_allowed(decision.outcome):
            return decision.decision_id, spool.keep(made())
        told = tuple((one.rule, one.action, one.path) for one in decision.violations)
        waived = tuple(one.waiver for one in decision.waived) + decision.notices
        revision = decision.policy.revision
        key = (judged.images.digests, namespace, decision.environment, revision, told, waived)
        return spool.count(key, now, made)


def _is_admitted(judged: Judged) -> bool:
    """Whether its images count as admitted from now on; the store takes a record without a project for no.

    What two persons let in, or a mode that only warns, is judged again like any other afterwards.
    """
    return not judged.granted and all(said.verb == "warn" for said in judged.images.said)


def _whole(decision: Decision) -> dict[str, Any]:
    value: dict[str, Any] = msgspec.to_builtins(decision)
    return value | {"point": "admission"}


def _now() -> datetime:
    return datetime.now(UTC)


def _random() -> itertools.chain[bytes]:
    """Ten random bytes each time; the system is asked for many at once."""
    return itertools.chain.from_iterable(_hundreds())


def _hundreds() -> Any:
    while True:
        many = os.urandom(1000)
        yield [many[at : at + 10] for at in range(0, 1000, 10)]
