package lib.kubernetes.together_test

import data.lib.kubernetes.together
import data.lib.kubernetes.together.builders

_web := builders.workload("Deployment", {}, {"containers": [{"name": "a"}]})

test_a_selector_selects_as_kubernetes_does if {
	every selector, expected in {
		{}: 1,
		{"matchLabels": {"app": "web"}}: 1,
		{"matchLabels": {"app": "web", "tier": "front"}}: 1,
		{"matchLabels": {"app": "web", "tier": "back"}}: 0,
		{"matchLabels": {"absent": "x"}}: 0,
		{"matchExpressions": [{"key": "app", "operator": "In", "values": ["api", "web"]}]}: 1,
		{"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}: 0,
		{"matchExpressions": [{"key": "absent", "operator": "NotIn", "values": ["web"]}]}: 1,
		{"matchExpressions": [{"key": "app", "operator": "Exists"}]}: 1,
		{"matchExpressions": [{"key": "absent", "operator": "Exists"}]}: 0,
		{"matchExpressions": [{"key": "absent", "operator": "DoesNotExist"}]}: 1,
		{"matchExpressions": [{"key": "app", "operator": "Unknown"}]}: 0,
		{"matchExpressions": [{}]}: 0,
		{"matchExpressions": "app"}: 1,
		{"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}: 0,
	} {
		found := together.selected(selector, "prod") with input as builders.given([_web])
		count(found) == expected
	}
}

test_what_is_no_selector_selects_nothing if {
	every selector in [null, "app=web", [], 1] {
		found := together.selected(selector, "prod") with input as builders.given([_web])
		found == []
	}
}

test_no_labels_run_nothing if {
	found := together.running({}, "prod") with input as builders.given([_web])
	found == []
}

test_another_namespace_is_not_searched if {
	found := together.running({"app": "web"}, "test") with input as builders.given([_web])
	found == []
}

test_a_pod_has_labels_of_its_own if {
	pod := {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"app": "web"}, "name": "a"}}
	found := together.running({"app": "web"}, "") with input as builders.given([pod])
	found == [pod]
}

test_custom_resources_are_not_kubernetes_own if {
	o := object.union(_web, {"apiVersion": "acme.example/v1"})
	found := together.of("Deployment") with input as builders.given([o])
	found == []
}

test_init_containers_that_stay_are_containers if {
	pod := {"containers": [{"name": "a"}], "initContainers": [{"name": "b"}, {"name": "c", "restartPolicy": "Always"}]}
	[c.name | some c in together.containers(builders.workload("Deployment", {}, pod))] == ["a", "c"]
}

test_odd_objects_are_stepped_over if {
	odd := [{}, {"kind": 1}, {"kind": "Deployment"}, {"kind": "Deployment", "apiVersion": 1, "metadata": "a", "spec": []}]
	found := together.of("Deployment") with input as builders.given(array.concat(odd, [_web]))
	count(found) == 3
	every o in found {
		is_object(together.pod_labels(o))
		is_string(together.label(o))
		is_array(together.containers(o))
	}
}

test_what_has_another_type_is_nothing if {
	together.replicas({"spec": {"replicas": "3"}}) == null
	together.label({"kind": "Service", "metadata": {"namespace": 7, "name": ["a"]}}) == "Service"
	together.containers({"kind": "Pod", "spec": {"containers": {"a": {}}, "initContainers": "a"}}) == []
}
