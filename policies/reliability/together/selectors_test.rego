package policy.kubernetes.reliability.together.selectors_test

import data.lib.builders as lib
import data.lib.kubernetes.together.builders
import data.policy.kubernetes.reliability.together.selectors

_ready := {"name": "a", "ports": [{"name": "http", "containerPort": 80}], "readinessProbe": {"httpGet": {"port": 80}}}

_web(kind) := builders.workload(kind, {}, {"containers": [_ready]})

test_a_service_and_a_budget_of_a_workload_pass_for_every_kind if {
	every kind in builders.kinds {
		objects := [_web(kind), builders.service({"ports": [{"targetPort": "http"}]}), builders.budget({})]
		_warned(objects) == set()
		_denied(objects) == set()
	}
}

test_a_service_that_selects_nothing_is_warned_of if {
	_warned([_web("Deployment"), builders.service({"selector": {"app": "other"}})]) == {"GATE-K8S-193"}
	elsewhere := object.union(_web("Deployment"), {"metadata": {"namespace": "test"}})
	_warned([elsewhere, builders.service({})]) == {"GATE-K8S-193"}
}

test_a_service_without_a_selector_passes if {
	every selector in [null, {}] {
		o := builders.other("Service", "v1", {"selector": selector})
		_warned([_web("Deployment"), o]) == set()
	}
}

test_where_no_workload_is_given_nothing_is_said if _warned([builders.service({}), builders.budget({})]) == set()

test_a_target_port_that_nothing_has_is_denied if {
	_denied([_web("Deployment"), builders.service({"ports": [{"targetPort": "https"}]})]) == {"GATE-K8S-194"}
}

test_a_target_port_by_number_passes if {
	every port in [8080, "8080", null] {
		_denied([_web("Deployment"), builders.service({"ports": [{"targetPort": port}, {}]})]) == set()
	}
	_denied([_web("Deployment"), builders.service({"ports": "80"})]) == set()
}

test_one_backend_that_has_the_port_is_enough if {
	second := object.union(
		builders.workload("Deployment", {}, {"containers": [object.remove(_ready, ["ports"])]}),
		{"metadata": {"name": "second"}},
	)
	_denied([second, _web("StatefulSet"), builders.service({"ports": [{"targetPort": "http"}]})]) == set()
	_denied([second, builders.service({"ports": [{"targetPort": "http"}]})]) == {"GATE-K8S-194"}
}

test_a_backend_that_nobody_asks_is_warned_of if {
	every probe in [{}, {"readinessProbe": null}, {"livenessProbe": {}}] {
		o := builders.workload("Deployment", {}, {"containers": [object.union({"name": "a"}, probe)]})
		_warned([o, builders.service({})]) == {"GATE-K8S-195"}
		_warned([o]) == set()
	}
	_warned([builders.workload("Deployment", {}, null), builders.service({})]) == {"GATE-K8S-195"}
}

test_a_backend_of_two_services_is_said_once if {
	o := builders.workload("Deployment", {}, {"containers": [{"name": "a"}]})
	second := object.union(builders.service({}), {"metadata": {"name": "second"}})
	v := lib.only(selectors.warn) with input as builders.given([o, builders.service({}), second])
	v.message == "Deployment/prod/web gets requests by Service/prod/second, Service/prod/web, and no container of it has a readinessProbe"
}

test_a_budget_that_protects_nothing_is_warned_of if {
	_warned([_web("Deployment"), builders.budget({"selector": {"matchLabels": {"app": "other"}}})]) == {"GATE-K8S-196"}
	_warned([_web("Deployment"), builders.other("PodDisruptionBudget", "policy/v1", {})]) == {"GATE-K8S-196"}
}

test_an_object_given_twice_is_warned_of if {
	_warned([_web("Deployment"), _web("Deployment")]) == {"GATE-K8S-197"}
	custom := {"apiVersion": "acme.example/v1", "kind": "A", "metadata": {"name": "a"}}
	_warned([custom, object.union(custom, {"apiVersion": "acme.example/v2"})]) == {"GATE-K8S-197"}
}

test_objects_that_differ_in_anything_pass if {
	o := {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}}
	every changes in [{"kind": "Secret"}, {"apiVersion": "acme/v1"}, {"metadata": {"name": "b"}}, {"metadata": {"namespace": "c"}}] {
		_warned([o, object.union(o, changes)]) == set()
	}
	generated := {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "a-"}}
	_warned([generated, generated]) == set()
}

test_odd_objects_stop_nothing if {
	odd := [{}, {"kind": 1}, {"kind": "Service"}, {"kind": "Service", "spec": {"selector": "a"}}, {"kind": "Pod", "metadata": 1}]
	_denied(array.concat(odd, [_web("Deployment"), builders.service({"ports": [{"targetPort": "https"}]})])) == {"GATE-K8S-194"}
}

_denied(objects) := rules if rules := lib.rules(selectors.deny) with input as builders.given(objects)

_warned(objects) := rules if rules := lib.rules(selectors.warn) with input as builders.given(objects)
