"""One document asked about from the event loop, and its answer in the shape that `evaluate` checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gate.engines.embedded import Engine
from gate.engines.protocol import Op, evaluation_header
from gate.errors import PolicyError, Problem


class _Answer(msgspec.Struct):
    results: dict[str, Any]


_ANSWERS: Final = msgspec.json.Decoder(_Answer)


async def evaluated(
    engine: Engine,
    bundle: str,
    entries: Sequence[str],
    document: bytes,
    *,
    now_ns: int,
    seed: str,
    timeout_s: float,
) -> dict[str, Any]:
    """Entry point -> value; raises `PolicyError` as `Engine.evaluate` does."""
    header = evaluation_header(bundle, entries, now_ns, seed, timeout_s, strict=True)
    payload = await engine.ask_async(Op.EVALUATE, header, document, timeout_s=timeout_s, bundle=bundle)
    return _ANSWERS.decode(payload).results


class Given:
    """An engine that has answered already, about one object (`gate.evaluate.Engine`)."""

    def __init__(self, answers: dict[str, Any], version: str) -> None:
        self._answers = answers
        self.version = version

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
        """Rules about reports have nothing to say here; raises `PolicyError`."""
        raise PolicyError(f"{len(entries)} entry points about reports were asked at admission")

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
        """The answer for the one object there is."""
        return [self._answers]

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
        """Templates are asked by themselves; raises `PolicyError`."""
        raise PolicyError(f"{len(entries)} entry points of templates were asked as rules")
