# METADATA
# scope: package
# title: Roles that reach further than they say
# custom:
#   scope: object
#   points: [ci, admission, background]
#   kinds: [ClusterRole.rbac.authorization.k8s.io, Role.rbac.authorization.k8s.io]
package policy.kubernetes.escalation

import data.lib.kubernetes.grants
import data.lib.kubernetes.kinds

# METADATA
# title: Role changes namespaces
# description: >-
#   The labels of a namespace say which Pod Security level, network policies and webhooks hold in it; who may change
#   them switches the checks off.
# custom:
#   id: GATE-K8S-206
#   severity: medium
#   fix: leave namespaces to the cluster's administrators, or name them by resourceNames
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-206",
	"message": sprintf("%s changes namespaces", [kinds.label(input.object)]),
	"path": sprintf("/rules/%d", [index]),
} if {
	input.object.kind == "ClusterRole"
	some [index, granted] in grants.all
	grants.covers(granted, "", "namespaces")
	grants.may(granted, {"update", "patch"})
	grants.is_for_all(granted)
}

# METADATA
# title: Role changes where Services lead
# description: >-
#   Endpoints and EndpointSlices may hold any address, so who writes them sends the traffic of a Service, or of a
#   load balancer, past network policies into other namespaces (CVE-2021-25740).
# custom:
#   id: GATE-K8S-207
#   severity: medium
#   fix: remove the verbs; the cluster's own controller keeps endpoints
#   docs: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
#   frameworks: [CVE-2021-25740]
warn contains {
	"rule": "GATE-K8S-207",
	"message": sprintf("%s writes %s", [kinds.label(input.object), resource]),
	"path": sprintf("/rules/%d", [index]),
} if {
	some [index, granted] in grants.all
	some [group, resource] in [["", "endpoints"], ["discovery.k8s.io", "endpointslices"]]
	grants.covers(granted, group, resource)
	grants.may(granted, {"create", "update", "patch"})
	grants.is_for_all(granted)
}

# METADATA
# title: Everybody who may look may do more
# description: >-
#   The role is added to the role view of the whole cluster, which is given away lightly, and writes something or
#   reads secrets.
# custom:
#   id: GATE-K8S-208
#   severity: high
#   fix: grant get, list and watch of things without secrets only, and add the rest to edit or admin
#   docs: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
#   frameworks: [CIS Kubernetes v1.8 5.1.8]
deny contains {
	"rule": "GATE-K8S-208",
	"message": sprintf("%s adds to view more than viewing", [kinds.label(input.object)]),
	"path": sprintf("/rules/%d", [index]),
} if {
	input.object.kind == "ClusterRole"
	object.get(input.object, ["metadata", "labels", "rbac.authorization.k8s.io/aggregate-to-view"], null) in ["true", true]
	some [index, granted] in grants.all
	_is_more_than_viewing(granted)
}

_is_more_than_viewing(granted) if count(grants.texts(granted, "verbs") - {"get", "list", "watch"}) > 0

_is_more_than_viewing(granted) if grants.covers(granted, "", "secrets")

_is_more_than_viewing(granted) if "*" in grants.texts(granted, "resources")
