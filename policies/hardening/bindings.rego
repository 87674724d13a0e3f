# METADATA
# scope: package
# title: To whom roles are bound
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.bindings

# METADATA
# title: Binding to cluster-admin
# description: >-
#   cluster-admin may do everything everywhere; a workload never needs that.
# custom:
#   id: GATE-K8S-105
#   severity: high
#   fix: bind a role with the verbs and resources that are needed
#   frameworks: [CIS Kubernetes v1.8 5.1.1, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-105",
	"message": sprintf("%s grants cluster-admin", [_name]),
	"path": "/roleRef/name",
} if {
	_is_binding
	input.object.roleRef.name == "cluster-admin"
}

# METADATA
# title: Binding to everybody
# description: >-
#   These groups hold whoever reaches the API server, or whoever has any account.
# custom:
#   id: GATE-K8S-106
#   severity: critical
#   fix: bind a group or service account of your own
#   frameworks: [CIS Kubernetes v1.8 5.1.1, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-106",
	"message": sprintf("%s grants to %s", [_name, subject.name]),
	"path": sprintf("/subjects/%d", [index]),
} if {
	some index, subject in _subjects
	subject.name in ["system:anonymous", "system:unauthenticated", "system:authenticated", "system:serviceaccounts"]
}

# METADATA
# title: Binding to a default service account
# description: >-
#   Every pod of the namespace that names no account has it, whatever it is.
# custom:
#   id: GATE-K8S-107
#   severity: medium
#   fix: make a service account for the workload and bind that
#   frameworks: [CIS Kubernetes v1.8 5.1.5]
deny contains {
	"rule": "GATE-K8S-107",
	"message": sprintf("%s grants to the default service account", [_name]),
	"path": sprintf("/subjects/%d", [index]),
} if {
	some index, subject in _subjects
	subject.kind == "ServiceAccount"
	subject.name == "default"
}

# METADATA
# title: Binding to system:masters
# description: >-
#   The group passes every check of the API server and cannot be taken away again.
# custom:
#   id: GATE-K8S-108
#   severity: critical
#   fix: bind a group of your own to a role
#   frameworks: [CIS Kubernetes v1.8 5.1.7]
deny contains {
	"rule": "GATE-K8S-108",
	"message": sprintf("%s grants to system:masters", [_name]),
	"path": sprintf("/subjects/%d", [index]),
} if {
	some index, subject in _subjects
	subject.name == "system:masters"
}

_is_binding if {
	input.object.kind in ["RoleBinding", "ClusterRoleBinding"]
	startswith(input.object.apiVersion, "rbac.authorization.k8s.io/")
}

_subjects := object.get(input.object, "subjects", []) if {
	_is_binding
} else := []

_name := sprintf("%s %q", [input.object.kind, object.get(input.object, ["metadata", "name"], "")])
