# METADATA
# scope: package
# title: What extends the API server
# custom:
#   scope: object
#   points: [ci, admission, background]
#   kinds:
#     - MutatingWebhookConfiguration.admissionregistration.k8s.io
#     - ValidatingWebhookConfiguration.admissionregistration.k8s.io
#     - MutatingAdmissionPolicy.admissionregistration.k8s.io
#     - ValidatingAdmissionPolicy.admissionregistration.k8s.io
#     - APIService.apiregistration.k8s.io
#     - CustomResourceDefinition.apiextensions.k8s.io
package policy.kubernetes.webhooks

import data.lib.kubernetes.kinds
import data.lib.kubernetes.pods
import data.lib.settings

# METADATA
# title: Check lets through what it cannot judge
# description: >-
#   With failurePolicy Ignore whoever makes the webhook or policy fail is let in. For webhooks of v1beta1 that is
#   the default.
# custom:
#   id: GATE-K8S-115
#   severity: medium
#   fix: set failurePolicy to Fail, and keep the webhook's own namespace and kube-system out of it
#   docs: https://kubernetes.io/docs/concepts/cluster-administration/admission-webhooks-good-practices/
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains object.union({"rule": "GATE-K8S-115"}, ignored) if some ignored in _ignoring

# METADATA
# title: Webhook holds up the API server
# description: >-
#   A request waits for every webhook; above settings.kubernetes.webhook_timeout_s seconds clients give up before it
#   answers. For v1beta1 the default is 30.
# custom:
#   id: GATE-K8S-116
#   severity: low
#   fix: set timeoutSeconds to 10 or less
#   docs: https://kubernetes.io/docs/concepts/cluster-administration/admission-webhooks-good-practices/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-116",
	"message": sprintf("webhook %q may take %v s", [pods.at(webhook, ["name"]), seconds]),
	"path": pods.pointer(webhook, ["timeoutSeconds"]),
} if {
	limit := settings.limit("kubernetes.webhook_timeout_s")
	limit != null
	some webhook in _webhooks
	seconds := _or(pods.at(webhook, ["timeoutSeconds"]), {true: 30, false: 10})
	seconds > limit
}

# METADATA
# title: API server that anybody may be
# description: >-
#   With insecureSkipTLSVerify whoever answers at the address of the Service gets the requests, their users' names
#   and groups among them, and answers for the API.
# custom:
#   id: GATE-K8S-214
#   severity: high
#   fix: remove insecureSkipTLSVerify and set caBundle
#   docs: https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/
#   frameworks: [NSA/CISA Kubernetes Hardening, CWE-295]
deny contains {
	"rule": "GATE-K8S-214",
	"message": "the API server's certificate is not verified",
	"path": "/spec/insecureSkipTLSVerify",
} if {
	input.object.kind == "APIService"
	kinds.is_of(["apiregistration.k8s.io"])
	not object.get(input.object, ["spec", "insecureSkipTLSVerify"], null) in [false, null]
}

# METADATA
# title: Custom resources of any shape
# description: >-
#   preserveUnknownFields stores whatever is sent, so a misspelt field of a custom resource is neither refused nor
#   dropped. It is the default of v1beta1.
# custom:
#   id: GATE-K8S-215
#   severity: low
#   fix: set preserveUnknownFields to false and give every version a schema
#   docs: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
#   frameworks: [CWE-20]
warn contains {
	"rule": "GATE-K8S-215",
	"message": "fields that the schema does not know are kept",
	"path": pods.pointer({"path": []}, ["spec", "preserveUnknownFields"]),
} if {
	input.object.kind == "CustomResourceDefinition"
	kinds.is_of(["apiextensions.k8s.io"])
	_or(object.get(input.object, ["spec", "preserveUnknownFields"], null), {true: true, false: false}) != false
}

_ignoring contains {
	"message": sprintf("webhook %q ignores its failures", [pods.at(webhook, ["name"])]),
	"path": pods.pointer(webhook, ["failurePolicy"]),
} if {
	some webhook in _webhooks
	_or(pods.at(webhook, ["failurePolicy"]), {true: "Ignore", false: "Fail"}) == "Ignore"
}

_ignoring contains {"message": "the policy ignores its failures", "path": "/spec/failurePolicy"} if {
	input.object.kind in {"MutatingAdmissionPolicy", "ValidatingAdmissionPolicy"}
	kinds.is_of(["admissionregistration.k8s.io"])
	object.get(input.object, ["spec", "failurePolicy"], null) == "Ignore"
}

_webhooks := pods.elements({"label": "the object", "path": [], "value": input.object}, ["webhooks"]) if {
	input.object.kind in {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
	kinds.is_of(["admissionregistration.k8s.io"])
}

# The value, or the default of v1beta1 (`true`) or of later versions.
_or(value, defaults) := value if {
	value != null
} else := defaults[_is_beta]

_is_beta if {
	is_string(input.object.apiVersion)
	endswith(input.object.apiVersion, "/v1beta1")
} else := false
