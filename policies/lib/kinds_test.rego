package lib.kubernetes.kinds_test

import data.lib.kubernetes.builders
import data.lib.kubernetes.grants
import data.lib.kubernetes.kinds
import data.lib.kubernetes.objects

test_a_group_is_known_by_its_whole_name if {
	_is_of("rbac.authorization.k8s.io/v1", ["rbac.authorization.k8s.io"])
	not _is_of("rbac.authorization.k8s.io.evil.example/v1", ["rbac.authorization.k8s.io"])
	not _is_of("acme.example/v1", ["rbac.authorization.k8s.io"])
}

test_a_version_without_a_dotted_group_may_be_any if {
	every version in ["v1", "apps/v1", "", "v1.2", null, 7, [], {}] {
		_is_of(version, ["rbac.authorization.k8s.io"])
	}
	_is_of_absent
}

test_an_object_without_a_name_has_a_label if {
	kinds.label({"kind": "Role", "metadata": {"name": "reader"}}) == `Role "reader"`
	every metadata in [null, {}, {"name": 7}, "reader"] {
		kinds.label({"kind": "Role", "metadata": metadata}) == `Role ""`
	}
}

test_replicas_are_what_is_asked_for_or_unknown if {
	_replicas({}) == 1
	_replicas({"replicas": 3}) == 3
	_replicas({"replicas": "3"}) == null
}

test_a_rule_of_a_role_names_what_it_covers if {
	granted := {"apiGroups": ["apps"], "resources": ["deployments", "*/exec"], "verbs": ["get", 7]}
	grants.covers(granted, "apps", "deployments")
	grants.names(granted, "pods/exec")
	not grants.names(granted, "exec")
	not grants.covers(granted, "batch", "deployments")
	not grants.covers(granted, "apps", "daemonsets")
	grants.texts(granted, "verbs") == {"get"}
	grants.may(granted, {"get"})
	not grants.may(granted, {"create"})
	grants.is_for_all(granted)
}

_is_of(version, groups) if kinds.is_of(groups) with input as builders.judged({"apiVersion": version, "kind": "Role"}, {})

_is_of_absent if kinds.is_of(["a.b"]) with input as builders.judged({"kind": "Role"}, {})

_replicas(spec) := number if {
	number := objects.replicas with input as builders.judged({"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec}, {})
}
