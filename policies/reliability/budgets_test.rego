package policy.kubernetes.reliability.budgets_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.reliability.budgets

test_good_ones_pass if {
	every o in [_budget({"maxUnavailable": 1}), _budget({"minAvailable": "50%"}), _scaler({"maxReplicas": 3})] {
		_warned(o) == set()
		_denied(o) == set()
	}
}

test_a_budget_that_allows_no_eviction_is_warned_of if {
	every changes in [{"maxUnavailable": 0}, {"maxUnavailable": "0%"}, {"minAvailable": "100%"}] {
		_warned(_budget(changes)) == {"GATE-K8S-176"}
	}
	every changes in [{"maxUnavailable": "1%"}, {"minAvailable": "99%"}, {"minAvailable": 100}, {"minAvailable": 0}] {
		_warned(_budget(changes)) == set()
	}
}

test_a_budget_with_two_numbers_is_denied if {
	_denied(_budget({"minAvailable": 1, "maxUnavailable": 1})) == {"GATE-K8S-177"}
	_denied(_budget({"minAvailable": 1, "maxUnavailable": null})) == set()
}

test_a_budget_for_every_pod_or_for_none_is_warned_of if {
	every selector in [null, {}, {"matchLabels": {}}, {"matchExpressions": [], "matchLabels": null}] {
		_warned({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "spec": {"selector": selector}}) == {"GATE-K8S-178"}
	}
	_warned({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget"}) == {"GATE-K8S-178"}
	expressed := {"matchExpressions": [{"key": "app", "operator": "Exists"}]}
	_warned({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "spec": {"selector": expressed}}) == set()
}

test_an_autoscaler_with_impossible_bounds_is_denied if {
	every changes in [{}, {"maxReplicas": null}, {"minReplicas": 4, "maxReplicas": 3}, {"maxReplicas": 0}] {
		_denied(_scaler(changes)) == {"GATE-K8S-179"}
	}
	_denied(_scaler({"minReplicas": 3, "maxReplicas": 3})) == set()
}

test_an_autoscaler_that_cannot_scale_is_warned_of if {
	_warned(_scaler({"minReplicas": 3, "maxReplicas": 3})) == {"GATE-K8S-180"}
	_warned(_scaler({"maxReplicas": 1})) == {"GATE-K8S-180"}
	_warned(_scaler({"minReplicas": 2, "maxReplicas": 3})) == set()
}

test_other_kinds_are_not_judged if {
	spec := {"maxUnavailable": 0, "minAvailable": "100%", "minReplicas": 2, "maxReplicas": 2, "selector": {}}
	every o in [
		{"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec},
		{"apiVersion": "acme.example/v1", "kind": "PodDisruptionBudget", "spec": spec},
		{"apiVersion": "acme.example/v1", "kind": "HorizontalPodAutoscaler", "spec": spec},
	] {
		_warned(o) == set()
		_denied(o) == set()
	}
}

test_bounds_of_another_type_are_left_to_the_rule_about_shapes if {
	_denied(_scaler({"minReplicas": "4", "maxReplicas": 3})) == set()
	_denied(_scaler({"minReplicas": [], "maxReplicas": "3"})) == set()
}

_budget(changes) := {
	"apiVersion": "policy/v1",
	"kind": "PodDisruptionBudget",
	"spec": object.union({"selector": {"matchLabels": {"app": "web"}}}, changes),
}

_scaler(spec) := {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": spec}

_denied(o) := rules if rules := lib.rules(budgets.deny) with input as builders.judged(o, {})

_warned(o) := rules if rules := lib.rules(budgets.warn) with input as builders.judged(o, {})
