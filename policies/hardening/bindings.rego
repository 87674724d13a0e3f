# METADATA
# scope: package
# title: To whom roles are bound
# custom:
#   scope: object
#   points: [ci, admission, background]
#   kinds: [ClusterRoleBinding.rbac.authorization.k8s.io, RoleBinding.rbac.authorization.k8s.io]
package policy.kubernetes.bindings

import data.lib.kubernetes.kinds

# METADATA
# title: Binding to cluster-admin
# description: >-
#   cluster-admin may do everything everywhere; a workload never needs that.
# custom:
#   id: GATE-K8S-105
#   severity: high
#   fix: bind a role with the verbs and resources that are needed
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.1.1, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-105",
	"message": sprintf("%s grants cluster-admin", [kinds.label(input.object)]),
	"path": "/roleRef/name",
} if {
	_is_binding
	object.get(input.object, ["roleRef", "name"], null) == "cluster-admin"
}

# METADATA
# title: Binding to everybody
# description: >-
#   These groups hold whoever reaches the API server, or whoever has any account.
# custom:
#   id: GATE-K8S-106
#   severity: critical
#   fix: bind a group or service account of your own
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.1.1, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-106",
	"message": sprintf("%s grants to %s", [kinds.label(input.object), subject.name]),
	"path": sprintf("/subjects/%d", [index]),
} if {
	some [index, subject] in _subjects
	subject.name in {
		"system:anonymous", "system:authenticated", "system:serviceaccounts", "system:unauthenticated",
	}
}

# METADATA
# title: Binding to a default service account
# description: >-
#   Every pod of the namespace that names no account has it, whatever it is.
# custom:
#   id: GATE-K8S-107
#   severity: medium
#   fix: make a service account for the workload and bind that
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.1.5]
deny contains {
	"rule": "GATE-K8S-107",
	"message": sprintf("%s grants to the default service account", [kinds.label(input.object)]),
	"path": sprintf("/subjects/%d", [index]),
} if {
	some [index, subject] in _subjects
	_is_default(subject)
}

# METADATA
# title: Binding to system:masters
# description: >-
#   The group passes every check of the API server and cannot be taken away again.
# custom:
#   id: GATE-K8S-108
#   severity: critical
#   fix: bind a group of your own to a role
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.1.7]
deny contains {
	"rule": "GATE-K8S-108",
	"message": sprintf("%s grants to system:masters", [kinds.label(input.object)]),
	"path": sprintf("/subjects/%d", [index]),
} if {
	some [index, subject] in _subjects
	subject.name == "system:masters"
}

# METADATA
# title: Binding to all accounts of a namespace
# description: >-
#   The group system:serviceaccounts:NAMESPACE holds every service account that is there or will be made there.
# custom:
#   id: GATE-K8S-209
#   severity: medium
#   fix: bind the service accounts that need the role
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.1.5]
warn contains {
	"rule": "GATE-K8S-209",
	"message": sprintf("%s grants to %s", [kinds.label(input.object), subject.name]),
	"path": sprintf("/subjects/%d", [index]),
} if {
	some [index, subject] in _subjects
	startswith(subject.name, "system:serviceaccounts:")
}

_is_binding if {
	input.object.kind in {"ClusterRoleBinding", "RoleBinding"}
	kinds.is_of(["rbac.authorization.k8s.io", "authorization.openshift.io"])
}

_subjects contains [index, subject] if {
	_is_binding
	some index, subject in object.get(input.object, "subjects", null)
	is_object(subject)
	is_string(object.get(subject, "name", null))
}

_is_default(subject) if {
	object.get(subject, "kind", null) == "ServiceAccount"
	subject.name == "default"
}

# The same account by the name that the API server gives it.
_is_default(subject) if {
	startswith(subject.name, "system:serviceaccount:")
	endswith(subject.name, ":default")
}
