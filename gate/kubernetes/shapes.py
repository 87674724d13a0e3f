"""Whether a value has the shape that an API wants, as the API server's strict decoding sees it.

A shape is what tools/kubernetes_schemas.py packs, or crds.py makes of a CustomResourceDefinition:

    "s" "n" "b"       text, number, boolean
    "i" "w"           integer of 64 or of 32 bits
    "I" "j"           integer of 32, or of 64 bits, or text
    "q"               a quantity: number or text
    "x"               anything
    {"a": shape}      a list      {"m": shape}  a map
    {"p": {name: shape}, "r": [name], "o": true}
                      an object with these fields, of which `r` must be there; others may, with `o`
    {"e": [value], "t": shape}
                      one of these values
    number            the shape with this number

`null` stands for a field that is not there, everywhere, as the server takes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

Kind = Literal["unknown", "wrong", "missing"]
_LETTERS: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "s": ((str,), "text"),
    "i": ((int,), "an integer"),
    "w": ((int,), "an integer"),
    "n": ((int, float), "a number"),
    "b": ((bool,), "true or false"),
    "I": ((int, str), "an integer or text"),
    "j": ((int, str), "an integer or text"),
    "q": ((int, float, str), "a quantity, as 500m or 128Mi"),
}
_BITS: Final = {"i": 64, "w": 32, "I": 32, "j": 64}
"""How large an integer may be: Go's int64 or int32, and IntOrString's int32 (apimachinery/pkg/util/intstr)."""


class Fault(NamedTuple):
    """One thing that is not as the API wants it."""

    kind: Kind
    pointer: str
    """JSON pointer to the field, or to the object that lacks one."""
    name: str
    """The field that is unknown or missing."""
    expected: str
    """The fields there are, or what the value should be."""
    found: str = ""


def faults(shape: Any, value: Any, types: Sequence[Any], pointer: str = "") -> Iterator[Fault]:
    """Everything in `value` that is not of `shape`, depth first; `types` are what numbers name."""
    if value is None:
        return
    while isinstance(shape, int):
        shape = types[shape]
    if isinstance(shape, str):
        if shape != "x" and value.__class__ not in _LETTERS[shape][0]:
            yield _wrong(pointer, _LETTERS[shape][1], value)
        elif value.__class__ is int and shape in _BITS and not _fits(value, _BITS[shape]):
            yield _wrong(pointer, f"an integer of {_BITS[shape]} bits", value)
    elif "p" in shape:
        yield from _of_object(shape, value, types, pointer)
    elif "a" in shape or "m" in shape:
        yield from _of_collection(shape, value, types, pointer)
    else:
        if value not in shape["e"]:
            yield _wrong(pointer, "one of " + ", ".join(map(spelled, shape["e"][:12])), value)
        yield from faults(shape["t"], value, types, pointer)


def _of_collection(shape: Any, value: Any, types: Sequence[Any], pointer: str) -> Iterator[Fault]:
    if "a" in shape:
        if not isinstance(value, list):
            yield _wrong(pointer, "a list", value)
        elif shape["a"] != "x":
            for index, one in enumerate(value):
                yield from faults(shape["a"], one, types, f"{pointer}/{index}")
    elif not isinstance(value, dict):
        yield _wrong(pointer, "a map", value)
    elif shape["m"] != "x":
        for name, one in value.items():
            yield from faults(shape["m"], one, types, f"{pointer}/{escaped(name)}")


def _of_object(shape: Any, value: Any, types: Sequence[Any], pointer: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield _wrong(pointer, "an object", value)
        return
    fields = shape["p"]
    for name, one in value.items():
        if name in fields:
            yield from faults(fields[name], one, types, f"{pointer}/{escaped(name)}")
        elif not shape.get("o"):
            yield Fault("unknown", f"{pointer}/{escaped(name)}", name, ", ".join(fields))
    for name in shape.get("r", ()):
        if value.get(name) is None:
            yield Fault("missing", pointer, name, "")


def _wrong(pointer: str, expected: str, value: Any) -> Fault:
    return Fault("wrong", pointer, pointer.rpartition("/")[2], expected, _described(value))


def spelled(value: Any) -> str:
    """A value of an enumeration as YAML and JSON write it; text without quotes."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _fits(value: int, bits: int) -> bool:
    return -1 << (bits - 1) <= value < 1 << (bits - 1)


def _described(value: Any) -> str:
    """What a value is, without what may be a secret in it."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            # Python refuses to spell an integer of more than 4,300 digits.
            return f"the number {value}" if abs(value) < 1 << 70 or isinstance(value, float) else "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"


def escaped(name: str) -> str:
    """A segment of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1") if "~" in name or "/" in name else name
