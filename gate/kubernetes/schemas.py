"""What gate itself says of an object that the cluster would not take as it is: fields, shapes, versions.

The schemas of the newest minors are in the package (schemas.json.xz); nothing is fetched. These rules speak
where the shipped Kubernetes rules are in force, or somebody named a version or schemas of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from gate.kubernetes import crds, kustomizations, objects, shapes
from gate.kubernetes.versions import RETIRED
from gate.model import KubernetesObject, Rule, Said, Severity

POLICY: Final = "gate.schemas"
"""Stands where a rule's package stands: these rules are gate's own, no bundle can replace them."""
PACKED: Final = Path(__file__).with_name("schemas.json.xz")
FAULTS: Final = 50
"""Most faults told of one object; one more says that there are others."""


def _rule(id_: str, severity: Severity, title: str, description: str, fix: str) -> Rule:
    return Rule(
        id=id_,
        policy=POLICY,
        title=title,
        description=description,
        severity=severity,
        fix=fix,
        frameworks=("Kubernetes API",),
        scope="object",
        file="gate/kubernetes/schemas.py",
        line=1,
    )


UNKNOWN, WRONG, MISSING, UNCHECKED, DEPRECATED, GONE = (f"GATE-K8S-05{number}" for number in range(6))
RULES: Final[dict[str, Rule]] = {
    rule.id: rule
    for rule in (
        _rule(
            UNKNOWN,
            Severity.MEDIUM,
            "Field that the API does not know",
            "The API server refuses an unknown field or drops it in silence, depending on who asks: what was meant by "
            "it does not hold. Most are misspelt or stand one level too high or too deep.",
            "correct its name and its place",
        ),
        _rule(
            WRONG,
            Severity.MEDIUM,
            "Value of a shape that the API does not take",
            "The API server refuses the object.",
            "write what the API wants there",
        ),
        _rule(
            MISSING,
            Severity.MEDIUM,
            "Field that the API wants is absent",
            "The API server refuses the object.",
            "add the field",
        ),
        _rule(
            UNCHECKED,
            Severity.INFO,
            "Kind without a schema",
            "It is no kind of Kubernetes' own, and its CustomResourceDefinition is not there, so its fields were "
            "not checked.",
            "name the folder of its CustomResourceDefinitions under kubernetes.schemas in gate.yaml",
        ),
        _rule(
            DEPRECATED,
            Severity.LOW,
            "Deprecated API version",
            "The version is still served and will not always be.",
            "move to the version that takes its place",
        ),
        _rule(
            GONE,
            Severity.HIGH,
            "API version that the cluster does not serve",
            "The API server does not know the kind in this version, so the object is refused.",
            "move to a version that is served",
        ),
    )
}


class Schemas(msgspec.Struct, frozen=True, kw_only=True):
    """What one minor of Kubernetes knows, and the custom resources that are known besides."""

    minor: int
    """Of the cluster."""
    shapes_of: str
    """`1.37`: the minor whose shapes are used, the nearest one there is."""
    kinds: Mapping[str, int]
    types: Sequence[Any]
    served: Mapping[str, str]
    custom: Mapping[str, Any]


class _Packed(msgspec.Struct):
    types: list[Any]
    minors: dict[str, dict[str, int]]
    served: dict[str, str]


@lru_cache(maxsize=1)
def _packed() -> _Packed:
    import lzma  # noqa: PLC0415 - where nothing is checked against it, it is not paid for

    return msgspec.json.decode(lzma.decompress(PACKED.read_bytes()), type=_Packed)


def newest() -> str:
    """`1.37`: the newest minor whose schemas are here."""
    return max(_packed().minors, key=_minor)


def schemas(version: str | None, definitions: Iterable[KubernetesObject] = ()) -> Schemas:
    """What a cluster of `version` (`1.36` or `1.36.2`; None: the newest known) takes.

    `definitions` are CustomResourceDefinitions; other objects among them are passed over.
    """
    known = _packed()
    wanted = _minor(version or newest())
    nearest = min(known.minors, key=lambda one: abs(_minor(one) - wanted))
    kinds = known.minors[nearest]
    metadata = known.types[kinds["v1/Pod"]]["p"]["metadata"]
    return Schemas(
        minor=wanted,
        shapes_of=nearest,
        kinds=kinds,
        types=known.types,
        served=known.served,
        custom=crds.shapes(definitions, metadata),
    )


def notices(given: Schemas) -> tuple[str, ...]:
    """What a person should know: that the shapes are of another minor than the cluster."""
    if _minor(given.shapes_of) == given.minor:
        return ()
    return (
        f"Kubernetes 1.{given.minor}: fields are checked against {given.shapes_of}, the nearest minor known",
    )


def said(given: Schemas, found: Sequence[KubernetesObject]) -> tuple[Said, ...]:
    """Everything about `found`; CustomResourceDefinitions among them count too."""
    metadata = given.types[given.kinds["v1/Pod"]]["p"]["metadata"]
    custom = {**given.custom, **crds.shapes(found, metadata)}
    groups = {_group(kind) for kind in given.kinds}
    unchecked: dict[str, int] = {}
    told: list[Said] = []
    for about, one in enumerate(found):
        value = one.object
        name = f"{value.get('apiVersion')}/{value.get('kind')}"
        shape = custom.get(name, given.kinds.get(name))
        if shape is not None:
            told += _of_shape(shape, given.types, value, about)
        if name in custom:
            continue
        ended = _retired(name, given)
        if ended is not None:
            told.append(msgspec.structs.replace(ended, about=about))
        elif shape is None and _group(name) in groups:
            told.append(_not_served(value, given, about))
        elif shape is None and _group(name) != kustomizations.GROUP:
            unchecked.setdefault(name, about)
    told += [_unchecked(name, about) for name, about in unchecked.items()]
    return tuple(told)


def _of_shape(shape: Any, types: Sequence[Any], value: dict[str, Any], about: int) -> list[Said]:
    result: list[Said] = []
    for fault in shapes.faults(shape, value, types):
        if len(result) == FAULTS:
            more = f"more than {FAULTS} fields of {objects.name(value)} are not as the API wants them"
            result.append(_said(WRONG, more, None, "", about))
            break
        result.append(_of_fault(fault, value, about))
    return result


def _of_fault(fault: shapes.Fault, value: dict[str, Any], about: int) -> Said:
    where = _dotted(fault.pointer)
    match fault.kind:
        case "unknown":
            import difflib  # noqa: PLC0415 - as above

            near = difflib.get_close_matches(fault.name, fault.expected.split(", "), 1, 0.7)
            remedy = f"did you mean {near[0]}?" if near else f"fields there: {_cut(fault.expected)}"
            kind = f"{value.get('kind')} ({value.get('apiVersion')})"
            return _said(UNKNOWN, f"{where} is no field of {kind}", remedy, fault.pointer, about)
        case "missing":
            message = f"{where or value.get('kind')} has no {fault.name}"
            return _said(MISSING, message, f"add {fault.name}", fault.pointer, about)
        case "wrong":
            message = f"{where or value.get('kind')} is {fault.found}, expected {fault.expected}"
            return _said(WRONG, message, None, fault.pointer, about)


def _retired(name: str, given: Schemas) -> Said | None:
    """What is to be said of a version that ends, or has ended by the cluster's minor."""
    api_version, _, kind = name.rpartition("/")
    told = RETIRED.get(name)
    last = given.served.get(name)
    if told is None and last is None:
        return None
    removed = told.removed if told else _minor(str(last)) + 1
    instead = told.instead if told else _stable(name, given)
    remedy = f"use {instead}" if instead else "nothing takes its place"
    if removed is not None and given.minor >= removed:
        return _said(
            GONE, f"{api_version} {kind} is not served since Kubernetes 1.{removed}", remedy, "/apiVersion"
        )
    if told is not None and given.minor >= told.deprecated:
        end = f", and gone in 1.{removed}" if removed else ""
        return _said(
            DEPRECATED,
            f"{api_version} {kind} is deprecated since Kubernetes 1.{told.deprecated}{end}",
            remedy,
            "/apiVersion",
        )
    return None


def _not_served(value: dict[str, Any], given: Schemas, about: int) -> Said:
    kind = value.get("kind")
    near = [name for name in given.kinds if name.rpartition("/")[2] == kind]
    remedy = f"use {near[0].rpartition('/')[0]}" if near else None
    message = f"Kubernetes {given.shapes_of} has no {kind} in {value.get('apiVersion')}"
    return _said(GONE, message, remedy, "/apiVersion", about)


def _unchecked(name: str, about: int) -> Said:
    api_version, _, kind = name.rpartition("/")
    return _said(
        UNCHECKED,
        f"no schema of {kind} ({api_version}) is known; fields of this kind were not checked",
        None,
        "",
        about,
    )


def _said(rule: str, message: str, remedy: str | None, path: str, about: int | None = None) -> Said:
    verb: Literal["deny", "warn"] = "warn" if rule in (UNCHECKED, DEPRECATED) else "deny"
    return Said(
        policy=POLICY, verb=verb, rule=rule, message=message, remedy=remedy, path=path or None, about=about
    )


def _stable(name: str, given: Schemas) -> str | None:
    """The version without alpha or beta of the same group and kind, if there is one."""
    kind = name.rpartition("/")[2]
    same = [one for one in given.kinds if one.rpartition("/")[2] == kind and _group(one) == _group(name)]
    return next((one.rpartition("/")[0] for one in same if "alpha" not in one and "beta" not in one), None)


def _group(name: str) -> str:
    """`apps/v1/Deployment` -> `apps`; `v1/Pod` -> ``."""
    parts = name.split("/")
    return parts[0] if len(parts) == 3 else ""


def _minor(version: str) -> int:
    return int(version.split(".")[1])


def _dotted(pointer: str) -> str:
    """`/spec/containers/0/image` -> `spec.containers[0].image`, for people."""
    text = ""
    for part in pointer.split("/")[1:]:
        plain = part.replace("~1", "/").replace("~0", "~")
        text += f"[{plain}]" if plain.isdigit() else f".{plain}" if text else plain
    return text


def _cut(text: str, most: int = 160) -> str:
    return text if len(text) <= most else text[:most].rpartition(",")[0] + ", …"
