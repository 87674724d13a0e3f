"""The components of an SBOM, their licences, and what differs between two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from gate import packages
from gate.ingest import Read
from gate.model import Component, ReportSubject, Status
from gate.normalize import normalize

UNKNOWN = "unknown"
"""What stands where a component names no licence."""


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """What one file lists."""

    format: str
    scanner: str
    status: Status
    created: str | None
    subject: ReportSubject | None
    components: tuple[Component, ...]
    notes: tuple[str, ...]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One component that is in both, and not the same."""

    name: str
    """Its package URL without the version, or its name."""
    versions: tuple[tuple[str, ...], tuple[str, ...]]
    """Before and after; a package may be there in several versions."""
    licenses: tuple[tuple[str, ...], tuple[str, ...]]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two inventories."""

    added: tuple[Component, ...]
    removed: tuple[Component, ...]
    changed: tuple[Change, ...]
    same: int
    """How many names are in both and do not differ."""


def inventory(read: Read) -> Inventory:
    """What `read` lists, each component once, sorted."""
    _, components = normalize([read.scan])
    scan = read.scan
    return Inventory(
        format=scan.format,
        scanner=scan.scanner,
        status=scan.status,
        created=scan.created,
        subject=scan.subject,
        components=components,
        notes=read.report.notes,
    )


def difference(before: Inventory, after: Inventory) -> Difference:
    """What `after` has and `before` has not, and the other way round; names are what makes two the same."""
    old, new = _by_name(before.components), _by_name(after.components)
    changes = [
        Change(
            name=name,
            versions=(_versions(old[name]), _versions(new[name])),
            licenses=(_licenses(old[name]), _licenses(new[name])),
        )
        for name in old.keys() & new.keys()
    ]
    changed = [
        one for one in changes if one.versions[0] != one.versions[1] or one.licenses[0] != one.licenses[1]
    ]
    return Difference(
        added=tuple(one for name, some in new.items() if name not in old for one in some),
        removed=tuple(one for name, some in old.items() if name not in new for one in some),
        changed=tuple(sorted(changed, key=lambda one: one.name)),
        same=len(changes) - len(changed),
    )


def licenses(components: Iterable[Component]) -> dict[str, tuple[str, ...]]:
    """Licence expression -> the components under it; `unknown` for those without, it comes first."""
    found: dict[str, list[str]] = {}
    for one in components:
        found.setdefault(one.license or UNKNOWN, []).append(label(one))
    ordered = sorted(found.items(), key=lambda item: (item[0] != UNKNOWN, -len(item[1]), item[0]))
    return {license_: tuple(sorted(set(names))) for license_, names in ordered}


def label(component: Component) -> str:
    """A component as one reads it: its package URL, or name and version."""
    return component.purl or "@".join(filter(None, (component.name, component.version)))


def _by_name(components: Sequence[Component]) -> Mapping[str, list[Component]]:
    found: dict[str, list[Component]] = {}
    for one in components:
        found.setdefault(packages.name(one.purl) if one.purl else one.name, []).append(one)
    return found


def _versions(components: Iterable[Component]) -> tuple[str, ...]:
    return tuple(sorted({one.version or "" for one in components}))


def _licenses(components: Iterable[Component]) -> tuple[str, ...]:
    return tuple(sorted({one.license or UNKNOWN for one in components}))
