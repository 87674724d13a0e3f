# METADATA
# scope: package
# title: What is reachable, and by whom
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.exposure

# METADATA
# title: Load balancer open to the world
# description: >-
#   Without source ranges, and without an annotation that makes it internal, every address may connect.
# custom:
#   id: GATE-K8S-117
#   severity: medium
#   fix: set loadBalancerSourceRanges, or make the load balancer internal
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-117",
	"message": "the load balancer takes connections from every address",
	"path": "/spec/type",
} if {
	_service.type == "LoadBalancer"
	object.get(_service, "loadBalancerSourceRanges", []) in [[], null]
	not _is_internal
}

# METADATA
# title: Service on a port of every node
# description: >-
#   A node port is reachable wherever a node is, past Ingress and its TLS.
# custom:
#   id: GATE-K8S-118
#   severity: low
#   fix: use ClusterIP behind an Ingress or Gateway
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-118",
	"message": "the service listens on every node",
	"path": "/spec/type",
} if {
	_service.type == "NodePort"
}

# METADATA
# title: Service takes addresses of others
# description: >-
#   externalIPs reroutes traffic to any address, also to one that is not the service's (CVE-2020-8554).
# custom:
#   id: GATE-K8S-119
#   severity: high
#   fix: remove externalIPs
#   frameworks: [CVE-2020-8554]
deny contains {
	"rule": "GATE-K8S-119",
	"message": "the service claims external addresses",
	"path": "/spec/externalIPs",
} if {
	count(object.get(_service, "externalIPs", [])) > 0
}

# METADATA
# title: Ingress without TLS
# description: >-
#   What it carries, sessions among it, can be read and changed on the way.
# custom:
#   id: GATE-K8S-120
#   severity: medium
#   fix: add spec.tls with a secret for each host
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-120",
	"message": "the ingress has no TLS",
	"path": "/spec",
} if {
	_is_ingress
	object.get(input.object, ["spec", "tls"], []) in [[], null]
}

# METADATA
# title: Ingress for any host
# description: >-
#   A rule without a host, or with a wildcard, answers for names that nobody gave it.
# custom:
#   id: GATE-K8S-121
#   severity: low
#   fix: name the hosts
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-121",
	"message": sprintf("rule %d answers for %s", [index, _shown(host)]),
	"path": sprintf("/spec/rules/%d", [index]),
} if {
	_is_ingress
	some index, rule in object.get(input.object, ["spec", "rules"], [])
	host := object.get(rule, "host", "")
	_is_any(host)
}

# METADATA
# title: Ingress carries configuration of its controller
# description: >-
#   Snippets run in the controller, which reads the secrets of every namespace (CVE-2021-25742).
# custom:
#   id: GATE-K8S-122
#   severity: high
#   fix: remove the snippet annotation
#   frameworks: [CVE-2021-25742]
deny contains {
	"rule": "GATE-K8S-122",
	"message": sprintf("annotation %s", [name]),
	"path": "/metadata/annotations",
} if {
	_is_ingress
	some name, _ in object.get(input.object, ["metadata", "annotations"], {})
	endswith(name, "-snippet")
}

# METADATA
# title: Network policy that allows everything
# description: >-
#   An empty rule allows all peers on all ports, so the policy protects nothing in that direction.
# custom:
#   id: GATE-K8S-123
#   severity: medium
#   fix: name peers and ports
#   frameworks: [CIS Kubernetes v1.8 5.3.2]
warn contains {
	"rule": "GATE-K8S-123",
	"message": sprintf("%s rule %d allows everything", [direction, index]),
	"path": sprintf("/spec/%s/%d", [direction, index]),
} if {
	input.object.kind == "NetworkPolicy"
	some direction, peers in {"ingress": "from", "egress": "to"}
	some index, rule in object.get(input.object, ["spec", direction], [])
	object.get(rule, peers, []) in [[], null]
	object.get(rule, "ports", []) in [[], null]
}

_service := object.get(input.object, "spec", {}) if {
	input.object.kind == "Service"
	input.object.apiVersion == "v1"
} else := {}

# How the large providers spell "internal".
_is_internal if {
	some name, value in object.get(input.object, ["metadata", "annotations"], {})
	regex.match(`(?i)(internal|load-balancer-scheme|load-balancer-type|loadbalancer-type)`, name)
	not lower(value) in ["false", "external", "internet-facing", ""]
}

_is_ingress if {
	input.object.kind == "Ingress"
	input.object.apiVersion in ["networking.k8s.io/v1", "networking.k8s.io/v1beta1", "extensions/v1beta1"]
}

_is_any("")

_is_any(null)

_is_any(host) if startswith(host, "*")

_shown(host) := sprintf("%q", [host]) if {
	is_string(host)
	host != ""
} else := "any host"
