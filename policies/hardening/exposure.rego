# METADATA
# scope: package
# title: What is reachable, and by whom
# custom:
#   scope: object
#   points: [ci, admission, background]
#   kinds: [workloads, Service, Ingress.networking.k8s.io, NetworkPolicy.networking.k8s.io]
package policy.kubernetes.exposure

import data.lib.kubernetes.kinds
import data.lib.kubernetes.pods
import data.lib.settings

# METADATA
# title: Load balancer open to the world
# description: >-
#   Without source ranges, or with one that covers every address, anybody may connect. A load balancer that an
#   annotation of settings.kubernetes.internal_load_balancers keeps off the internet is not meant.
# custom:
#   id: GATE-K8S-117
#   severity: medium
#   fix: set loadBalancerSourceRanges, or make the load balancer internal
#   docs: https://kubernetes.io/docs/concepts/services-networking/service/
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-117",
	"message": "the load balancer takes connections from every address",
	"path": "/spec/type",
} if {
	_service.type == "LoadBalancer"
	not _has_ranges
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
#   docs: https://kubernetes.io/docs/concepts/services-networking/service/
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
#   docs: https://kubernetes.io/docs/concepts/services-networking/service/
#   frameworks: [CVE-2020-8554]
deny contains {
	"rule": "GATE-K8S-119",
	"message": "the service claims external addresses",
	"path": "/spec/externalIPs",
} if {
	addresses := object.get(_service, "externalIPs", null)
	not addresses in [[], null]
}

# METADATA
# title: Ingress without TLS
# description: >-
#   What it carries, sessions among it, can be read and changed on the way: there is no spec.tls, or it covers other
#   hosts. Controllers that end TLS by an annotation of settings.kubernetes.tls_annotations are not meant.
# custom:
#   id: GATE-K8S-120
#   severity: medium
#   fix: add spec.tls with a secret for each host
#   docs: https://kubernetes.io/docs/concepts/services-networking/ingress/
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains object.union({"rule": "GATE-K8S-120"}, plain) if some plain in _plain

# METADATA
# title: Ingress for any host
# description: >-
#   A rule without a host, or with a wildcard, and a default backend beside no rule answer for names that nobody gave
#   them.
# custom:
#   id: GATE-K8S-121
#   severity: low
#   fix: name the hosts
#   docs: https://kubernetes.io/docs/concepts/services-networking/ingress/
#   frameworks: []
warn contains object.union({"rule": "GATE-K8S-121"}, any) if some any in _for_any

# METADATA
# title: Ingress carries configuration of its controller
# description: >-
#   Snippets run in the controller, which reads the secrets of every namespace (CVE-2021-25742).
# custom:
#   id: GATE-K8S-122
#   severity: high
#   fix: remove the snippet annotation
#   docs: https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/
#   frameworks: [CVE-2021-25742]
deny contains {
	"rule": "GATE-K8S-122",
	"message": sprintf("annotation %s", [name]),
	"path": pods.pointer({"path": []}, ["metadata", "annotations", name]),
} if {
	_is_ingress
	some name, _ in _annotations
	regex.match(`-snippets?$`, name)
}

# METADATA
# title: Network policy that allows everything
# description: >-
#   A rule without peers, or for every address, and without ports allows all, so the policy protects nothing in that
#   direction.
# custom:
#   id: GATE-K8S-123
#   severity: medium
#   fix: name peers or ports
#   docs: https://kubernetes.io/docs/concepts/services-networking/network-policies/
#   frameworks: [CIS Kubernetes v1.8 5.3.2]
warn contains {
	"rule": "GATE-K8S-123",
	"message": sprintf("%s rule %d allows everything", [direction, index]),
	"path": sprintf("/spec/%s/%d", [direction, index]),
} if {
	input.object.kind == "NetworkPolicy"
	kinds.is_of(["networking.k8s.io", "extensions"])
	some direction, peers in {"ingress": "from", "egress": "to"}
	some index, rule in object.get(input.object, ["spec", direction], null)
	is_object(rule)
	_is_everybody(object.get(rule, peers, null))
	object.get(rule, "ports", null) in [[], null]
}

_service := spec if {
	input.object.kind == "Service"
	kinds.is_of([])
	spec := object.get(input.object, "spec", null)
	is_object(spec)
}

_has_ranges if {
	ranges := object.get(_service, "loadBalancerSourceRanges", null)
	is_array(ranges)
	count(ranges) > 0
	every range in ranges {
		not _is_everywhere(range)
	}
}

# The older spelling, which providers still read.
_has_ranges if {
	object.get(_service, "loadBalancerSourceRanges", null) in [[], null]
	text := object.get(_annotations, "service.beta.kubernetes.io/load-balancer-source-ranges", null)
	is_string(text)
	trim_space(text) != ""
	every range in split(text, ",") {
		not _is_everywhere(range)
	}
}

# Written with or without zeros in front: 0.0.0.0/0, 00.0.0.0/0, ::/0, 0:0::/0.
_is_everywhere(range) if {
	is_string(range)
	regex.match(`/0+\s*$`, range)
}

# Two halves of all addresses are all of them.
_is_everywhere(range) if {
	is_string(range)
	regex.match(`^\s*(0\.0\.0\.0|128\.0\.0\.0|::|8000::)/1\s*$`, range)
}

_is_everybody(peers) if peers in [[], null]

_is_everybody(peers) if {
	some peer in peers
	is_object(peer)
	_is_everywhere(object.get(peer, ["ipBlock", "cidr"], null))
	object.get(peer, ["ipBlock", "except"], null) in [[], null]
}

_is_internal if {
	some entry in settings.list("kubernetes.internal_load_balancers")
	is_string(entry)
	[name, expected] := split(entry, "=")
	value := object.get(_annotations, name, null)
	is_string(value)
	lower(value) == lower(expected)
}

_has_tls_annotation if {
	some name in settings.list("kubernetes.tls_annotations")
	not object.get(_annotations, name, null) in ["", null]
}

_annotations := given if {
	given := object.get(input.object, ["metadata", "annotations"], null)
	is_object(given)
} else := {}

_is_ingress if {
	input.object.kind == "Ingress"
	kinds.is_of(["networking.k8s.io", "extensions"])
}

_tls := given if {
	given := object.get(input.object, ["spec", "tls"], null)
	is_array(given)
} else := []

_plain contains {"message": "the ingress has no TLS", "path": "/spec"} if {
	_is_ingress
	_tls == []
	not _has_tls_annotation
}

_plain contains {"message": sprintf("no TLS for the host %s", [host]), "path": sprintf("/spec/rules/%d", [index])} if {
	_is_ingress
	_tls != []
	some index, rule in _rules
	host := object.get(rule, "host", null)
	_is_name(host)
	not _has_tls(host)
	not _has_tls_annotation
}

_rules[index] := rule if {
	some index, rule in object.get(input.object, ["spec", "rules"], null)
	is_object(rule)
}

# Without hosts it is for whatever host the rules name.
_has_tls(_) if {
	some one in _tls
	is_object(one)
	object.get(one, "hosts", null) in [[], null]
}

_has_tls(host) if {
	some one in _tls
	is_object(one)
	some covered in object.get(one, "hosts", null)
	is_string(covered)
	_covers(covered, host)
}

_covers(covered, host) if lower(covered) == lower(host)

# A wildcard is for one label: *.example covers a.example, not a.b.example.
_covers(covered, host) if {
	startswith(covered, "*.")
	labels := split(lower(host), ".")
	concat(".", array.slice(labels, 1, count(labels))) == lower(substring(covered, 2, -1))
}

_for_any contains {
	"message": sprintf("rule %d answers for %s", [index, _shown(host)]),
	"path": sprintf("/spec/rules/%d", [index]),
} if {
	_is_ingress
	some index, rule in _rules
	host := object.get(rule, "host", null)
	not _is_name(host)
}

_for_any contains {"message": "the default backend answers for any host", "path": sprintf("/spec/%s", [field])} if {
	_is_ingress
	object.get(input.object, ["spec", "rules"], null) in [[], null]
	some field in ["defaultBackend", "backend"]
	object.get(input.object, ["spec", field], null) != null
}

_is_name(host) if {
	is_string(host)
	host != ""
	not startswith(host, "*")
}

_shown(host) := sprintf("%q", [host]) if {
	is_string(host)
	host != ""
} else := "any host"
