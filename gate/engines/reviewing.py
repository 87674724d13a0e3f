"""One AdmissionReview asked about from the event loop, as the bytes it came as (engine/PROTOCOL.md, review)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gate.engines.embedded import Engine
from gate.engines.protocol import Op, ReviewHeader, child_deadline_ms, parts


class Head(msgspec.Struct, frozen=True, rename="camel"):
    """What the engine has read of the request."""

    uid: str | None
    operation: str | None
    sub_resource: str | None
    namespace: str | None
    name: str | None


class Answered(msgspec.Struct, frozen=True):
    """What the engine says of one review."""

    results: dict[str, Any]
    """Entry point -> value."""
    head: Head
    images: tuple[tuple[str, str], ...]
    """(image as written, JSON pointer) of what it would let in."""


_ANSWERS: Final = msgspec.json.Decoder(Answered)


async def answered(
    engine: Engine,
    bundle: str,
    plan: bytes,
    own: bytes,
    review: bytes,
    *,
    now_ns: int,
    seed: str,
    images: bool,
    timeout_s: float,
) -> Answered:
    """What `engine` says of `review`.

    `plan` is what many reviews have in common, `own` are the members of the input that are this one's.
    Raises `PolicyError` as `Engine.evaluate` does, and where the review is not strict JSON: a key twice,
    more than 1,000 levels.
    """
    header = ReviewHeader(
        bundle=bundle, now_ns=now_ns, seed=seed, deadline_ms=child_deadline_ms(timeout_s), images=images
    )
    payload = await engine.ask_async(
        Op.REVIEW, header, parts((plan, own, review)), timeout_s=timeout_s, bundle=bundle
    )
    return _ANSWERS.decode(payload)
