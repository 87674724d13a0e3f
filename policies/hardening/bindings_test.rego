package policy.kubernetes.bindings_test

import data.lib.kubernetes.builders
import data.policy.kubernetes.bindings

test_each_rule_fires_for_what_it_is_about if {
	every kind in ["RoleBinding", "ClusterRoleBinding"] {
		_ids(_binding(kind, "cluster-admin", [])) == {"GATE-K8S-105"}
		_ids(_binding(kind, "view", [{"kind": "Group", "name": "system:authenticated"}])) == {"GATE-K8S-106"}
		_ids(_binding(kind, "view", [{"kind": "User", "name": "system:anonymous"}])) == {"GATE-K8S-106"}
		_ids(_binding(kind, "view", [{"kind": "ServiceAccount", "name": "default"}])) == {"GATE-K8S-107"}
		_ids(_binding(kind, "view", [{"kind": "Group", "name": "system:masters"}])) == {"GATE-K8S-108"}
	}
}

test_it_points_at_the_subject if {
	subjects := [{"kind": "User", "name": "lin"}, {"kind": "Group", "name": "system:masters"}]
	[v] := [one | some one in bindings.deny with input as builders.judged(_binding("RoleBinding", "view", subjects), {})]
	v.path == "/subjects/1"
}

test_a_person_and_an_account_of_its_own_pass if {
	subjects := [{"kind": "User", "name": "default"}, {"kind": "ServiceAccount", "name": "web"}]
	_ids(_binding("RoleBinding", "view", subjects)) == set()
}

test_other_kinds_pass if {
	_ids(object.union(_binding("RoleBinding", "cluster-admin", []), {"kind": "Role"})) == set()
}

_binding(kind, role, subjects) := {
	"apiVersion": "rbac.authorization.k8s.io/v1",
	"kind": kind,
	"metadata": {"name": "x"},
	"roleRef": {"kind": "ClusterRole", "name": role},
	"subjects": subjects,
}

_ids(o) := ids if {
	ids := {v.rule | some v in bindings.deny} with input as builders.judged(o, {})
}
