"""PolicyReport objects of an audit: one for each namespace, applied by the server, with few results and whole counts.

One object for each audited object took a cluster read-only (kyverno#8974), so results are capped and the rest is
counted. Source: openreports.io/v1alpha1, and wgpolicyk8s.io/v1alpha2 before it; the two have the same fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from gate.cluster.audit import Judged
from gate.cluster.client import Cluster, segment
from gate.errors import GateError
from gate.model import Action, Severity, Violation

RESULTS: Final = 200
"""In one report; etcd holds 1.5 MB an object."""
MESSAGE_CHARACTERS: Final = 500
NAME: Final = "gate"
MANAGED: Final = "app.kubernetes.io/managed-by"
_RESULT: Final = {Action.DENY: "fail", Action.WARN: "warn", Action.AUDIT: "skip"}


class Group(msgspec.Struct, frozen=True):
    """One API that reports are written to."""

    version: str
    kind: str
    plural: str


GROUPS: Final[Mapping[str, tuple[Group, Group]]] = {
    "openreports.io": (
        Group("openreports.io/v1alpha1", "Report", "reports"),
        Group("openreports.io/v1alpha1", "ClusterReport", "clusterreports"),
    ),
    "wgpolicyk8s.io": (
        Group("wgpolicyk8s.io/v1alpha2", "PolicyReport", "policyreports"),
        Group("wgpolicyk8s.io/v1alpha2", "ClusterPolicyReport", "clusterpolicyreports"),
    ),
}
"""Group -> its kind in a namespace, and of the cluster."""


class Reports:
    """The reports of one audit, collected by namespace; then written."""

    def __init__(self, group: str, now: datetime) -> None:
        self._groups = GROUPS[group]
        self._now = now
        self._results: dict[str, list[dict[str, Any]]] = {}
        self._summaries: dict[str, dict[str, int]] = {}

    def take(self, judged: Judged) -> None:
        """Count what was said of an object, and keep it where there is room."""
        metadata = judged.value.object.get("metadata")
        about = metadata if isinstance(metadata, dict) else {}
        namespace = str(about.get("namespace") or "")
        summary = self._summaries.setdefault(
            namespace, {"fail": 0, "warn": 0, "skip": 0, "pass": 0, "error": 0}
        )
        results = self._results.setdefault(namespace, [])
        for one in judged.decision.violations:
            summary[_RESULT[one.action]] += 1
            if len(results) < RESULTS:
                results.append(self._result(one, judged, about))

    def write(self, cluster: Cluster) -> int:
        """How many reports there are now; those of namespaces that nothing is said of any more are gone.

        Raises `GateError`, also where the cluster does not have the API.
        """
        stale = set(self._present(cluster)) - set(self._summaries)
        for namespace, summary in sorted(self._summaries.items()):
            group = self._group(namespace)
            report = {
                "apiVersion": group.version,
                "kind": group.kind,
                "metadata": {"name": NAME, "labels": {MANAGED: NAME}}
                | ({"namespace": namespace} if namespace else {}),
                "summary": summary,
                "results": self._results[namespace],
            }
            cluster.applied(f"{self._path(namespace)}/{NAME}", report)
        for namespace in sorted(stale):
            cluster.deleted(f"{self._path(namespace)}/{NAME}")
        return len(self._summaries)

    def _present(self, cluster: Cluster) -> list[str]:
        found: list[str] = []
        for group in self._groups:
            path = f"/apis/{group.version}/{group.plural}"
            try:
                listed = list(cluster.items(path, labelSelector=f"{MANAGED}={NAME}"))
            except GateError as error:
                if getattr(error, "status", None) == 404:
                    raise GateError(
                        f"the cluster has no {group.plural} of {group.version}",
                        code="reports_unserved",
                        path=cluster.url,
                        fix="install their CustomResourceDefinitions, or leave --reports out",
                    ) from None
                raise
            values = [msgspec.json.decode(one, type=dict[str, Any]) for one in listed]
            found += [str(one["metadata"].get("namespace") or "") for one in values]
        return found

    def _group(self, namespace: str) -> Group:
        return self._groups[0 if namespace else 1]

    def _path(self, namespace: str) -> str:
        group = self._group(namespace)
        within = f"namespaces/{segment(namespace)}/" if namespace else ""
        return f"/apis/{group.version}/{within}{group.plural}"

    def _result(self, one: Violation, judged: Judged, about: Mapping[str, Any]) -> dict[str, Any]:
        """What was said, as the API has it; `unknown` severities have no word there."""
        value = judged.value.object
        severity = {} if one.severity is Severity.UNKNOWN else {"severity": one.severity.value}
        named = {key: str(about[key]) for key in ("namespace", "name", "uid") if about.get(key)}
        resource = {"apiVersion": str(value.get("apiVersion")), "kind": str(value.get("kind"))} | named
        return {
            "source": NAME,
            "policy": one.policy,
            "rule": one.rule,
            "result": _RESULT[one.action],
            "message": one.message[:MESSAGE_CHARACTERS],
            "timestamp": {"seconds": int(self._now.timestamp()), "nanos": 0},
            "resources": [resource],
            **severity,
        }
