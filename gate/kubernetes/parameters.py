"""A constraint's `spec.parameters` against the schema of its template: defaults, then what does not fit.

The part of OpenAPI v3 that CustomResourceDefinitions are made of. Not judged here: `format` and
`x-kubernetes-validations` (CEL), which only a cluster evaluates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from gate.errors import quoted
from gate.kubernetes.shapes import spelled

Schema = Mapping[str, Any]

_TYPES: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "object": ((dict,), "a mapping"),
    "array": ((list,), "a list"),
    "string": ((str,), "text"),
    "boolean": ((bool,), "true or false"),
    "integer": ((int,), "a whole number"),
    "number": ((int, float), "a number"),
}
_INT_OR_STRING: Final = "x-kubernetes-int-or-string"
_ANY_FIELD: Final = "x-kubernetes-preserve-unknown-fields"


class Misfit(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the parameters that does not fit."""

    pointer: str
    """JSON pointer below `spec.parameters`."""
    message: str
    expected: str | None = None
    fix: str | None = None


def defaulted(value: Any, schema: Schema) -> Any:
    """`value` with the defaults of `schema` where it says nothing, as the API server stores it."""
    if isinstance(value, list):
        items = schema.get("items")
        return [defaulted(item, items) for item in value] if isinstance(items, dict) else value
    if not isinstance(value, dict):
        return value
    parts = _properties(schema)
    result = dict(value)
    for name, part in parts.items():
        if result.get(name) is None and "default" in part and not (name in result and part.get("nullable")):
            result[name] = part["default"]
    others = schema.get("additionalProperties")
    for name, item in result.items():
        its_schema = parts.get(name, others)
        if isinstance(its_schema, dict):
            result[name] = defaulted(item, its_schema)
    return result


def misfits(value: Any, schema: Schema, *, any_field: bool, pointer: str = "") -> Iterator[Misfit]:
    """Everything in `value` that `schema` does not allow.

    `any_field` lets fields in that the schema does not name (legacy schemas keep them). Otherwise
    such a field is a misfit: the API server would drop it, and the template never see it.
    """
    if value is None and schema.get("nullable"):
        return
    wrong = _wrong(value, schema)
    if wrong:
        yield Misfit(pointer=pointer, message=f"found {_shown(value)}", expected=wrong)
        return
    yield from _combined(value, schema, pointer)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, item in enumerate(value):
            yield from misfits(item, schema["items"], any_field=any_field, pointer=f"{pointer}/{index}")
    if isinstance(value, dict):
        yield from _fields(value, schema, any_field, pointer)


def _fields(value: Mapping[str, Any], schema: Schema, any_field: bool, pointer: str) -> Iterator[Misfit]:
    parts = _properties(schema)
    others = schema.get("additionalProperties")
    keeps = any_field or bool(schema.get(_ANY_FIELD)) or others is True
    for name, item in value.items():
        place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        part = parts.get(name, others)
        if isinstance(part, dict):
            yield from misfits(item, part, any_field=any_field, pointer=place)
        elif not keeps:
            import difflib  # noqa: PLC0415 - only where something is wrong

            near = difflib.get_close_matches(name, parts, n=1)
            yield Misfit(
                pointer=place,
                message=f"unknown field {quoted(name)}",
                expected=f"one of {', '.join(parts)}" if parts else "no field at all",
                fix=f"did you mean {near[0]!r}?" if near else "correct it; a cluster would drop it",
            )
    for name in schema.get("required") or ():
        if name not in value:
            yield Misfit(pointer=pointer, message=f"the field {name!r} is missing", fix=f"add `{name}:`")


def _combined(value: Any, schema: Schema, pointer: str) -> Iterator[Misfit]:
    """`allOf`, `anyOf`, `oneOf` and `not`: they say what must hold, never which fields there are."""

    def fits(part: Schema) -> bool:
        return next(misfits(value, part, any_field=True), None) is None

    counts = {word: [fits(part) for part in schema.get(word) or ()] for word in ("allOf", "anyOf", "oneOf")}
    if (
        not all(counts["allOf"])
        or (counts["anyOf"] and not any(counts["anyOf"]))
        or (counts["oneOf"] and sum(counts["oneOf"]) != 1)
        or (isinstance(schema.get("not"), dict) and fits(schema["not"]))
    ):
        words = ", ".join(word for word in ("allOf", "anyOf", "oneOf", "not") if schema.get(word))
        yield Misfit(
            pointer=pointer, message=f"found {_shown(value)}", expected=f"what {words} of the schema allows"
        )


def _wrong(value: Any, schema: Schema) -> str | None:
    """What was expected instead of `value` itself; None where it fits."""
    types, words = _TYPES.get(str(schema.get("type")), ((object,), "another value"))
    if schema.get(_INT_OR_STRING):
        types, words = (int, str), "a whole number or text"
    if not isinstance(value, types) or (isinstance(value, bool) and types not in ((bool,), (object,))):
        return words
    if value is None and "type" in schema:
        return words
    if schema.get("enum") is not None and value not in schema["enum"]:
        return f"one of {', '.join(map(spelled, schema['enum']))}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _out_of_range(value, schema)
    if isinstance(value, str):
        if _fits_not(str(schema.get("pattern") or ""), value):
            return f"text that fits {quoted(schema['pattern'])}"
        return _too_many(len(value), schema, "Length", "characters")
    if isinstance(value, list):
        if schema.get("uniqueItems") and len({msgspec.json.encode(item) for item in value}) < len(value):
            return "each element once"
        return _too_many(len(value), schema, "Items", "elements")
    return _too_many(len(value), schema, "Properties", "fields") if isinstance(value, dict) else None


def _out_of_range(value: float, schema: Schema) -> str | None:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and (value < least or (value == least and schema.get("exclusiveMinimum"))):
        return f"{'more than' if schema.get('exclusiveMinimum') else 'at least'} {least}"
    if most is not None and (value > most or (value == most and schema.get("exclusiveMaximum"))):
        return f"{'less than' if schema.get('exclusiveMaximum') else 'at most'} {most}"
    step = schema.get("multipleOf")
    return f"a multiple of {step}" if step and value % step else None


def _too_many(count: int, schema: Schema, word: str, unit: str) -> str | None:
    least, most = schema.get(f"min{word}"), schema.get(f"max{word}")
    if least is not None and count < least:
        return f"at least {least} {unit}"
    return f"at most {most} {unit}" if most is not None and count > most else None


def _fits_not(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is None
    except re.error:
        return False  # a pattern of another dialect is the cluster's to judge


def _properties(schema: Schema) -> dict[str, Schema]:
    parts = schema.get("properties")
    return (
        {name: part for name, part in parts.items() if isinstance(part, dict)}
        if isinstance(parts, dict)
        else {}
    )


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return "nothing" if value is None else quoted(value)
