"""Writes the table of the policy input v1 in docs/policies.md from its JSON Schema.

`python tools/input_page.py` writes it; tests/test_docs.py fails where it is not current.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
SCHEMA: Final = ROOT / "gate" / "schemas" / "input.v1.schema.json"
PAGE: Final = ROOT / "docs" / "policies.md"
BEGIN: Final = "<!-- input v1: written by tools/input_page.py -->"
END: Final = "<!-- end of input v1 -->"
OBJECT_ONLY: Final = ("object", "source", "request")
MEANINGS: Final = {
    "input.environment": "null without `--environment`",
    "input.subject.digest": "`sha256:` and 64 hex digits",
    "input.subject.author": "a claim of the CI system, a flag, or git",
    "input.reports[].status": "what the adapter made of the format's own signals",
    "input.reports[].sha256": "of the file as handed over",
    "input.reports[].created": "RFC 3339 UTC, from the report itself",
    "input.reports[].subject": "what the report says it is about",
    "input.findings[].fingerprint": "32 hex digits; what `finding` of a violation names",
    "input.findings[].severity_raw": "the tool's own word",
    "input.findings[].aliases[]": "other ids of the same flaw",
    "input.findings[].epss": "probability, 0 to 1",
    "input.findings[].kev": "known to be exploited (CISA), where a report says so",
    "input.findings[].location.file": "relative, with `/`",
    "input.findings[].location.resource": "`Kind/namespace/name`, or the address of a resource",
    "input.findings[].scanners[]": "every tool that saw it, never empty",
    "input.findings[].state": "without a baseline always `new`",
    "input.findings[].vex": "what a VEX statement says; it hides nothing by itself",
    "input.findings[].waived": "the waiver that covers it",
    "input.components[].license": "SPDX, as `A AND B OR C` without parentheses",
    "input.components[].direct": "null where the SBOM does not say",
    "input.attestations[]": "always empty in this version",
    "input.approvals[]": "those that count for this digest and environment",
}
"""What the schema leaves unsaid."""

Schema = Mapping[str, Any]


def table(schema: Schema) -> str:
    """The rows of every field below `input`, as Markdown."""
    rows = ["| field | type | |", "|---|---|---|"]
    for path, node in _fields(schema, schema, "input"):
        word, enum = _type(schema, node)
        rows.append(f"| `{path}` | {word} | {_note(path, node, enum)} |")
    return "\n".join(rows)


def page(text: str, schema: Schema) -> str:
    """The page `text` with its table written anew."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{PAGE.name} has not the marks {BEGIN} and {END}")
    return f"{head}{begin}\n{table(schema)}\n{end}{tail}"


def schema() -> Schema:
    """The schema of the policy input v1."""
    value: Schema = json.loads(SCHEMA.read_text("utf-8"))
    return value


def _fields(top: Schema, node: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Path and schema of every field below `node`, in the schema's order."""
    for name, part in node.get("properties", {}).items():
        here = f"{path}.{name}"
        whole = _resolved(top, part)
        if whole.get("type") == "array":
            here += "[]"
            items = _resolved(top, whole["items"])
            yield here, part
            yield from _fields(top, items, here)
        else:
            yield here, part
            yield from _fields(top, _plain(top, whole)[0], here)


def _resolved(top: Schema, node: Schema) -> Schema:
    reference = node.get("$ref", "")
    found: Schema = top["$defs"][reference.rpartition("/")[2]] if reference else node
    return found


def _plain(top: Schema, node: Schema) -> tuple[Schema, bool]:
    """The schema apart from null, and whether null is allowed."""
    options = [_resolved(top, option) for option in node.get("anyOf", [])]
    if not options:
        return node, False
    return next(option for option in options if option.get("type") != "null"), True


def _type(top: Schema, part: Schema) -> tuple[str, list[Any]]:
    node, is_nullable = _plain(top, _resolved(top, part))
    word = str(node.get("type", "any"))
    if word == "array":
        items = _resolved(top, node["items"])
        word, enum = f"list of {items.get('type', 'any')}s", items.get("enum", [])
    else:
        enum = node.get("enum", [])
    return word + (" or null" if is_nullable else ""), enum


def _note(path: str, part: Schema, enum: list[Any]) -> str:
    words = " ".join(f"`{value}`" for value in enum)
    only = "scope `object` only" if path.removeprefix("input.") in OBJECT_ONLY else ""
    return "; ".join(filter(None, (words, part.get("description") or MEANINGS.get(path, ""), only)))


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8"), schema()), "utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
