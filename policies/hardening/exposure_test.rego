package policy.kubernetes.exposure_test

import data.lib.kubernetes.builders
import data.policy.kubernetes.exposure

test_each_rule_about_services_fires if {
	_ids(_service({"type": "LoadBalancer"})) == {"GATE-K8S-117"}
	_ids(_service({"type": "LoadBalancer", "loadBalancerSourceRanges": []})) == {"GATE-K8S-117"}
	_ids(_service({"type": "NodePort"})) == {"GATE-K8S-118"}
	_ids(_service({"externalIPs": ["203.0.113.7"]})) == {"GATE-K8S-119"}
}

test_a_service_inside_the_cluster_passes if {
	_ids(_service({})) == set()
	_ids(_service({"type": "ClusterIP", "externalIPs": []})) == set()
	_ids(_service({"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8"]})) == set()
}

test_an_internal_load_balancer_passes if {
	every name in [
		"service.beta.kubernetes.io/aws-load-balancer-internal", "networking.gke.io/load-balancer-type",
		"service.beta.kubernetes.io/azure-load-balancer-internal",
	] {
		o := object.union(_service({"type": "LoadBalancer"}), {"metadata": {"annotations": {name: "Internal"}}})
		_ids(o) == set()
	}
	external := {"metadata": {"annotations": {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internet-facing"}}}
	_ids(object.union(_service({"type": "LoadBalancer"}), external)) == {"GATE-K8S-117"}
}

test_each_rule_about_ingresses_fires if {
	tls := {"tls": [{"hosts": ["a.example"]}], "rules": [{"host": "a.example"}]}
	_ids(_ingress(tls, {})) == set()
	_ids(_ingress(object.remove(tls, ["tls"]), {})) == {"GATE-K8S-120"}
	_ids(_ingress(object.union(tls, {"rules": [{}]}), {})) == {"GATE-K8S-121"}
	_ids(_ingress(object.union(tls, {"rules": [{"host": "*.example"}]}), {})) == {"GATE-K8S-121"}
	_ids(_ingress(tls, {"nginx.ingress.kubernetes.io/server-snippet": "x"})) == {"GATE-K8S-122"}
	_ids(_ingress(tls, {"nginx.ingress.kubernetes.io/rewrite-target": "/"})) == set()
}

test_a_network_policy_that_allows_everything_is_told_for_each_direction if {
	_ids(_policy({"ingress": [{}]})) == {"GATE-K8S-123"}
	_ids(_policy({"egress": [{"to": []}]})) == {"GATE-K8S-123"}
	_ids(_policy({"ingress": []})) == set()
	_ids(_policy({"ingress": [{"from": [{"podSelector": {}}]}], "egress": [{"ports": [{"port": 53}]}]})) == set()
}

test_other_kinds_pass if _ids(builders.pod({"type": "NodePort"})) == set()

_service(spec) := {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": spec}

_ingress(spec, annotations) := {
	"apiVersion": "networking.k8s.io/v1",
	"kind": "Ingress",
	"metadata": {"name": "x", "annotations": annotations},
	"spec": spec,
}

_policy(spec) := {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "x"}, "spec": spec}

_ids(o) := ids if {
	ids := {v.rule | some v in exposure.deny | exposure.warn} with input as builders.judged(o, {})
}
