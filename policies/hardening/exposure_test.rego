package policy.kubernetes.exposure_test

import data.lib.builders as lib
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
	every name, value in {
		"service.beta.kubernetes.io/aws-load-balancer-internal": "true",
		"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
		"networking.gke.io/load-balancer-type": "internal",
		"service.beta.kubernetes.io/azure-load-balancer-internal": "true",
	} {
		_ids(_annotated({name: value})) == set()
	}
}

test_an_annotation_that_only_looks_internal_does_not_help if {
	every name, value in {
		"service.beta.kubernetes.io/aws-load-balancer-scheme": "internet-facing",
		"service.beta.kubernetes.io/aws-load-balancer-type": "nlb",
		"service.beta.kubernetes.io/aws-load-balancer-internal": "false",
		"networking.gke.io/load-balancer-type": "External",
		"acme.example/internal": "true",
	} {
		_ids(_annotated({name: value})) == {"GATE-K8S-117"}
	}
	_ids(_annotated({"service.beta.kubernetes.io/azure-load-balancer-internal": true})) == {"GATE-K8S-117"}
}

test_without_the_setting_no_load_balancer_is_internal if {
	o := _annotated({"networking.gke.io/load-balancer-type": "Internal"})
	every value in [null, "x", []] {
		ids := {v.rule | some v in exposure.warn} with input as builders.judged(o, {"kubernetes": {"internal_load_balancers": value}})
		ids == {"GATE-K8S-117"}
	}
}

test_ranges_that_hold_every_address_are_none if {
	every ranges in [
		["0.0.0.0/0"], ["::/0"], ["10.0.0.0/8", "0.0.0.0/0"], ["0.0.0.0/1", "128.0.0.0/1"], [" 0.0.0.0/00 "],
		"10.0.0.0/8", {"a": "10.0.0.0/8"},
	] {
		_ids(_service({"type": "LoadBalancer", "loadBalancerSourceRanges": ranges})) == {"GATE-K8S-117"}
	}
	_ids(_annotated({"service.beta.kubernetes.io/load-balancer-source-ranges": "10.0.0.0/8, 0.0.0.0/0"})) == {"GATE-K8S-117"}
	_ids(_annotated({"service.beta.kubernetes.io/load-balancer-source-ranges": "10.0.0.0/8,192.0.2.0/24"})) == set()
}

test_a_service_of_knative_is_another_kind if {
	_ids({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "spec": {"type": "NodePort"}}) == set()
}

test_a_service_without_a_readable_version_is_still_one if {
	every version in [null, 1, "v2", ""] {
		_ids(object.union(_service({"type": "NodePort"}), {"apiVersion": version})) == {"GATE-K8S-118"}
	}
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

test_a_snippet_of_either_controller_is_denied_where_it_stands if {
	every name in ["nginx.org/server-snippets", "nginx.ingress.kubernetes.io/configuration-snippet"] {
		o := _ingress({"tls": [{}], "rules": [{"host": "a.example"}]}, {name: "x"})
		v := lib.only(exposure.deny) with input as builders.judged(o, {})
		v.path == concat("", ["/metadata/annotations/", replace(name, "/", "~1")])
	}
}

test_an_ingress_that_says_nothing_has_no_tls_and_any_host if {
	every spec in [null, {}, {"tls": null}, {"tls": []}] {
		_ids(_ingress(spec, {})) == {"GATE-K8S-120"}
	}
	_ids(_ingress({"defaultBackend": {"service": {"name": "a"}}}, {})) == {"GATE-K8S-120", "GATE-K8S-121"}
	_ids(object.remove(_ingress({}, {}), ["spec"])) == {"GATE-K8S-120"}
}

test_tls_for_another_host_is_told if {
	rules := [{"host": "a.example"}, {"host": "b.example"}]
	o := _ingress({"tls": [{"hosts": ["a.example"]}], "rules": rules}, {})
	v := lib.only(exposure.warn) with input as builders.judged(o, {})
	[v.rule, v.path] == ["GATE-K8S-120", "/spec/rules/1"]
	_ids(_ingress({"tls": [{"hosts": ["A.example", "*.example"]}], "rules": rules}, {})) == set()
	_ids(_ingress({"tls": [{}], "rules": rules}, {})) == set()
	_ids(_ingress({"tls": [{"hosts": ["*.example"]}], "rules": [{"host": "a.b.example"}]}, {})) == {"GATE-K8S-120"}
}

test_an_ingress_whose_controller_ends_tls_passes if {
	rules := [{"host": "a.example"}]
	_ids(_ingress({"rules": rules}, {"alb.ingress.kubernetes.io/certificate-arn": "arn:x"})) == set()
	_ids(_ingress({"rules": rules}, {"alb.ingress.kubernetes.io/certificate-arn": ""})) == {"GATE-K8S-120"}
}

test_a_network_policy_that_allows_everything_is_told_for_each_direction if {
	_ids(_policy({"ingress": [{}]})) == {"GATE-K8S-123"}
	_ids(_policy({"egress": [{"to": []}]})) == {"GATE-K8S-123"}
	_ids(_policy({"egress": [{"to": null, "ports": null}]})) == {"GATE-K8S-123"}
	_ids(_policy({"ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]})) == {"GATE-K8S-123"}
	_ids(_policy({"ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}]})) == set()
	_ids(_policy({"ingress": []})) == set()
	_ids(_policy({"ingress": [{"from": [{"podSelector": {}}]}], "egress": [{"ports": [{"port": 53}]}]})) == set()
}

test_a_network_policy_of_calico_is_another_kind if {
	_ids(object.union(_policy({"ingress": [{"action": "Deny"}]}), {"apiVersion": "crd.projectcalico.org/v1"})) == set()
}

test_other_kinds_pass if _ids(builders.pod({"type": "NodePort"})) == set()

_annotated(annotations) := object.union(_service({"type": "LoadBalancer"}), {"metadata": {"annotations": annotations}})

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
