package policy.kubernetes.gateways_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.gateways

test_a_service_that_is_another_name_is_warned_of if {
	service := {"apiVersion": "v1", "kind": "Service", "spec": {"type": "ExternalName", "externalName": "a.example"}}
	_ids(service) == {"GATE-K8S-210"}
	_ids(object.union(service, {"spec": {"type": "ClusterIP"}})) == set()
	_ids(object.union(service, {"apiVersion": "serving.knative.dev/v1"})) == set()
}

test_a_gateway_without_tls_is_warned_of if {
	every listeners in [[_listener({})], [_listener({"protocol": null})], [], null] {
		_ids(_gateway(listeners)) == {"GATE-K8S-211"}
	}
	_ids(object.remove(_gateway([]), ["spec"])) == {"GATE-K8S-211"}
}

test_a_gateway_with_tls_beside_its_redirect_passes if {
	every protocol in ["HTTPS", "TLS"] {
		_ids(_gateway([_listener({}), _listener({"protocol": protocol})])) == set()
	}
}

test_a_listener_for_all_namespaces_is_warned_of if {
	all := _listener({"protocol": "HTTPS", "allowedRoutes": {"namespaces": {"from": "All"}}})
	v := lib.only(gateways.warn) with input as builders.judged(_gateway([_listener({}), all]), {})
	[v.rule, v.path] == ["GATE-K8S-212", "/spec/listeners/1/allowedRoutes/namespaces/from"]
}

test_a_gateway_of_istio_is_another_kind if {
	_ids(object.union(_gateway([]), {"apiVersion": "networking.istio.io/v1"})) == set()
}

test_a_grant_of_every_secret_is_denied if {
	every lent in [{"kind": "Secret"}, {"kind": "Secret", "name": ""}, {"group": "", "kind": "Secret", "name": null}] {
		_ids(_grant([lent])) == {"GATE-K8S-213"}
	}
}

test_a_grant_of_one_secret_or_of_services_passes if {
	_ids(_grant([{"kind": "Secret", "name": "tls"}, {"kind": "Service"}])) == set()
	_ids(_grant([])) == set()
}

test_other_kinds_pass if _ids(builders.pod({})) == set()

_listener(changes) := object.union({"name": "web", "protocol": "HTTP", "port": 80}, changes)

_gateway(listeners) := {
	"apiVersion": "gateway.networking.k8s.io/v1",
	"kind": "Gateway",
	"metadata": {"name": "x"},
	"spec": {"listeners": listeners},
}

_grant(to) := {"apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant", "spec": {"from": [], "to": to}}

_ids(o) := ids if {
	ids := {v.rule | some v in gateways.deny | gateways.warn} with input as builders.judged(o, {})
}
