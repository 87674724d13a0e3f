"""The ValidatingWebhookConfiguration: what the API server asks, rendered from what the bundle speaks of.

One webhook for creates and updates; deletions, scaling, exec and objects of the whole cluster each have one of
their own, and only when they are asked for. Nothing here talks to a cluster.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import msgspec

from gate.admission import defaults
from gate.admission.coverage import Speaks
from gate.errors import SettingsError
from gate.kubernetes import resources

KIND: Final = "ValidatingWebhookConfiguration"
_STABLE: Final = frozenset({"", "apps", "batch"})
"""Groups whose only version is v1; of others `*`, which `matchPolicy: Equivalent` makes the same."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be rendered."""

    name: str = defaults.CONFIGURATION
    namespace: str = defaults.NAMESPACE
    """The gate's own; never asked about."""
    service: str = defaults.SERVICE
    url: str | None = None
    """Instead of a Service: a webhook outside of the cluster."""
    ca: bytes | None = None
    """PEM; None where cert-manager or `gate webhook certs` puts it in."""
    cert_manager: str | None = None
    """`NAMESPACE/CERTIFICATE` whose CA cert-manager puts in."""
    excluded: tuple[str, ...] = ()
    """More namespaces that are never asked about."""
    failure_policy: Literal["Fail", "Ignore"] = "Fail"
    timeout_s: int = defaults.TIMEOUT_S
    deletes: bool = False
    scales: bool = False
    connects: bool = False
    cluster_scoped: bool = False

    def __post_init__(self) -> None:
        """Refuse what the API server would refuse, or what holds up a cluster."""
        if not 1 <= self.timeout_s <= defaults.LONGEST_TIMEOUT_S:
            raise SettingsError(
                f"a timeout of {self.timeout_s} s",
                code="usage",
                expected=f"1 to {defaults.LONGEST_TIMEOUT_S} s",
                fix="every create waits so long where the webhook is away",
            )
        if self.url is not None and not self.url.startswith("https://"):
            raise SettingsError("the API server speaks https only", code="usage", expected="https://…")


def rendered(speaks: Iterable[Speaks], wanted: Wanted) -> dict[str, Any]:
    """The configuration that asks about the workloads and everything of `speaks` that may be asked about."""
    given = [one for one in speaks if _may_be_asked(one)]
    writes = [
        (one.group, one.resource, one.is_namespaced)
        for one in given
        if one.operation in ("CREATE", "UPDATE") and "/" not in one.resource
    ]
    workloads = [(one.group, one.name, True) for one in resources.listed((resources.WORKLOADS,))]
    subresources = [("", name, True) for name in defaults.SUBRESOURCES]
    namespaced = [one for one in (*workloads, *subresources, *writes) if one[2]]
    webhooks = [_webhook("validate", wanted, namespaced, ("CREATE", "UPDATE"))]
    if wanted.scales:
        scaled = [(group, name, True) for group, names in defaults.SCALES.items() for name in names]
        webhooks.append(_webhook("scale", wanted, scaled, ("UPDATE",)))
    if wanted.deletes:
        deleted = [
            (one.group, one.resource, True)
            for one in given
            if one.operation == "DELETE" and one.is_namespaced
        ]
        webhooks.append(_webhook("delete", wanted, deleted or workloads, ("DELETE",)))
    if wanted.connects:
        webhooks.append(
            _webhook("connect", wanted, [("", name, True) for name in defaults.CONNECTS], ("CONNECT",))
        )
    of_cluster = [one for one in writes if not one[2]]
    if wanted.cluster_scoped and of_cluster:
        webhooks.append(_webhook("cluster", wanted, of_cluster, ("CREATE", "UPDATE")))
    metadata: dict[str, Any] = {"name": wanted.name, "labels": {"app.kubernetes.io/name": "gate"}}
    if wanted.cert_manager:
        metadata["annotations"] = {"cert-manager.io/inject-ca-from": wanted.cert_manager}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": KIND,
        "metadata": metadata,
        "webhooks": webhooks,
    }


def break_glass(name: str) -> str:
    """What a person types when the webhook holds up a cluster, and how to go back."""
    return (
        f"kubectl get validatingwebhookconfiguration {name} -o yaml > {name}-webhook.yaml\n"
        f"kubectl delete validatingwebhookconfiguration {name}\n"
        "# From here on nothing is judged; the API server asks no webhook about this deletion, so it always works.\n"
        "# To go back: gate webhook render … | kubectl apply -f -   (or helm upgrade)\n"
        "# Afterwards: gate audit cluster   tells what came in meanwhile.\n"
    )


def _may_be_asked(one: Speaks) -> bool:
    return one.group != defaults.UNASKED and (one.group, one.resource) not in defaults.NEVER


def _webhook(
    purpose: str, wanted: Wanted, asked: Sequence[tuple[str, str, bool]], operations: Sequence[str]
) -> dict[str, Any]:
    is_cluster = purpose == "cluster"
    conditions = [defaults.NOT_API_SERVER] if is_cluster else [defaults.NOT_MIRROR]
    excluded = [wanted.namespace, *defaults.EXCLUDED, *wanted.excluded]
    return {
        "name": f"{purpose}.{wanted.name}.internal",
        "admissionReviewVersions": list(defaults.REVIEW_VERSIONS),
        "clientConfig": _client(wanted),
        "failurePolicy": wanted.failure_policy,
        "matchConditions": [{"name": name, "expression": text} for name, text in conditions],
        "matchPolicy": defaults.MATCH_POLICY,
        "namespaceSelector": {
            "matchExpressions": [
                {
                    "key": defaults.NAMESPACE_LABEL,
                    "operator": "NotIn",
                    "values": list(dict.fromkeys(excluded)),
                }
            ]
        },
        "objectSelector": {},
        "rules": _rules(asked, operations, "Cluster" if is_cluster else "Namespaced"),
        "sideEffects": defaults.SIDE_EFFECTS,
        "timeoutSeconds": wanted.timeout_s,
    }


def _rules(
    asked: Iterable[tuple[str, str, bool]], operations: Sequence[str], scope: str
) -> list[dict[str, Any]]:
    by_group: dict[str, list[str]] = {}
    for group, name, _ in asked:
        names = by_group.setdefault(group, [])
        if name not in names:
            names.append(name)
    return [
        {
            "apiGroups": [group],
            "apiVersions": ["v1"] if group in _STABLE else ["*"],
            "operations": list(operations),
            "resources": names,
            "scope": scope,
        }
        for group, names in sorted(by_group.items())
    ]


def _client(wanted: Wanted) -> dict[str, Any]:
    ca = {"caBundle": base64.b64encode(wanted.ca).decode()} if wanted.ca else {}
    if wanted.url is not None:
        return {"url": wanted.url, **ca}
    return {
        "service": {
            "name": wanted.service,
            "namespace": wanted.namespace,
            "path": defaults.PATH,
            "port": defaults.SERVICE_PORT,
        },
        **ca,
    }
