# METADATA
# scope: package
# title: What roles grant
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.roles

# METADATA
# title: Role grants everything of a kind
# description: >-
#   A wildcard for verbs or resources grants what nobody thought of, and what the next version of Kubernetes
#   adds.
# custom:
#   id: GATE-K8S-101
#   severity: high
#   fix: name the verbs and resources that are needed
#   frameworks: [CIS Kubernetes v1.8 5.1.3, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-101",
	"message": sprintf("%s: %s are *", [_name, field]),
	"path": sprintf("/rules/%d/%s", [index, field]),
} if {
	some index, granted in _rules
	some field in ["verbs", "resources"]
	"*" in _texts(granted, field)
}

# METADATA
# title: Role reads secrets of the whole cluster
# description: >-
#   Whoever reads all secrets is whoever they belong to. list and watch show their content as get does.
# custom:
#   id: GATE-K8S-102
#   severity: medium
#   fix: grant get on the secrets by resourceNames, in a Role of their namespace
#   frameworks: [CIS Kubernetes v1.8 5.1.2]
warn contains {
	"rule": "GATE-K8S-102",
	"message": sprintf("%s reads every secret", [_name]),
	"path": sprintf("/rules/%d", [index]),
} if {
	input.object.kind == "ClusterRole"
	some index, granted in _rules
	_covers(granted, "", "secrets")
	_may(granted, {"get", "list", "watch"})
	_texts(granted, "resourceNames") == set()
}

# METADATA
# title: Role creates workloads
# description: >-
#   Who creates pods takes the service accounts, secrets and nodes that pods may have.
# custom:
#   id: GATE-K8S-103
#   severity: low
#   fix: leave creating workloads to the deploying identity
#   frameworks: [CIS Kubernetes v1.8 5.1.4]
warn contains {
	"rule": "GATE-K8S-103",
	"message": sprintf("%s creates %s", [_name, resource]),
	"path": sprintf("/rules/%d", [index]),
} if {
	some index, granted in _rules
	some [group, resource] in _workloads
	_covers(granted, group, resource)
	_may(granted, {"create"})
	not "*" in _texts(granted, "resources")
}

# METADATA
# title: Role gives away more than it has
# description: >-
#   escalate, bind and impersonate turn a limited account into any other.
# custom:
#   id: GATE-K8S-104
#   severity: high
#   fix: remove the verb; let the cluster's administrators bind roles
#   frameworks: [CIS Kubernetes v1.8 5.1.8]
deny contains {
	"rule": "GATE-K8S-104",
	"message": sprintf("%s may %s", [_name, verb]),
	"path": sprintf("/rules/%d/verbs", [index]),
} if {
	some index, granted in _rules
	some verb in ["escalate", "bind", "impersonate"]
	verb in _texts(granted, "verbs")
}

# METADATA
# title: Role reaches the kubelets
# description: >-
#   nodes/proxy runs commands in every pod of a node, past admission and audit.
# custom:
#   id: GATE-K8S-109
#   severity: high
#   fix: remove nodes/proxy
#   frameworks: [CIS Kubernetes v1.8 5.1.10]
deny contains {
	"rule": "GATE-K8S-109",
	"message": sprintf("%s has nodes/proxy", [_name]),
	"path": sprintf("/rules/%d/resources", [index]),
} if {
	some index, granted in _rules
	"nodes/proxy" in _texts(granted, "resources")
}

# METADATA
# title: Role makes tokens of service accounts
# description: >-
#   Who makes tokens of an account is that account.
# custom:
#   id: GATE-K8S-110
#   severity: medium
#   fix: remove create on serviceaccounts/token, or name the account by resourceNames
#   frameworks: [CIS Kubernetes v1.8 5.1.13]
deny contains {
	"rule": "GATE-K8S-110",
	"message": sprintf("%s makes tokens of any service account", [_name]),
	"path": sprintf("/rules/%d/resources", [index]),
} if {
	some index, granted in _rules
	"serviceaccounts/token" in _texts(granted, "resources")
	_may(granted, {"create"})
	_texts(granted, "resourceNames") == set()
}

# METADATA
# title: Role approves certificates
# description: >-
#   Who approves certificate requests makes identities, of nodes among them.
# custom:
#   id: GATE-K8S-111
#   severity: medium
#   fix: leave approval to the cluster's own controllers
#   frameworks: [CIS Kubernetes v1.8 5.1.11]
warn contains {
	"rule": "GATE-K8S-111",
	"message": sprintf("%s approves certificate requests", [_name]),
	"path": sprintf("/rules/%d/resources", [index]),
} if {
	some index, granted in _rules
	"certificatesigningrequests/approval" in _texts(granted, "resources")
}

# METADATA
# title: Role changes admission
# description: >-
#   Who changes webhook configurations sees and alters every object, or switches the checks off.
# custom:
#   id: GATE-K8S-112
#   severity: medium
#   fix: leave admission to the cluster's administrators
#   frameworks: [CIS Kubernetes v1.8 5.1.12]
warn contains {
	"rule": "GATE-K8S-112",
	"message": sprintf("%s changes %s", [_name, resource]),
	"path": sprintf("/rules/%d", [index]),
} if {
	some index, granted in _rules
	some resource in ["validatingwebhookconfigurations", "mutatingwebhookconfigurations", "validatingadmissionpolicies", "validatingadmissionpolicybindings"]
	_covers(granted, "admissionregistration.k8s.io", resource)
	_may(granted, {"create", "update", "patch", "delete", "deletecollection"})
}

# METADATA
# title: Role enters running pods
# description: >-
#   exec, attach and port-forward reach into a pod with all its credentials.
# custom:
#   id: GATE-K8S-113
#   severity: medium
#   fix: grant it for a while to the person who needs it
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-113",
	"message": sprintf("%s has %s", [_name, resource]),
	"path": sprintf("/rules/%d/resources", [index]),
} if {
	some index, granted in _rules
	some resource in ["pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers"]
	resource in _texts(granted, "resources")
}

# METADATA
# title: Role creates persistent volumes
# description: >-
#   A persistent volume may be a path of the node, which pods may not mount themselves.
# custom:
#   id: GATE-K8S-114
#   severity: medium
#   fix: leave volumes to storage classes
#   frameworks: [CIS Kubernetes v1.8 5.1.9]
warn contains {
	"rule": "GATE-K8S-114",
	"message": sprintf("%s creates persistent volumes", [_name]),
	"path": sprintf("/rules/%d", [index]),
} if {
	some index, granted in _rules
	_covers(granted, "", "persistentvolumes")
	_may(granted, {"create"})
	not "*" in _texts(granted, "resources")
}

_is_role if {
	input.object.kind in ["Role", "ClusterRole"]
	startswith(input.object.apiVersion, "rbac.authorization.k8s.io/")
}

_rules := object.get(input.object, "rules", []) if {
	_is_role
} else := []

_name := sprintf("%s %q", [input.object.kind, object.get(input.object, ["metadata", "name"], "")])

_workloads := {
	["", "pods"], ["apps", "deployments"], ["apps", "daemonsets"], ["apps", "statefulsets"], ["apps", "replicasets"],
	["batch", "jobs"], ["batch", "cronjobs"], ["", "replicationcontrollers"],
}

# Whether a rule of a role is about a resource of a group; `*` is about all.
_covers(granted, group, resource) if {
	some given in _texts(granted, "apiGroups")
	given in [group, "*"]
	some named in _texts(granted, "resources")
	named in [resource, "*"]
}

_may(granted, verbs) if count(_texts(granted, "verbs") & (verbs | {"*"})) > 0

_texts(granted, field) := {text | some text in object.get(granted, field, [])}
