# METADATA
# scope: package
# title: Ways in and out beside Ingress
# custom:
#   scope: object
#   points: [ci, admission, background]
#   kinds: [Service, Gateway.gateway.networking.k8s.io, ReferenceGrant.gateway.networking.k8s.io]
package policy.kubernetes.gateways

import data.lib.kubernetes.kinds
import data.lib.kubernetes.pods

# METADATA
# title: Service that is another name
# description: >-
#   ExternalName leads wherever DNS says, also into other namespaces and to addresses inside, past network policies
#   about pods.
# custom:
#   id: GATE-K8S-210
#   severity: low
#   fix: call the name itself, or make a Service with the addresses that are meant
#   docs: https://kubernetes.io/docs/concepts/services-networking/service/
#   frameworks: [CVE-2021-25740]
warn contains {
	"rule": "GATE-K8S-210",
	"message": sprintf("the service leads to the name %v", [object.get(input.object, ["spec", "externalName"], null)]),
	"path": "/spec/type",
} if {
	input.object.kind == "Service"
	kinds.is_of([])
	input.object.spec.type == "ExternalName"
}

# METADATA
# title: Gateway without TLS
# description: No listener of the gateway speaks HTTPS or TLS, so what it carries can be read and changed on the way.
# custom:
#   id: GATE-K8S-211
#   severity: medium
#   fix: add a listener of the protocol HTTPS, and let the one of HTTP redirect to it
#   docs: https://gateway-api.sigs.k8s.io/guides/tls/
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-211",
	"message": "no listener of the gateway has TLS",
	"path": pods.pointer(_gateway, ["spec", "listeners"]),
} if {
	every listener in pods.elements(_gateway, ["spec", "listeners"]) {
		not pods.at(listener, ["protocol"]) in ["HTTPS", "TLS"]
	}
}

# METADATA
# title: Gateway that every namespace may use
# description: A listener takes routes from all namespaces, so each of them can answer for its hosts.
# custom:
#   id: GATE-K8S-212
#   severity: low
#   fix: set allowedRoutes.namespaces.from to Selector, with the namespaces that are meant
#   docs: https://gateway-api.sigs.k8s.io/concepts/security-model/
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-212",
	"message": sprintf("the listener %v takes routes from all namespaces", [pods.at(listener, ["name"])]),
	"path": pods.pointer(listener, ["allowedRoutes", "namespaces", "from"]),
} if {
	some listener in pods.elements(_gateway, ["spec", "listeners"])
	pods.at(listener, ["allowedRoutes", "namespaces", "from"]) == "All"
}

# METADATA
# title: All secrets lent to another namespace
# description: A ReferenceGrant for secrets without a name lends every secret of its namespace.
# custom:
#   id: GATE-K8S-213
#   severity: medium
#   fix: name the secret in spec.to
#   docs: https://gateway-api.sigs.k8s.io/api-types/referencegrant/
#   frameworks: []
deny contains {
	"rule": "GATE-K8S-213",
	"message": "the grant is for every secret of the namespace",
	"path": pods.pointer(lent, []),
} if {
	input.object.kind == "ReferenceGrant"
	kinds.is_of(["gateway.networking.k8s.io"])
	some lent in pods.elements(_root, ["spec", "to"])
	pods.at(lent, ["kind"]) == "Secret"
	pods.at(lent, ["name"]) in ["", null]
}

_gateway := _root if {
	input.object.kind == "Gateway"
	kinds.is_of(["gateway.networking.k8s.io"])
}

_root := {"label": "the object", "path": [], "value": input.object}
