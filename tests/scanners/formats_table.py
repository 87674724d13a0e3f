"""docs/formats-table.md, made from the registry and the samples; a test compares it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from scanners import SCANNERS

SAMPLES: Final = Path(__file__).parent / "samples"
_HEAD: Final = """# Formats

Made from the registry (`scanners/__init__.py`) and the samples in `tests/scanners/samples/` by
`make test UPDATE=1`; do not edit. What each format means in detail: [formats.md](formats.md).

**Fields** are those that the samples fill, of findings and of components. **Status** are those that the samples
show; where there is only `ok`, the format has no signal of failure.

| format | recognised by | evidence of | fields read | status | samples |
|---|---|---|---|---|---|
"""
_ALWAYS: Final = frozenset({"fingerprint", "kind", "rule", "title", "severity", "scanners", "state", "name"})
_EMPTY: Final[tuple[object, ...]] = (None, [], {}, "", "unknown")


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(f"| {' | '.join(_row(name))} |\n" for name in sorted(SCANNERS))


def _row(name: str) -> tuple[str, ...]:
    files = sorted(path for path in (SAMPLES / name).rglob("*") if path.suffix == ".expected")
    found = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    return (
        f"`{name}`",
        "; ".join(_distinct(_escaped(one["why"]) for one in found)),
        " ".join(_distinct(kind for one in found for kind in one["kinds"])) or "–",
        " ".join(_distinct(sorted({field for one in found for field in _fields(one)}))),
        " ".join(_distinct(one["status"] for one in found)),
        " ".join(f"`{path.name.removesuffix('.expected')}`" for path in files),
    )


def _fields(expected: dict[str, Any]) -> Iterator[str]:
    for finding in expected["findings"]:
        yield from _filled(finding)
    for component in expected["components"]:
        yield from (f"component.{field}" for field in _filled(component))


def _filled(value: dict[str, Any]) -> Iterator[str]:
    for key, item in value.items():
        if key == "location":
            yield from (f"location.{part}" for part, known in item.items() if known not in _EMPTY)
        elif key not in _ALWAYS and item not in _EMPTY:
            yield key


def _distinct(words: Any) -> list[str]:
    return list(dict.fromkeys(words))


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
