package policy.kubernetes.escalation_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.escalation

# What each rule must speak of, and no other.
_cases := {
	"GATE-K8S-206": [
		{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["patch"]},
		{"apiGroups": ["*"], "resources": ["pods", "namespaces"], "verbs": ["update"]},
		{"resources": ["namespaces"], "verbs": ["update"]},
	],
	"GATE-K8S-207": [
		{"apiGroups": [""], "resources": ["endpoints"], "verbs": ["create"]},
		{"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["*"]},
	],
}

test_each_rule_fires_for_what_it_is_about if {
	every id, grants in _cases {
		every granted in grants {
			_ids(_role([granted])) == {id}
		}
	}
}

test_reading_and_named_objects_pass if {
	_ids(_role([{"apiGroups": [""], "resources": ["namespaces", "endpoints"], "verbs": ["get", "list", "watch"]}])) == set()
	every grants in _cases {
		_ids(_role([object.union(grants[0], {"resourceNames": ["one"]})])) == set()
	}
	_ids(object.union(_role([_cases["GATE-K8S-206"][0]]), {"kind": "Role"})) == set()
}

test_what_is_added_to_view_must_be_viewing if {
	every granted in [
		{"apiGroups": ["acme.example"], "resources": ["widgets"], "verbs": ["get", "create"]},
		{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
		{"apiGroups": ["acme.example"], "resources": ["*"], "verbs": ["get"]},
		{"apiGroups": ["acme.example"], "resources": ["widgets"], "verbs": ["*"]},
	] {
		_ids(_viewing([granted], "true")) == {"GATE-K8S-208"}
		_ids(_viewing([granted], true)) == {"GATE-K8S-208"}
		_ids(_viewing([granted], "false")) == set()
	}
	_ids(_viewing([{"apiGroups": ["acme.example"], "resources": ["widgets"], "verbs": ["get", "list", "watch"]}], "true")) == set()
}

test_the_violation_points_at_the_rule_of_the_role if {
	harmless := {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
	v := lib.only(escalation.warn) with input as builders.judged(_role([harmless, _cases["GATE-K8S-206"][0]]), {})
	[v.path, v.message] == ["/rules/1", `ClusterRole "x" changes namespaces`]
}

test_other_groups_pass if {
	_ids(object.union(_role([_cases["GATE-K8S-206"][0]]), {"apiVersion": "acme.example/v1"})) == set()
}

_role(rules) := {
	"apiVersion": "rbac.authorization.k8s.io/v1",
	"kind": "ClusterRole",
	"metadata": {"name": "x"},
	"rules": rules,
}

_viewing(rules, value) := object.union(
	_role(rules),
	{"metadata": {"labels": {"rbac.authorization.k8s.io/aggregate-to-view": value}}},
)

_ids(o) := ids if {
	ids := {v.rule | some v in escalation.deny | escalation.warn} with input as builders.judged(o, {})
}
