"""What gate itself says of a kustomization that came among manifests: what it builds was not judged.

The manifests beside it are judged as they lie, as `kubectl apply -f`, gator and Conftest take them; what a
kustomization patches, generates or takes from elsewhere shows only once it is built (gate/rendering).
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Sequence
from typing import Any, Final

from gate.model import KubernetesObject, Rule, Said, Severity

POLICY: Final = "gate.kustomizations"
"""Stands where a rule's package stands: this rule is gate's own, no bundle can replace it."""
NOT_BUILT: Final = "GATE-K8S-060"
GROUP: Final = "kustomize.config.k8s.io"
"""What `kustomize` builds from; no cluster takes it, and as a manifest it would be harmless whatever it patches."""
NAMES: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""How a file must be called for `kustomize` to build it."""
_KINDS: Final = {"Kustomization": f"{GROUP}/v1beta1", "Component": f"{GROUP}/v1alpha1"}

RULES: Final[dict[str, Rule]] = {
    NOT_BUILT: Rule(
        id=NOT_BUILT,
        policy=POLICY,
        title="A kustomization was not built",
        description="It lies among manifests that were judged as they are. What it patches, generates or takes from "
        "elsewhere shows only once it is built, so what it deploys was not judged.",
        severity=Severity.MEDIUM,
        fix="check its folder by name, so that it is built",
        scope="object",
        file="gate/kubernetes/kustomizations.py",
        line=1,
    )
}


def whole(value: object, path: str) -> dict[str, Any] | None:
    """The kustomization that `value`, a document of the file `path`, is, with what it may leave out; None if none.

    As kustomize (v5.8, `FixKustomizationPostUnmarshal`) takes a file that has one of its names.
    """
    if posixpath.basename(path) not in NAMES or not isinstance(value, dict) or not value:
        return None
    kind, version = value.get("kind") or "Kustomization", value.get("apiVersion")
    if kind not in _KINDS or not (version in (None, "") or str(version).startswith(GROUP + "/")):
        return None
    return {**value, "apiVersion": version or _KINDS[kind], "kind": kind}


def said(found: Sequence[KubernetesObject]) -> tuple[Said, ...]:
    """GATE-K8S-060 for each kustomization among `found`, with what to do instead."""
    return tuple(_not_built(one, about) for about, one in enumerate(found) if one.group == GROUP)


def _not_built(one: KubernetesObject, about: int) -> Said:
    file = one.source.file if one.source else ""
    folder, name = posixpath.split(file)
    kind = str(one.object.get("kind"))
    if name not in NAMES or one.document > 0 or one.pointer:
        remedy = f"write it as the only document of a {NAMES[0]}, and check the folder of that file by name"
    elif kind == "Component":
        remedy = f"check the kustomization that takes {folder or '.'} in by its folder"
    else:
        remedy = f"gate check {shlex.quote(folder or '.')}"
    return Said(
        policy=POLICY,
        verb="deny",
        rule=NOT_BUILT,
        message=f"the {kind} was not built: what it patches, generates and takes in was not judged",
        remedy=remedy,
        about=about,
    )
