"""One Gatekeeper ConstraintTemplate, decoded: its Rego as modules, the schema of its constraints' parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import msgspec

from gate.errors import quoted
from gate.kubernetes.blocks import Block, pointer
from gate.kubernetes.constraints import Place
from gate.kubernetes.matching import mapping
from gate.kubernetes.parameters import Schema
from gate.scales import Severity

TARGET: Final = "admission.k8s.gatekeeper.sh"
_KIND: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_UNIQUE: Final = "#"
SYNCED: Final = "metadata.gatekeeper.sh/requires-sync-data"
"""Annotation of a template: the kinds of `data.inventory` that it looks at."""


class _Source(msgspec.Struct, frozen=True):
    rego: str | None = None
    libs: tuple[str, ...] | None = None
    version: str | None = None


class _Code(msgspec.Struct, frozen=True):
    engine: str
    source: dict[str, Any] | None = None


class _Target(msgspec.Struct, frozen=True):
    target: str
    rego: str | None = None
    libs: tuple[str, ...] | None = None
    code: tuple[_Code, ...] | None = None


class _Validation(msgspec.Struct, frozen=True):
    openAPIV3Schema: dict[str, Any] | None = None  # noqa: N815 - Kubernetes' name
    legacySchema: bool | None = None  # noqa: N815


class _Names(msgspec.Struct, frozen=True):
    kind: str


class _CrdSpec(msgspec.Struct, frozen=True):
    names: _Names
    validation: _Validation | None = None


class _Crd(msgspec.Struct, frozen=True):
    spec: _CrdSpec


class _Spec(msgspec.Struct, frozen=True):
    crd: _Crd
    targets: tuple[_Target, ...]


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """One ConstraintTemplate."""

    kind: str
    place: Place
    title: str
    description: str
    severity: Severity | None
    schema: Schema | None
    """Of the parameters; None lets anything in."""
    keeps_unknown: bool
    """Whether parameters that the schema does not name are kept (legacy schemas)."""
    source: tuple[Any, ...]
    """What two templates of one kind must agree on."""
    modules: tuple[dict[str, Any], ...]
    """As COMPILE wants them (engine/PROTOCOL.md)."""
    blocks: dict[str, Block]
    """Module path -> where its text stands."""
    needs_inventory: bool
    looks_at_namespace: bool = False
    """Whether it may look at the Namespace that an object is in."""
    synced: str | None = None
    """The annotation that says at which kinds it looks."""


def decoded(value: dict[str, Any], place: Place, version: str) -> Template:
    """The template that `value` is, of this version of its API.

    Raises `PolicyError`, with the place in the file, for a template that cannot judge here.
    """
    spec = place.converted(value.get("spec"), _Spec, "/spec")
    kind = spec.crd.spec.names.kind
    metadata = mapping(value.get("metadata"))
    if not _KIND.fullmatch(kind):
        raise place.error(
            f"kind {quoted(kind)} is no kind", expected="letters and digits", at="/spec/crd/spec/names/kind"
        )
    if metadata.get("name") != kind.lower():
        raise place.error(
            f"the template of kind {kind} has another name",
            found=quoted(metadata.get("name")),
            expected=kind.lower(),
            at="/metadata/name",
        )
    if len(spec.targets) != 1 or spec.targets[0].target != TARGET:
        raise place.error(
            f"template {kind} has other targets",
            found=quoted([one.target for one in spec.targets]),
            expected=f"one target, {TARGET}",
            at="/spec/targets",
        )
    source, at = _rego(spec.targets[0], kind, place)
    modules, blocks = _modules(kind, source, at, place)
    annotations = mapping(metadata.get("annotations"))
    validation = spec.crd.spec.validation or _Validation()
    legacy = version != "v1" if validation.legacySchema is None else validation.legacySchema
    return Template(
        kind=kind,
        place=place,
        title=str(annotations.get("metadata.gatekeeper.sh/title") or kind),
        description=str(annotations.get("description") or "").strip(),
        severity=severity(annotations),
        schema=validation.openAPIV3Schema,
        keeps_unknown=legacy,
        source=(source.rego, source.libs, source.version, validation.openAPIV3Schema, legacy),
        modules=modules,
        blocks=blocks,
        needs_inventory=any(_may_name("inventory", module["text"]) for module in modules),
        looks_at_namespace=any(_may_name("_unstable", module["text"]) for module in modules),
        synced=None if annotations.get(SYNCED) is None else str(annotations[SYNCED]),
    )


def _rego(target: _Target, kind: str, place: Place) -> tuple[_Source, str]:
    """The Rego of a template, and the pointer to what holds it."""
    codes = [(index, code) for index, code in enumerate(target.code or ()) if code.engine == "Rego"]
    if len(codes) + bool(target.rego) > 1:
        raise place.error(f"template {kind} has its Rego twice", "keep one of them", at="/spec/targets/0")
    if target.rego:
        return _Source(target.rego, target.libs or ()), pointer("spec", "targets", 0)
    if not codes:
        engines = sorted({code.engine for code in target.code or ()})
        raise place.error(
            f"template {kind} carries no Rego" + (f", only {', '.join(engines)}" if engines else ""),
            "give it its rule as Rego too, or leave it to the cluster and out of this folder",
            code="template_without_rego",
            expected="rego, or code with engine Rego",
            at="/spec/targets/0",
        )
    index, code = codes[0]
    at = pointer("spec", "targets", 0, "code", index, "source")
    source = place.converted(code.source, _Source, at)
    if not source.rego:
        raise place.error(f"template {kind} carries empty Rego", at=at)
    if source.version not in (None, "", "v0", "v1"):
        raise place.error(
            f"Rego version {quoted(source.version)} is not known", expected="v0 or v1", at=f"{at}/version"
        )
    return source, at


def _modules(
    kind: str, source: _Source, at: str, place: Place
) -> tuple[tuple[dict[str, Any], ...], dict[str, Block]]:
    """The modules of one template as COMPILE wants them, and where each stands in the file."""
    texts = [
        (f"{at}/rego", source.rego or ""),
        *((f"{at}/libs/{i}", lib) for i, lib in enumerate(source.libs or ())),
    ]
    modules: list[dict[str, Any]] = []
    blocks: dict[str, Block] = {}
    for where, text in texts:
        label = f"{place.path}{_UNIQUE}{place.document}{place.pointer}{where}"
        blocks[label] = Block(
            file=place.path, text=text, lines=place.lines, place=partial(_scalar, place, where)
        )
        module: dict[str, Any] = {
            "path": label,
            "text": text,
            "rego_version": source.version or "v0",
            "roots": {"lib": ["libs", kind], "inventory": []},
        }
        modules.append(module if modules else module | {"package": ["templates", kind]})
    return tuple(modules), blocks


def _scalar(place: Place, where: str) -> Mapping[str, int]:
    """Where the scalar at `where` begins in the file."""
    [found] = place.positions([(place.document, place.pointer + where)])
    return found or {"line": place.line, "column": 1}


def _may_name(word: str, text: str) -> bool:
    """Whether Rego may name `word`, were it with an escape in the middle of it."""
    return word in text or "\\u" in text


def severity(annotations: Mapping[str, Any]) -> Severity | None:
    """The annotation `severity`; Gatekeeper itself has no such thing."""
    word = str(annotations.get("severity") or "").lower()
    return Severity(word) if word in tuple(Severity) else None
