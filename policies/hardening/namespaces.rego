# METADATA
# scope: package
# title: Namespaces and the accounts in them
# custom:
#   scope: object
#   points: [ci, admission, background]
#   kinds: [workloads, Namespace, ServiceAccount]
package policy.kubernetes.namespaces

import data.lib.kubernetes.kinds
import data.lib.kubernetes.pods

# METADATA
# title: Object in the default namespace
# description: >-
#   Quotas, network policies and rights hang on namespaces; in default everybody's things meet.
# custom:
#   id: GATE-K8S-128
#   severity: low
#   fix: make a namespace for the application
#   docs: https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/
#   frameworks: [CIS Kubernetes v1.8 5.7.4]
warn contains {
	"rule": "GATE-K8S-128",
	"message": sprintf("the %v is in the namespace default", [object.get(input.object, "kind", "object")]),
	"path": pods.pointer({"path": []}, ["metadata", "namespace"]),
} if {
	object.get(input.object, ["metadata", "namespace"], null) == "default"
	not _is_the_clusters_own
}

# METADATA
# title: Service account whose token every pod gets
# description: >-
#   Most programs never call the Kubernetes API; a token that is not there cannot be stolen.
# custom:
#   id: GATE-K8S-139
#   severity: low
#   fix: set automountServiceAccountToken to false, and to true in the pods that need it
#   docs: https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/
#   frameworks: [CIS Kubernetes v1.8 5.1.6]
warn contains {
	"rule": "GATE-K8S-139",
	"message": "the service account's token is mounted into its pods",
	"path": "/automountServiceAccountToken",
} if {
	input.object.kind == "ServiceAccount"
	kinds.is_of([])
	object.get(input.object, "automountServiceAccountToken", true) != false
}

# METADATA
# title: Namespace without a Pod Security level
# description: >-
#   Without the label enforce the API server admits privileged pods.
# custom:
#   id: GATE-K8S-140
#   severity: medium
#   fix: "label it pod-security.kubernetes.io/enforce: baseline or restricted"
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-admission/
#   frameworks: [CIS Kubernetes v1.8 5.2.1, NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-140",
	"message": sprintf("the namespace enforces the level %v", [level]),
	"path": "/metadata/labels",
} if {
	input.object.kind == "Namespace"
	kinds.is_of([])
	level := object.get(input.object, ["metadata", "labels", "pod-security.kubernetes.io/enforce"], "none")
	not level in ["baseline", "restricted"]
}

# What every cluster keeps in the namespace default.
_is_the_clusters_own if {
	[input.object.kind, object.get(input.object, ["metadata", "name"], null)] in {
		["ConfigMap", "kube-root-ca.crt"],
		["Endpoints", "kubernetes"],
		["EndpointSlice", "kubernetes"],
		["Service", "kubernetes"],
		["ServiceAccount", "default"],
	}
}
