"""The numbers and names of admission that code, chart and docs share; tests compare all three.

Each stands in KUBERNETES.md, section 4.1 or 4.2 of the design, with its reason; what deviates says why here.
"""

from __future__ import annotations

from typing import Final

CONFIGURATION: Final = "gate"
"""Name of the ValidatingWebhookConfiguration."""
NAMESPACE: Final = "gate-system"
SERVICE: Final = "gate-webhook"
SERVICE_PORT: Final = 443
PATH: Final = "/admission/validate"
PORT: Final = 8443
HEALTH_PORT: Final = 8081
"""Plain HTTP, for probes and metrics alone: a probe has no client certificate."""

FAILURE_POLICY: Final = "Fail"
TIMEOUT_S: Final = 5
LONGEST_TIMEOUT_S: Final = 10
"""What may be asked for: every create waits so long where the webhook is away."""
SIDE_EFFECTS: Final = "NoneOnDryRun"
MATCH_POLICY: Final = "Equivalent"
REVIEW_VERSIONS: Final = ("v1",)
EXCLUDED: Final = ("kube-system", "kube-public", "kube-node-lease")
"""Namespaces that are never asked about, besides the gate's own: by the label that the API server itself sets."""
NAMESPACE_LABEL: Final = "kubernetes.io/metadata.name"
NOT_MIRROR: Final = (
    "not-mirror-by-node",
    (
        "!(request.userInfo.groups.exists(g, g == 'system:nodes') && object != null && "
        "has(object.metadata.annotations) && 'kubernetes.io/config.mirror' in object.metadata.annotations)"
    ),
)
"""A kubelet's own mirror Pods, evaluated where no webhook runs. Without `object != null` a node could delete
none: an expression that fails is a refusal."""
NOT_API_SERVER: Final = ("not-the-api-server", "request.userInfo.username != 'system:apiserver'")
"""The API server makes its own roles and priority classes while it starts, and does not start where it cannot."""

SUBRESOURCES: Final = ("pods/ephemeralcontainers", "pods/resize")
SCALES: Final = {
    "": ("replicationcontrollers/scale",),
    "apps": ("deployments/scale", "replicasets/scale", "statefulsets/scale"),
}
CONNECTS: Final = ("pods/exec", "pods/attach")
NEVER: Final = frozenset(
    {
        ("", "nodes"),
        ("", "events"),
        ("events.k8s.io", "events"),
        ("coordination.k8s.io", "leases"),
        ("authentication.k8s.io", "tokenreviews"),
        ("authorization.k8s.io", "subjectaccessreviews"),
        ("certificates.k8s.io", "certificatesigningrequests"),
    }
)
"""(group, resource) that no rendered webhook covers: a cluster without them cannot start again (THREATS.md H10)."""
UNASKED: Final = "admissionregistration.k8s.io"
"""Of this group the API server asks no webhook, so that none can protect itself."""

CA_DAYS: Final = 365
LEAF_DAYS: Final = 90
OVERLAP_S: Final = 3_600
"""How long a new CA is in every bundle before anything is signed with it."""
REPLICAS: Final = 3
UNAVAILABLE: Final = 1
GRACE_S: Final = 30
PRE_STOP_S: Final = 12
"""How long a webhook that ends still serves: the endpoints' news takes as long to arrive."""
USER: Final = 65532
CPU_REQUEST: Final = "200m"
MEMORY_REQUEST: Final = "256Mi"
MEMORY_LIMIT: Final = "512Mi"
