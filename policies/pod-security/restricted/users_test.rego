package policy.kubernetes.pod_security.restricted.users_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.pod_security.restricted.users

test_a_good_pod_passes if _denied(builders.pod({})) == set()

test_where_restricted_is_not_selected_nothing_is_said if {
	o := builders.running({"securityContext": {"runAsUser": 0, "runAsNonRoot": false, "allowPrivilegeEscalation": true}})
	rules := lib.rules(users.deny) with input as builders.standards(o, "1.37", null)
	rules == set()
}

# ---------------------------------------------------------------------------- privilege escalation

test_privilege_escalation_not_forbidden_is_denied_from_v1_8_on if {
	every allowed in [true, null, "false"] {
		every o in builders.everywhere({"securityContext": {"allowPrivilegeEscalation": allowed}}) {
			_denied(o) == {"GATE-PSS-101"}
			_denied_at(o, "1.8") == {"GATE-PSS-101"}
			_denied_at(o, "1.7") == set()
		}
	}
}

test_windows_has_no_privilege_escalation_from_v1_25_on if {
	container := builders.container({"securityContext": {"allowPrivilegeEscalation": null}})
	o := builders.pod({"os": {"name": "windows"}, "containers": [container]})
	_denied_at(o, "1.24") == {"GATE-PSS-101"}
	_denied_at(o, "1.25") == set()
}

# ------------------------------------------------------------------------------------------- users

test_a_container_that_may_run_as_root_is_denied_in_every_version if {
	every said in [false, null, "true"] {
		every o in builders.everywhere({"securityContext": {"runAsNonRoot": said}}) {
			_denied(o) == {"GATE-PSS-102"}
			_denied_at(o, "1.0") == {"GATE-PSS-102"}
		}
	}
}

test_a_container_inherits_from_its_pod if {
	silent := builders.container({"securityContext": {"runAsNonRoot": null}})
	_denied(builders.pod({"securityContext": {"runAsNonRoot": true}, "containers": [silent]})) == set()
	_denied(builders.pod({"securityContext": {"runAsNonRoot": null}, "containers": [silent]})) == {"GATE-PSS-102"}
}

test_a_pod_that_says_false_is_denied_once_whatever_its_containers_say if {
	every said in [true, null] {
		containers := [builders.container({"securityContext": {"runAsNonRoot": said}})]
		o := builders.pod({"securityContext": {"runAsNonRoot": false}, "containers": containers})
		v := lib.only(users.deny) with input as builders.standards(o, null, "1.37")
		[v.rule, v.message, v.path] == ["GATE-PSS-102", "the pod may run as root", "/spec/securityContext/runAsNonRoot"]
	}
}

test_a_container_that_says_false_is_denied_whatever_its_pod_says if {
	container := builders.container({"securityContext": {"runAsNonRoot": false}})
	_denied(builders.pod({"securityContext": {"runAsNonRoot": true}, "containers": [container]})) == {"GATE-PSS-102"}
}

test_user_zero_is_denied_at_pod_and_container_from_v1_23_on if {
	changes := {"securityContext": {"runAsUser": 0}}
	every o in array.concat([builders.pod(changes)], builders.everywhere(changes)) {
		_denied(o) == {"GATE-PSS-103"}
		_denied_at(o, "1.23") == {"GATE-PSS-103"}
		_denied_at(o, "1.22") == set()
	}
}

test_another_user_passes if {
	every user in [1, 65532, null] {
		_denied(builders.pod({"securityContext": {"runAsUser": user}})) == set()
	}
}

test_root_of_a_user_namespace_passes_from_v1_35_on if {
	container := builders.container({"securityContext": {"runAsUser": 0, "runAsNonRoot": null}})
	o := builders.pod({"hostUsers": false, "containers": [container]})
	_denied_at(o, "1.34") == {"GATE-PSS-102", "GATE-PSS-103"}
	_denied_at(o, "1.35") == set()
	every users in [true, null, "false"] {
		_denied(object.union(o, {"spec": {"hostUsers": users}})) == {"GATE-PSS-102", "GATE-PSS-103"}
	}
}

_denied(o) := _denied_at(o, "1.37")

_denied_at(o, version) := rules if rules := lib.rules(users.deny) with input as builders.standards(o, null, version)
