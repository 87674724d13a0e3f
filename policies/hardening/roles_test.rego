package policy.kubernetes.roles_test

import data.lib.kubernetes.builders
import data.policy.kubernetes.roles

# What each rule of a role must make speak, and no other.
_cases := {
	"GATE-K8S-101": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}, {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["get"]}],
	"GATE-K8S-102": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}, {"apiGroups": ["*"], "resources": ["configmaps", "secrets"], "verbs": ["watch"]}],
	"GATE-K8S-103": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}, {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": ["create"]}],
	"GATE-K8S-104": [{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["escalate"]}, {"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"]}],
	"GATE-K8S-109": [{"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]}],
	"GATE-K8S-110": [{"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]}],
	"GATE-K8S-111": [{"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests/approval"], "verbs": ["update"]}],
	"GATE-K8S-112": [{"apiGroups": ["admissionregistration.k8s.io"], "resources": ["validatingwebhookconfigurations"], "verbs": ["patch"]}],
	"GATE-K8S-113": [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}, {"apiGroups": [""], "resources": ["pods/ephemeralcontainers"], "verbs": ["patch"]}],
	"GATE-K8S-114": [{"apiGroups": [""], "resources": ["persistentvolumes"], "verbs": ["create"]}],
}

test_each_rule_fires_for_what_it_is_about_and_no_other_does if {
	every id, grants in _cases {
		every granted in grants {
			_ids(_role("ClusterRole", [granted])) == {id}
		}
	}
}

test_a_wildcard_for_a_part_is_that_part if {
	every resource, id in {
		"*/proxy": "GATE-K8S-109", "*/token": "GATE-K8S-110", "*/approval": "GATE-K8S-111", "*/exec": "GATE-K8S-113",
	} {
		_ids(_role("ClusterRole", [{"apiGroups": ["*"], "resources": [resource], "verbs": ["create"]}])) == {id}
	}
}

test_signing_certificates_is_approving_them if {
	every verb in ["approve", "sign"] {
		_ids(_role("ClusterRole", [{"apiGroups": ["certificates.k8s.io"], "resources": ["signers"], "verbs": [verb]}])) == {"GATE-K8S-111"}
	}
}

test_a_wildcard_is_told_once if {
	_ids(_role("ClusterRole", [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])) == {"GATE-K8S-101"}
}

test_a_rule_without_a_group_is_read_as_any if {
	every groups in [null, []] {
		_ids(_role("ClusterRole", [{"apiGroups": groups, "resources": ["secrets"], "verbs": ["get"]}])) == {"GATE-K8S-102"}
	}
	_ids(_role("ClusterRole", [{"resources": ["secrets"], "verbs": ["get"]}])) == {"GATE-K8S-102"}
}

test_a_role_without_a_readable_version_is_still_one if {
	every version in [null, "", "v1", "authorization.openshift.io/v1", "rbac.authorization.k8s.io/v9"] {
		_ids(object.union(_role("Role", [_cases["GATE-K8S-101"][0]]), {"apiVersion": version})) == {"GATE-K8S-101"}
	}
}

test_it_points_at_the_rule_of_the_role if {
	harmless := {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
	[v] := [one | some one in roles.warn with input as builders.judged(_role("ClusterRole", [harmless, _cases["GATE-K8S-102"][0]]), {})]
	v.path == "/rules/1"
}

test_a_role_of_a_namespace_may_read_its_secrets if _ids(_role("Role", [_cases["GATE-K8S-102"][0]])) == set()

test_secrets_and_tokens_by_name_pass if {
	every id in ["GATE-K8S-102", "GATE-K8S-110"] {
		_ids(_role("ClusterRole", [object.union(_cases[id][0], {"resourceNames": ["one"]})])) == set()
	}
}

test_reading_and_writing_by_name_pass if {
	_ids(_role("ClusterRole", [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]}])) == set()
}

test_other_kinds_and_other_groups_pass if {
	every o in [
		object.union(_role("ClusterRole", [_cases["GATE-K8S-101"][0]]), {"kind": "Widget"}),
		object.union(_role("ClusterRole", [_cases["GATE-K8S-101"][0]]), {"apiVersion": "acme.example/v1"}),
		builders.pod({}),
	] {
		_ids(o) == set()
	}
}

test_a_role_without_rules_passes if _ids(_role("ClusterRole", [])) == set()

_role(kind, rules) := {
	"apiVersion": "rbac.authorization.k8s.io/v1",
	"kind": kind,
	"metadata": {"name": "x"},
	"rules": rules,
}

_ids(o) := ids if {
	ids := {v.rule | some v in roles.deny | roles.warn} with input as builders.judged(o, {})
}
