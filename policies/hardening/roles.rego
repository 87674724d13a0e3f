# METADATA
# scope: package
# title: What roles grant
# custom:
#   scope: object
#   points: [ci, admission, background]
#   kinds: [ClusterRole.rbac.authorization.k8s.io, Role.rbac.authorization.k8s.io]
package policy.kubernetes.roles

import data.lib.kubernetes.grants
import data.lib.kubernetes.kinds

# METADATA
# title: Role grants everything of a kind
# description: >-
#   A wildcard for verbs or resources grants what nobody thought of, and what the next version of Kubernetes
#   adds.
# custom:
#   id: GATE-K8S-101
#   severity: high
#   fix: name the verbs and resources that are needed
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.1.3, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-101",
	"message": sprintf("%s: %s are *", [kinds.label(input.object), field]),
	"path": sprintf("/rules/%d/%s", [index, field]),
} if {
	some [index, granted] in grants.all
	some field in ["verbs", "resources"]
	"*" in grants.texts(granted, field)
}

# METADATA
# title: Role reads secrets of the whole cluster
# description: >-
#   Whoever reads all secrets is whoever they belong to. list and watch show their content as get does.
# custom:
#   id: GATE-K8S-102
#   severity: medium
#   fix: grant get on the secrets by resourceNames, in a Role of their namespace
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.1.2]
warn contains {
	"rule": "GATE-K8S-102",
	"message": sprintf("%s reads every secret", [kinds.label(input.object)]),
	"path": sprintf("/rules/%d", [index]),
} if {
	input.object.kind == "ClusterRole"
	some [index, granted] in grants.all
	grants.covers(granted, "", "secrets")
	grants.may(granted, {"get", "list", "watch"})
	grants.is_for_all(granted)
}

# METADATA
# title: Role creates workloads
# description: >-
#   Who creates pods takes the service accounts, secrets and nodes that pods may have.
# custom:
#   id: GATE-K8S-103
#   severity: low
#   fix: leave creating workloads to the deploying identity
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.1.4]
warn contains {
	"rule": "GATE-K8S-103",
	"message": sprintf("%s creates %s", [kinds.label(input.object), resource]),
	"path": sprintf("/rules/%d", [index]),
} if {
	some [index, granted] in grants.all
	some [group, resource] in _workloads
	grants.covers(granted, group, resource)
	grants.may(granted, {"create"})
}

# METADATA
# title: Role gives away more than it has
# description: >-
#   escalate, bind and impersonate turn a limited account into any other.
# custom:
#   id: GATE-K8S-104
#   severity: high
#   fix: remove the verb; let the cluster's administrators bind roles
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.1.8]
deny contains {
	"rule": "GATE-K8S-104",
	"message": sprintf("%s may %s", [kinds.label(input.object), verb]),
	"path": sprintf("/rules/%d/verbs", [index]),
} if {
	some [index, granted] in grants.all
	some verb in ["escalate", "bind", "impersonate"]
	verb in grants.texts(granted, "verbs")
}

# METADATA
# title: Role reaches the kubelets
# description: >-
#   nodes/proxy runs commands in every pod of a node, past admission and audit.
# custom:
#   id: GATE-K8S-109
#   severity: high
#   fix: remove nodes/proxy
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.1.10]
deny contains {
	"rule": "GATE-K8S-109",
	"message": sprintf("%s has nodes/proxy", [kinds.label(input.object)]),
	"path": sprintf("/rules/%d/resources", [index]),
} if {
	some [index, granted] in grants.all
	grants.names(granted, "nodes/proxy")
}

# METADATA
# title: Role makes tokens of service accounts
# description: >-
#   Who makes tokens of an account is that account.
# custom:
#   id: GATE-K8S-110
#   severity: medium
#   fix: remove create on serviceaccounts/token, or name the account by resourceNames
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.1.13]
deny contains {
	"rule": "GATE-K8S-110",
	"message": sprintf("%s makes tokens of any service account", [kinds.label(input.object)]),
	"path": sprintf("/rules/%d/resources", [index]),
} if {
	some [index, granted] in grants.all
	grants.names(granted, "serviceaccounts/token")
	grants.may(granted, {"create"})
	grants.is_for_all(granted)
}

# METADATA
# title: Role approves certificates
# description: >-
#   Who approves certificate requests makes identities, of nodes among them.
# custom:
#   id: GATE-K8S-111
#   severity: medium
#   fix: leave approval to the cluster's own controllers
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.1.11]
warn contains {
	"rule": "GATE-K8S-111",
	"message": sprintf("%s approves certificate requests", [kinds.label(input.object)]),
	"path": sprintf("/rules/%d/resources", [index]),
} if {
	some [index, granted] in grants.all
	_approves(granted)
}

# METADATA
# title: Role changes admission
# description: >-
#   Who changes webhook configurations sees and alters every object, or switches the checks off.
# custom:
#   id: GATE-K8S-112
#   severity: medium
#   fix: leave admission to the cluster's administrators
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.1.12]
warn contains {
	"rule": "GATE-K8S-112",
	"message": sprintf("%s changes %s", [kinds.label(input.object), resource]),
	"path": sprintf("/rules/%d", [index]),
} if {
	some [index, granted] in grants.all
	some resource in ["validatingwebhookconfigurations", "mutatingwebhookconfigurations", "validatingadmissionpolicies", "validatingadmissionpolicybindings"]
	grants.covers(granted, "admissionregistration.k8s.io", resource)
	grants.may(granted, {"create", "update", "patch", "delete", "deletecollection"})
}

# METADATA
# title: Role enters running pods
# description: >-
#   exec, attach and port-forward reach into a pod with all its credentials.
# custom:
#   id: GATE-K8S-113
#   severity: medium
#   fix: grant it for a while to the person who needs it
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-113",
	"message": sprintf("%s has %s", [kinds.label(input.object), resource]),
	"path": sprintf("/rules/%d/resources", [index]),
} if {
	some [index, granted] in grants.all
	some resource in ["pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers"]
	grants.names(granted, resource)
}

# METADATA
# title: Role creates persistent volumes
# description: >-
#   A persistent volume may be a path of the node, which pods may not mount themselves.
# custom:
#   id: GATE-K8S-114
#   severity: medium
#   fix: leave volumes to storage classes
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.1.9]
warn contains {
	"rule": "GATE-K8S-114",
	"message": sprintf("%s creates persistent volumes", [kinds.label(input.object)]),
	"path": sprintf("/rules/%d", [index]),
} if {
	some [index, granted] in grants.all
	grants.covers(granted, "", "persistentvolumes")
	grants.may(granted, {"create"})
}

_workloads := {
	["", "pods"], ["apps", "deployments"], ["apps", "daemonsets"], ["apps", "statefulsets"], ["apps", "replicasets"],
	["batch", "jobs"], ["batch", "cronjobs"], ["", "replicationcontrollers"],
}

_approves(granted) if grants.names(granted, "certificatesigningrequests/approval")

_approves(granted) if {
	grants.covers(granted, "certificates.k8s.io", "signers")
	grants.may(granted, {"approve", "sign"})
}
