"""Versions of APIs that Kubernetes deprecated or took away, and what to use instead.

Source: Kubernetes' deprecated API migration guide, and the kinds of each minor from 1.25 on
(tools/kubernetes_schemas.py). A minor is the number after "1.".
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Retired(NamedTuple):
    """One version of a kind that goes or is gone."""

    deprecated: int
    removed: int | None
    """The first minor without it; None where no removal is planned."""
    instead: str | None
    """apiVersion, with the kind where it differs; None where nothing takes its place."""


_APPS: Final = ("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet")
_RBAC: Final = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
_REVIEWS: Final = (
    "LocalSubjectAccessReview",
    "SelfSubjectAccessReview",
    "SubjectAccessReview",
    "SelfSubjectRulesReview",
)
_FLOW: Final = ("FlowSchema", "PriorityLevelConfiguration")
_HOOKS: Final = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_ADMISSION: Final = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


def _all(api_version: str, kinds: tuple[str, ...], retired: Retired) -> dict[str, Retired]:
    return {f"{api_version}/{kind}": retired for kind in kinds}


RETIRED: Final[dict[str, Retired]] = {
    **_all("extensions/v1beta1", ("Deployment", "DaemonSet", "ReplicaSet"), Retired(9, 16, "apps/v1")),
    **_all("extensions/v1beta1", ("NetworkPolicy",), Retired(9, 16, "networking.k8s.io/v1")),
    **_all("extensions/v1beta1", ("PodSecurityPolicy",), Retired(10, 16, None)),
    **_all("extensions/v1beta1", ("Ingress",), Retired(14, 22, "networking.k8s.io/v1")),
    **_all("apps/v1beta1", ("Deployment", "StatefulSet"), Retired(9, 16, "apps/v1")),
    **_all("apps/v1beta2", _APPS, Retired(9, 16, "apps/v1")),
    **_all("admissionregistration.k8s.io/v1beta1", _HOOKS, Retired(16, 22, "admissionregistration.k8s.io/v1")),
    **_all("admissionregistration.k8s.io/v1beta1", _ADMISSION, Retired(31, 34, "admissionregistration.k8s.io/v1")),
    **_all("apiextensions.k8s.io/v1beta1", ("CustomResourceDefinition",), Retired(16, 22, "apiextensions.k8s.io/v1")),
    **_all("apiregistration.k8s.io/v1beta1", ("APIService",), Retired(19, 22, "apiregistration.k8s.io/v1")),
    **_all("authentication.k8s.io/v1beta1", ("TokenReview",), Retired(19, 22, "authentication.k8s.io/v1")),
    **_all("authorization.k8s.io/v1beta1", _REVIEWS, Retired(19, 22, "authorization.k8s.io/v1")),
    **_all("autoscaling/v2beta1", ("HorizontalPodAutoscaler",), Retired(22, 25, "autoscaling/v2")),
    **_all("autoscaling/v2beta2", ("HorizontalPodAutoscaler",), Retired(23, 26, "autoscaling/v2")),
    **_all("batch/v1beta1", ("CronJob",), Retired(21, 25, "batch/v1")),
    **_all("batch/v2alpha1", ("CronJob",), Retired(8, 21, "batch/v1")),
    **_all("certificates.k8s.io/v1beta1", ("CertificateSigningRequest",), Retired(19, 22, "certificates.k8s.io/v1")),
    **_all("coordination.k8s.io/v1beta1", ("Lease",), Retired(19, 22, "coordination.k8s.io/v1")),
    **_all("discovery.k8s.io/v1beta1", ("EndpointSlice",), Retired(21, 25, "discovery.k8s.io/v1")),
    **_all("events.k8s.io/v1beta1", ("Event",), Retired(19, 25, "events.k8s.io/v1")),
    **_all("flowcontrol.apiserver.k8s.io/v1beta1", _FLOW, Retired(23, 26, "flowcontrol.apiserver.k8s.io/v1")),
    **_all("flowcontrol.apiserver.k8s.io/v1beta2", _FLOW, Retired(26, 29, "flowcontrol.apiserver.k8s.io/v1")),
    **_all("flowcontrol.apiserver.k8s.io/v1beta3", _FLOW, Retired(29, 32, "flowcontrol.apiserver.k8s.io/v1")),
    **_all("networking.k8s.io/v1beta1", ("Ingress", "IngressClass"), Retired(19, 22, "networking.k8s.io/v1")),
    **_all("node.k8s.io/v1beta1", ("RuntimeClass",), Retired(20, 25, "node.k8s.io/v1")),
    **_all("policy/v1beta1", ("PodDisruptionBudget",), Retired(21, 25, "policy/v1")),
    **_all("policy/v1beta1", ("PodSecurityPolicy",), Retired(21, 25, None)),
    **_all("rbac.authorization.k8s.io/v1alpha1", _RBAC, Retired(17, 22, "rbac.authorization.k8s.io/v1")),
    **_all("rbac.authorization.k8s.io/v1beta1", _RBAC, Retired(17, 22, "rbac.authorization.k8s.io/v1")),
    **_all("scheduling.k8s.io/v1beta1", ("PriorityClass",), Retired(14, 22, "scheduling.k8s.io/v1")),
    **_all("storage.k8s.io/v1beta1", ("CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"), Retired(19, 22, "storage.k8s.io/v1")),
    **_all("storage.k8s.io/v1beta1", ("CSIStorageCapacity",), Retired(24, 27, "storage.k8s.io/v1")),
    **_all("v1", ("ComponentStatus",), Retired(19, None, None)),
    **_all("v1", ("Endpoints",), Retired(33, None, "discovery.k8s.io/v1 EndpointSlice")),
}  # fmt: skip
"""`apiVersion/Kind` -> its end."""
