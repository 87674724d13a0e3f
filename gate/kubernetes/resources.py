"""Kinds and the resources they are served as: what a rule names, and what a webhook is registered for.

Kubernetes' own kinds stand here; of a custom resource whoever writes the rule says the resource, for a plural
cannot be guessed. Source: the API reference of Kubernetes 1.36.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from gate.errors import quoted

WORKLOADS: Final = "workloads"
"""In METADATA `custom.kinds`: every kind of Kubernetes' own that has a pod."""
_NAME: Final = re.compile(
    r"(?P<kind>[A-Z][A-Za-z0-9]*)(?:\.(?P<group>[a-z0-9]([a-z0-9.-]*[a-z0-9])?))?(?:/(?P<plural>[a-z0-9-]+))?"
)


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """One kind as the API serves it."""

    group: str
    """Empty for the core group."""
    name: str
    """Plural, lower case: `deployments`."""
    kind: str
    is_namespaced: bool = True

    @property
    def label(self) -> str:
        """`Role.rbac.authorization.k8s.io`, `Pod`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


_NAMESPACED: Final = {
    "": (
        "pods Pod, replicationcontrollers ReplicationController, podtemplates PodTemplate, services Service, "
        "configmaps ConfigMap, secrets Secret, serviceaccounts ServiceAccount, endpoints Endpoints, "
        "persistentvolumeclaims PersistentVolumeClaim, limitranges LimitRange, resourcequotas ResourceQuota, "
        "events Event"
    ),
    "apps": "deployments Deployment, replicasets ReplicaSet, statefulsets StatefulSet, daemonsets DaemonSet",
    "autoscaling": "horizontalpodautoscalers HorizontalPodAutoscaler",
    "batch": "jobs Job, cronjobs CronJob",
    "coordination.k8s.io": "leases Lease",
    "discovery.k8s.io": "endpointslices EndpointSlice",
    "events.k8s.io": "events Event",
    "gateway.networking.k8s.io": "gateways Gateway, httproutes HTTPRoute, referencegrants ReferenceGrant",
    "networking.k8s.io": "ingresses Ingress, networkpolicies NetworkPolicy",
    "policy": "poddisruptionbudgets PodDisruptionBudget",
    "rbac.authorization.k8s.io": "roles Role, rolebindings RoleBinding",
}
_OF_CLUSTER: Final = {
    "": "namespaces Namespace, nodes Node, persistentvolumes PersistentVolume",
    "admissionregistration.k8s.io": (
        "validatingwebhookconfigurations ValidatingWebhookConfiguration, "
        "mutatingwebhookconfigurations MutatingWebhookConfiguration, "
        "validatingadmissionpolicies ValidatingAdmissionPolicy, "
        "validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding, "
        "mutatingadmissionpolicies MutatingAdmissionPolicy, "
        "mutatingadmissionpolicybindings MutatingAdmissionPolicyBinding"
    ),
    "apiextensions.k8s.io": "customresourcedefinitions CustomResourceDefinition",
    "apiregistration.k8s.io": "apiservices APIService",
    "authentication.k8s.io": "tokenreviews TokenReview",
    "authorization.k8s.io": "subjectaccessreviews SubjectAccessReview",
    "certificates.k8s.io": "certificatesigningrequests CertificateSigningRequest",
    "gateway.networking.k8s.io": "gatewayclasses GatewayClass",
    "networking.k8s.io": "ingressclasses IngressClass",
    "rbac.authorization.k8s.io": "clusterroles ClusterRole, clusterrolebindings ClusterRoleBinding",
    "scheduling.k8s.io": "priorityclasses PriorityClass",
    "storage.k8s.io": "storageclasses StorageClass, csidrivers CSIDriver, volumeattachments VolumeAttachment",
}


def _rows(listed: dict[str, str], *, is_namespaced: bool) -> tuple[Resource, ...]:
    return tuple(
        Resource(group=group, name=name, kind=kind, is_namespaced=is_namespaced)
        for group, text in listed.items()
        for name, _, kind in (one.strip().partition(" ") for one in text.split(","))
    )


KNOWN: Final = (*_rows(_NAMESPACED, is_namespaced=True), *_rows(_OF_CLUSTER, is_namespaced=False))
_BY_NAME: Final = {(one.group, one.kind): one for one in KNOWN}
_KINDS: Final = frozenset(one.kind for one in KNOWN)
OF_WORKLOADS: Final = (
    "Pod",
    "ReplicationController",
    "PodTemplate",
    "Deployment.apps",
    "ReplicaSet.apps",
    "StatefulSet.apps",
    "DaemonSet.apps",
    "Job.batch",
    "CronJob.batch",
)
"""What `workloads` stands for."""


def is_namesake(group: str, kind: str) -> bool:
    """Whether this is a custom resource, told by the dot in its group, with the kind of one of Kubernetes' own."""
    return "." in group and kind in _KINDS and (group, kind) not in _BY_NAME


def found(group: str, kind: str) -> Resource | None:
    """What `kind` of `group` is served as; None for a custom resource."""
    return _BY_NAME.get((group, kind))


def named(text: str) -> Resource:
    """The resource that METADATA calls `text`: `Pod`, `Role.rbac.authorization.k8s.io`, `Rollout.argoproj.io/rollouts`.

    Raises `ValueError` for what is no kind, and for a custom one whose resource is not said.
    """
    parts = _NAME.fullmatch(text)
    if parts is None:
        raise ValueError(f"{quoted(text)} is no kind, expected Kind, Kind.group or Kind.group/resource")
    kind, group, plural = parts["kind"], parts["group"] or "", parts["plural"]
    known = found(group, kind)
    if known is not None and plural in (None, known.name):
        return known
    if plural is None:
        raise ValueError(f"{quoted(text)} is no kind of Kubernetes' own: write {text}/RESOURCE, its plural")
    return Resource(group=group, name=plural, kind=kind)


def listed(kinds: tuple[str, ...]) -> tuple[Resource, ...]:
    """The resources of `kinds` as METADATA names them, `workloads` spelled out, each once, in order."""
    spelled = [one for kind in kinds for one in (OF_WORKLOADS if kind == WORKLOADS else (kind,))]
    return tuple(dict.fromkeys(named(one) for one in spelled))
