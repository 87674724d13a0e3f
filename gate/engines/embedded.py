"""OPA as supervised child processes (`gate-opa`): the only file that speaks to them.

What holds, whatever a policy does (DECISIONS.md 1, THREATS.md E1-E4):

- A request ends at its deadline by this process's clock. A child that has not answered by then is
  killed; the next request starts another.
- Requests that shared a killed child are innocent: they are asked once more. Where a child died by
  itself nobody knows whose fault it was, so each is asked once more in a child of its own.
- A child ends when its parent does, however that ends: the socket pair closes. A child is always
  waited for, so none is left as a zombie.

A request answered twice, by nobody, or with another bundle than asked is impossible by
construction: numbers are never used again, and a child without the bundle gets it first.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from pathlib import Path
from typing import Any, Final

import msgspec

from gate import limits
from gate.engines import protocol
from gate.engines.child import Child, ChildLost, Failed
from gate.engines.protocol import Op, ReviewHeader, evaluation_header
from gate.errors import GateError, PolicyError, Problem

START_TIMEOUT_S: Final = 20.0
"""A child answers its first frame in 0.05 s; a starved machine may take seconds."""
COMPILE_TIMEOUT_S: Final = 60.0
LONGEST_BACK_OFF_S: Final = 1.0
ON_LOOP_BYTES: Final = 256 * limits.KIB
"""Larger bodies are sent from a thread when asked from asyncio, so that the loop never waits."""


class _Answer(msgspec.Struct):
    results: dict[str, Any] = {}
    builtin_errors: list[protocol.Trouble] = []
    error: msgspec.Raw = msgspec.Raw(b"")  # msgspec cannot decode `Raw | None`


class _Answers(msgspec.Struct):
    results: list[_Answer]


_ANSWERS: Final = msgspec.json.Decoder(_Answer)
_MANY: Final = msgspec.json.Decoder(_Answers)


class Engine:
    """Children of one executable, with the bundles they need; safe for threads and one event loop at a time.

    A second loop beside a running one may wait in vain, to its deadline, where the first ends meanwhile.
    `children` processes share the load (one uses all cores by itself; more isolate). Close it, or
    use it as a context manager.
    """

    def __init__(
        self, executable: Path, *, children: int = 1, memory_mib: int = limits.ENGINE_MEMORY_MIB
    ) -> None:
        self._executable = executable
        self._memory_mib = memory_mib
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._places: list[Child | None] = [None] * children
        self._bundles: dict[str, tuple[bytes, bytes]] = {}
        self._alone = threading.Semaphore(4)
        self._closed = False
        self._deaths = 0
        self._version = ""

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---------------------------------------------------------------- operations

    def start(self) -> None:
        """Spawn the first child without waiting for it, so that it warms up while reports are read."""
        self._child()

    @property
    def version(self) -> str:
        """`opa 1.22.2 (embedded)`; asks a child the first time."""
        if not self._version:
            told = msgspec.json.decode(self.ask(Op.HELLO, {}, timeout_s=START_TIMEOUT_S))
            if told["protocol"] != protocol.VERSION:
                raise PolicyError(
                    "the Rego engine is of another version",
                    code="engine_mismatch",
                    path=str(self._executable),
                    found=f"protocol {told['protocol']}",
                    expected=f"protocol {protocol.VERSION}",
                    fix="install gate and gate-opa of the same release",
                )
            self._version = f"opa {told['opa']} (embedded)"
        return self._version

    def load(self, bundle: str, header: dict[str, Any], body: bytes = b"") -> Any:
        """Compile a bundle under the id `bundle`; what COMPILE answers (engine/PROTOCOL.md).

        Raises `PolicyError` with every problem, each with its position.
        """
        with self._lock:
            self._bundles[bundle] = (msgspec.json.encode({**header, "bundle": bundle}), body)
        try:
            payload = self._compiled(bundle)
        except GateError:
            with self._lock:
                self._bundles.pop(bundle, None)
            raise
        return msgspec.json.decode(payload)

    def drop(self, bundle: str) -> None:
        """Forget a bundle in every child."""
        with self._lock:
            self._bundles.pop(bundle, None)
            children = [child for child in self._places if child and bundle in child.loaded]
        for child in children:
            child.loaded.pop(bundle, None)
            with contextlib.suppress(ChildLost):
                child.send(next(self._numbers), Op.DROP, msgspec.json.encode({"bundle": bundle}), b"")

    def ask(
        self,
        op: Op,
        header: dict[str, Any],
        body: bytes = b"",
        *,
        timeout_s: float,
        bundle: str | None = None,
    ) -> memoryview:
        """The payload that answers one request.

        Raises `PolicyError` for every failure, `timeout` and `engine_lost` among them.
        """
        return self._asked(op, msgspec.json.encode(header), body, timeout_s=timeout_s, bundle=bundle)

    async def ask_async(
        self,
        op: Op,
        header: dict[str, Any] | ReviewHeader,
        body: bytes = b"",
        *,
        timeout_s: float,
        bundle: str | None = None,
    ) -> memoryview:
        """`ask` without blocking the event loop."""
        from gate.engines import on_loop  # noqa: PLC0415 - asyncio is 15 ms that no command line needs

        encoded = msgspec.json.encode(header)
        child = self._ready_child(bundle) if len(body) <= ON_LOOP_BYTES else None
        if child is None:
            return await on_loop.in_thread(self._asked, op, encoded, body, timeout_s=timeout_s, bundle=bundle)
        deadline = time.monotonic() + timeout_s
        number = next(self._numbers)
        loop = on_loop.running_loop()
        arrival = on_loop.Arrival(loop)
        try:
            child.send_from(loop, number, op, encoded, body, arrival)
            return await arrival.within(timeout_s)
        except TimeoutError:
            child.kill(number)
            raise _overrun(timeout_s) from None
        except Failed as failed:
            raise protocol.failure(failed.payload) from None
        except ChildLost as lost:
            left_s = deadline - time.monotonic()
            return await on_loop.in_thread(self._again, op, encoded, body, left_s, timeout_s, bundle, lost)

    def close(self) -> None:
        """Stop every child and wait for each."""
        with self._lock:
            self._closed = True
            children = [child for child in self._places if child]
            self._places = [None] * len(self._places)
        for child in children:
            child.stop()

    def children(self) -> tuple[int, ...]:
        """Process ids of the children alive now."""
        return tuple(child.pid for child in self._places if child and not child.is_lost)

    # ------------------------------------------------------- what the stages ask for

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
        """Entry point -> value; `PolicyError` where one is undefined (`gate.evaluate.Engine`)."""
        header = evaluation_header(bundle, entries, now_ns, seed, timeout_s, strict=True)
        payload = self.ask(Op.EVALUATE, header, document, timeout_s=timeout_s, bundle=bundle)
        return _ANSWERS.decode(payload).results

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
        """As `evaluate`, for each overlay, on all cores; the first failure is raised."""
        header = evaluation_header(bundle, entries, now_ns, seed, timeout_s, strict=True)
        return [answer.results for answer in self._each(header, base, overlays, timeout_s)]

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
    ) -> list[tuple[dict[str, Any], tuple[Problem, ...]]]:
        """As `evaluate_many`; a built-in that fails leaves its rule out, and is told beside.

        An overlay of which rules say contradicting things has no values, and they are told beside.
        """
        header = evaluation_header(bundle, entries, now_ns, seed, timeout_s, strict=False)
        return [_lenient(one) for one in self._told(header, base, overlays, timeout_s)]

    def _each(
        self, header: dict[str, Any], base: bytes, overlays: Sequence[bytes], timeout_s: float
    ) -> list[_Answer]:
        answers = self._told(header, base, overlays, timeout_s)
        for answer in answers:
            if bytes(answer.error):
                raise protocol.failure(answer.error)
        return answers

    def _told(
        self, header: dict[str, Any], base: bytes, overlays: Sequence[bytes], timeout_s: float
    ) -> list[_Answer]:
        header["count"] = len(overlays)
        body = protocol.parts([base, *overlays])
        payload = self.ask(Op.EVALUATE_MANY, header, body, timeout_s=timeout_s, bundle=header["bundle"])
        return _MANY.decode(payload).results

    # -------------------------------------------------------------- supervision

    def _compiled(self, bundle: str) -> memoryview:
        deadline = time.monotonic() + COMPILE_TIMEOUT_S
        try:
            return self._loaded(self._child(), bundle, deadline, COMPILE_TIMEOUT_S)
        except ChildLost:
            pass
        try:
            return self._loaded(self._child(), bundle, deadline, COMPILE_TIMEOUT_S)
        except ChildLost as again:
            raise _engine_lost(again) from None

    def _asked(
        self, op: Op, header: bytes, body: bytes, *, timeout_s: float, bundle: str | None = None
    ) -> memoryview:
        deadline = time.monotonic() + timeout_s
        try:
            return self._once(self._child(), op, header, body, deadline, timeout_s, bundle)
        except ChildLost as lost:
            left_s = deadline - time.monotonic()
            return self._again(op, header, body, left_s, timeout_s, bundle, lost)

    def _again(
        self,
        op: Op,
        header: bytes,
        body: bytes,
        left_s: float,
        timeout_s: float,
        bundle: str | None,
        lost: ChildLost,
    ) -> memoryview:
        """The second and last try of a request whose child was lost."""
        if left_s <= 0:
            raise _overrun(timeout_s)
        deadline = time.monotonic() + left_s
        try:
            if lost.culprit_known:
                return self._once(self._child(), op, header, body, deadline, timeout_s, bundle)
            with self._alone:
                child = Child(self._executable, self._memory_mib)
                try:
                    return self._once(child, op, header, body, deadline, timeout_s, bundle)
                finally:
                    child.stop()
        except ChildLost as again:
            raise _engine_lost(again) from None

    def _once(
        self,
        child: Child,
        op: Op,
        header: bytes,
        body: bytes,
        deadline: float,
        timeout_s: float,
        bundle: str | None,
    ) -> memoryview:
        if bundle is not None:
            self._loaded(child, bundle, deadline, timeout_s)
        number = next(self._numbers)
        future = child.send(number, op, header, body)
        return _answer(child, number, future, deadline, timeout_s)

    def _loaded(self, child: Child, bundle: str, deadline: float, timeout_s: float) -> memoryview:
        """What compiling said, once `child` has the bundle; several callers wait for one compilation."""
        with self._lock:
            if bundle not in self._bundles:
                raise PolicyError(f"bundle {bundle:.19} is not loaded", code="bundle_unknown")
            known = child.loaded.get(bundle)
            number = next(self._numbers)
            if known is None:
                known = child.loaded[bundle] = child.send(number, Op.COMPILE, *self._bundles[bundle])
        return _answer(child, number, known, deadline, timeout_s)

    def _ready_child(self, bundle: str | None) -> Child | None:
        """A living child that has the bundle already, or None: then a thread does the waiting."""
        living = [child for child in self._places if child and not child.is_lost]
        if len(living) < len(self._places):
            return None
        child = min(living, key=lambda one: one.in_flight)
        known = child.loaded.get(bundle) if bundle is not None else None
        if bundle is not None and (known is None or not known.done()):
            return None
        return child

    def _child(self) -> Child:
        """The least loaded place, with a living child in it."""
        # A child that cannot even start would otherwise be started as fast as requests come.
        if self._deaths:
            time.sleep(min(0.01 * 2**self._deaths, LONGEST_BACK_OFF_S))
        with self._lock:
            if self._closed:
                raise PolicyError("the engine is closed", code="engine_lost")
            for place, child in enumerate(self._places):
                if child is None or child.is_lost:
                    self._deaths = self._deaths + 1 if child is not None and child.died_at_once else 0
                    fresh = self._places[place] = Child(self._executable, self._memory_mib)
                    return fresh
            return min((child for child in self._places if child), key=lambda one: one.in_flight)


def _answer(
    child: Child, number: int, future: Future[memoryview], deadline: float, timeout_s: float
) -> memoryview:
    """The payload, by the deadline of this process's clock or not at all."""
    try:
        return future.result(max(deadline - time.monotonic(), 0.0))
    except NotInTime:
        child.kill(number)
        raise _overrun(timeout_s) from None
    except Failed as failed:
        raise protocol.failure(failed.payload) from None


def _lenient(answer: _Answer) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Values and what built-ins failed; no values where rules contradict each other, which is told instead."""
    if not bytes(answer.error):
        return answer.results, tuple(map(protocol.problem, answer.builtin_errors))
    error = protocol.failure(answer.error)
    if any(problem.code != "eval_conflict_error" for problem in error.problems):
        raise error
    return {}, error.problems


def _overrun(timeout_s: float) -> PolicyError:
    return PolicyError(
        f"not decided within {timeout_s:g} s",
        code="timeout",
        fix="make the policy cheaper, or raise limits.evaluation_timeout",
    )


def _engine_lost(lost: ChildLost) -> PolicyError:
    return PolicyError(
        f"the Rego engine died on this request: {lost}",
        code="engine_lost",
        fix="a policy that needs too much memory must be made cheaper; please report a crash",
    )
