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

test_the_default_account_by_its_other_name_is_denied if {
	_ids(_binding("RoleBinding", "view", [{"kind": "User", "name": "system:serviceaccount:prod:default"}])) == {"GATE-K8S-107"}
	_ids(_binding("RoleBinding", "view", [{"kind": "User", "name": "system:serviceaccount:prod:web"}])) == set()
}

test_all_accounts_of_a_namespace_are_warned_of if {
	_ids(_binding("ClusterRoleBinding", "view", [{"kind": "Group", "name": "system:serviceaccounts:prod"}])) == {"GATE-K8S-209"}
}

test_a_binding_of_another_spelling_is_still_one if {
	every version in ["rbac.authorization.k8s.io/v1beta1", "authorization.openshift.io/v1", null, ""] {
		_ids(object.union(_binding("RoleBinding", "cluster-admin", null), {"apiVersion": version})) == {"GATE-K8S-105"}
	}
	_ids(object.union(_binding("RoleBinding", "cluster-admin", []), {"apiVersion": "acme.example/v1"})) == set()
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
	ids := {v.rule | some v in bindings.deny | bindings.warn} with input as builders.judged(o, {})
}
