"""Every shape that bytes become a value of, prepared while there is one thread.

msgspec (0.22.0) learns a class when it first decodes one, and a second thread that comes upon it half learnt ends the
process: a null pointer in its C code, seen with 16 requests at once. So nothing is learnt while requests are answered.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from gate import bootstrap
from gate.engines.embedded import Engine


def prepared(engine: Engine) -> tuple[type[msgspec.Struct], ...]:
    """Every shape there is, scanners' included; call it before there are threads."""
    bootstrap.ingested((), engine)  # imports the rest of the way
    bootstrap.adapters_imported()
    known = tuple(dict.fromkeys(_below(msgspec.Struct)))
    for shape in known:
        _learn(shape)
    return known


def _below(shape: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for one in shape.__subclasses__():
        yield one
        yield from _below(one)


def _learn(shape: type[msgspec.Struct]) -> None:
    try:
        msgspec.json.Decoder(shape)
    except (TypeError, NameError):
        # One that only ever goes out: with fields of classes that msgspec cannot decode.
        return
