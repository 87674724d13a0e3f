"""What of one of gate's own files does not fit its JSON Schema: every problem at once, each with its place.

The schemas are made from msgspec structs (`schema`), so this knows the keywords those give and no
others. It exists because a decoder stops at the first problem and knows no positions, and because a
misspelt key deserves a suggestion (THREATS.md K3).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from gate.documents.yaml import Parsed
from gate.errors import Problem, quoted

Schema = Mapping[str, Any]
Keys = tuple[str | int, ...]

_WORDS: Final[dict[type, tuple[str, str]]] = {
    dict: ("object", "a mapping"),
    list: ("array", "a list"),
    str: ("string", "text"),
    bool: ("boolean", "true or false"),
    int: ("integer", "a whole number"),
    float: ("number", "a number"),
    type(None): ("null", "null"),
}
_EXPECTED: Final = dict(_WORDS.values()) | {"integer": "a whole number", "number": "a number"}
_UNQUOTED_BOOLEANS: Final = frozenset({"yes", "no", "on", "off", "y", "n"})


class Duration(float):
    """Seconds, written as `10s`, `90m`, `24h`, `7d` (gate/times.py)."""


DURATION: Final = {
    "title": "a duration such as 10s, 90m, 24h or 7d",
    "type": "string",
    "pattern": r"^[0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m|h|d|w)$",
}


def schema(type_: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of files that read as `type_`.

    An absent key and a null one differ: `branches: null` must not read as "any branch". So null is
    taken out of every type whose default is None; a field that means something by null has another
    default (`UNSET`).
    """
    made = _without_null(msgspec.json.schema(type_, schema_hook=lambda _: dict(DURATION)))
    top = made.pop("$ref").removeprefix("#/$defs/")
    definitions = made["$defs"]
    body: dict[str, Any] = definitions.pop(top)
    return body | ({"$defs": definitions} if definitions else {})


def _without_null(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_null(item) for item in part]
    if not isinstance(part, dict):
        return part
    kept = {key: _without_null(item) for key, item in part.items()}
    absent = kept.get("default", ...)
    if not isinstance(absent, str | int | float):
        kept.pop("default", None)
    choices = kept.pop("anyOf", [])
    if absent is None:
        choices = [choice for choice in choices if choice != {"type": "null"}]
    if len(choices) == 1:
        return choices[0] | kept
    return kept | ({"anyOf": choices} if choices else {})


@dataclass(frozen=True)
class _Walk:
    parsed: Parsed
    schema: Schema
    code: str

    def problems(self, value: Any, part: Schema, keys: Keys) -> Iterator[Problem]:
        """Plan: follow references, choose among alternatives by type, then compare."""
        while "$ref" in part:
            definition = self.schema["$defs"][str(part["$ref"]).rpartition("/")[2]]
            part = {**definition, **{key: item for key, item in part.items() if key != "$ref"}}
        if "anyOf" in part:
            choices = [self._resolved(choice) for choice in part["anyOf"]]
            fitting = [choice for choice in choices if _type_fits(value, choice)]
            if fitting:
                yield from min((list(self.problems(value, c, keys)) for c in fitting), key=len)
            else:
                yield self._wrong(value, " or ".join(map(_expectation, choices)), part, keys)
        elif not _type_fits(value, part) or ("enum" in part and value not in part["enum"]):
            yield self._wrong(value, _expectation(part), part, keys)
        elif isinstance(value, dict):
            yield from self._mapping(value, part, keys)
        elif isinstance(value, list):
            if len(value) < part.get("minItems", 0):
                yield self._wrong(value, "at least one element", part, keys)
            for index, item in enumerate(value):
                yield from self.problems(item, part.get("items", {}), (*keys, index))
        elif isinstance(value, str):
            too_short = len(value) < part.get("minLength", 0)
            if too_short or not _matches(part.get("pattern", ""), value):
                yield self._wrong(value, _expectation(part), part, keys)
        elif isinstance(value, int | float) and not (
            part.get("minimum", value) <= value <= part.get("maximum", value)
        ):
            bounds = f"from {part.get('minimum', '…')} to {part.get('maximum', '…')}"
            yield self._wrong(value, str(part.get("title") or f"{_expectation(part)} {bounds}"), part, keys)

    def _resolved(self, part: Schema) -> Schema:
        reference = str(part.get("$ref", ""))
        return self.schema["$defs"][reference.rpartition("/")[2]] if reference else part

    def _mapping(self, value: dict[str, Any], part: Schema, keys: Keys) -> Iterator[Problem]:
        known: Mapping[str, Schema] = part.get("properties", {})
        others = part.get("additionalProperties", {})
        name_part = self._resolved(part.get("propertyNames", {}))
        if len(value) < part.get("minProperties", 0):
            yield self._wrong(value, "at least one key", part, keys)
        for key, item in value.items():
            if key in known:
                yield from self.problems(item, known[key], (*keys, key))
            elif others is False:
                yield self._unknown(key, known, keys)
            elif not _matches(name_part.get("pattern", ""), key) or key not in name_part.get("enum", [key]):
                yield self._unknown(key, name_part.get("enum", ()), keys, name_part.get("title"))
            else:
                yield from self.problems(item, others, (*keys, key))
        for key in part.get("required", ()):
            if key not in value:
                yield problem(
                    self.parsed,
                    self.code,
                    keys,
                    f"the key {key!r} is missing{_inside(keys)}",
                    fix=f"add `{key}:`",
                )

    def _unknown(self, key: str, known: Any, keys: Keys, expected: str | None = None) -> Problem:
        near = difflib.get_close_matches(key.casefold().replace("-", "_"), known, n=1)
        return problem(
            self.parsed,
            self.code,
            (*keys, key),
            f"unknown key {quoted(key)}{_inside(keys)}",
            at_key=True,
            expected=expected or (f"one of {', '.join(known)}" if known else None),
            fix=f"did you mean {near[0]!r}?" if near else "remove it, or correct its name",
        )

    def _wrong(self, value: Any, expected: str, part: Schema, keys: Keys) -> Problem:
        _, kind = _WORDS[type(value)]
        shown = "a value not shown" if part.get("writeOnly") else quoted(value)
        return problem(
            self.parsed,
            self.code,
            keys,
            f"{_dotted(keys) or 'the file'} does not fit",
            found=kind if isinstance(value, dict | list) or value is None else f"{shown} ({kind})",
            expected=expected,
            fix=_fix(value, part),
        )


def problem(
    parsed: Parsed, code: str, keys: Keys, message: str, *, at_key: bool = False, **parts: str | None
) -> Problem:
    """A problem of the value under `keys`, or of the key itself, with its place in the file."""
    line, column = (parsed.key_position if at_key else parsed.position)(*keys)
    return Problem(code=code, message=message, path=parsed.path, line=line, column=column, **parts)


def problems(parsed: Parsed, schema: Schema, code: str) -> tuple[Problem, ...]:
    """Everything in `parsed` that `schema` (from `schema`) does not allow, in the file's order."""
    return in_order(_Walk(parsed, schema, code).problems(parsed.value, schema, ()))


def in_order(found: Iterable[Problem]) -> tuple[Problem, ...]:
    """`found` as a reader of the file meets them."""
    return tuple(sorted(found, key=lambda problem: (problem.line or 0, problem.column or 0)))


def _fix(value: Any, part: Schema) -> str:
    if value is None:
        return "give it a value, or remove the key"
    if isinstance(value, str) and part.get("type") == "boolean" and value.lower() in _UNQUOTED_BOOLEANS:
        return "write true or false"
    if isinstance(value, int | float) and part.get("pattern") == DURATION["pattern"]:
        return f"give it a unit: {value}s"
    if isinstance(value, int | float) and part.get("type") == "string":
        return "put it in quotes"
    names = [name for name in part.get("enum", ()) if isinstance(name, str)]
    near = difflib.get_close_matches(value, names, n=1) if isinstance(value, str) else []
    return f"did you mean {near[0]!r}?" if near else "correct it"


def _expectation(part: Schema) -> str:
    if "enum" in part:
        names = [name if isinstance(name, str) else str(name) for name in part["enum"]]
        return names[0] if len(names) == 1 else f"one of {', '.join(names)}"
    if part.get("type") in ("object", "array"):
        return _EXPECTED[part["type"]]
    return str(part.get("title") or _EXPECTED.get(str(part.get("type")), "another value"))


def _type_fits(value: Any, part: Schema) -> bool:
    """Whether `value` has the type `part` asks for; `True` is no number, 1 is a number."""
    kind, _ = _WORDS[type(value)]
    if "enum" in part:
        return any(type(value) is type(item) for item in part["enum"])
    wanted = part.get("type", kind)
    return kind == wanted or (kind == "integer" and wanted == "number")


def _matches(pattern: str, text: str) -> bool:
    # Python's `$` also matches before a last line break, JSON Schema's does not.
    return re.search(re.sub(r"\$$", r"\\Z", pattern), text) is not None


def _inside(keys: Keys) -> str:
    return f" in {_dotted(keys)}" if keys else ""


def _dotted(keys: Keys) -> str:
    steps = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return "".join(steps).removeprefix(".")
