package policy.kubernetes.pod_security.baseline.host_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.pod_security.baseline.host

test_a_good_pod_passes if _denied(builders.pod({})) == set()

test_an_object_that_is_no_workload_passes if _denied({"apiVersion": "v1", "kind": "Service", "spec": {"hostPID": true}}) == set()

# -------------------------------------------------------------------------------------- namespaces

test_a_namespace_of_the_host_is_denied_in_every_kind if {
	every field in ["hostNetwork", "hostPID", "hostIPC"] {
		every kind in builders.kinds {
			v := lib.only(host.deny) with input as _judged(builders.workload(kind, builders.pod({field: true})))
			[v.rule, v.message] == ["GATE-PSS-002", sprintf("the pod sets %s", [field])]
			endswith(v.path, concat("/", ["/spec", field]))
		}
	}
}

test_namespaces_of_its_own_pass if {
	every value in [false, null] {
		_denied(builders.pod({"hostNetwork": value, "hostPID": value, "hostIPC": value})) == set()
	}
}

# ----------------------------------------------------------------------------------------- volumes

test_a_path_of_the_host_is_denied if {
	every source in [{"path": "/etc"}, {}, "x"] {
		every kind in builders.kinds {
			_denied(builders.workload(kind, builders.pod({"volumes": [{"name": "a", "hostPath": source}]}))) == {"GATE-PSS-003"}
		}
	}
}

test_the_message_names_the_volume_and_its_path if {
	every source, message in {
		{"path": "/etc"}: "the volume a mounts /etc of the host",
		{}: "the volume a mounts a path of the host",
	} {
		v := lib.only(host.deny) with input as _judged(builders.pod({"volumes": [{"name": "a", "hostPath": source}]}))
		[v.message, v.path] == [message, "/spec/volumes/0/hostPath"]
	}
}

test_another_volume_passes if {
	_denied(builders.pod({"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": null}]})) == set()
}

# ------------------------------------------------------------------------------------------- ports

test_a_port_of_the_host_is_denied_in_every_kind_and_list if {
	every port in [80, -1, "0", {}] {
		every o in builders.everywhere({"ports": [{"containerPort": 80}, {"hostPort": port}]}) {
			v := lib.only(host.deny) with input as _judged(o)
			v.rule == "GATE-PSS-004"
			endswith(v.path, "/ports/1/hostPort")
		}
	}
}

test_a_port_of_the_pod_passes if {
	every port in [0, null] {
		_denied(builders.running({"ports": [{"containerPort": 80, "hostPort": port}]})) == set()
	}
}

# ----------------------------------------------------------------------------------------- Windows

test_a_process_of_the_host_is_denied_at_pod_and_container if {
	every value in [true, "false"] {
		changes := {"securityContext": {"windowsOptions": {"hostProcess": value}}}
		_denied(builders.pod(changes)) == {"GATE-PSS-005"}
		every o in builders.everywhere(changes) {
			_denied(o) == {"GATE-PSS-005"}
		}
	}
}

test_a_windows_container_of_its_own_passes if {
	every value in [false, null] {
		_denied(builders.running({"securityContext": {"windowsOptions": {"hostProcess": value}}})) == set()
	}
}

# ----------------------------------------------------------------------------------- probes, hooks

test_a_probe_or_hook_that_calls_another_host_is_denied_from_v1_34_on if {
	every changes in _calls("169.254.169.254") {
		every o in builders.everywhere(changes) {
			_denied(o) == {"GATE-PSS-006"}
			_denied_at(o, "1.34") == {"GATE-PSS-006"}
			_denied_at(o, "1.33") == set()
		}
	}
}

test_a_probe_or_hook_that_calls_its_pod_passes if {
	every value in ["", null] {
		every changes in _calls(value) {
			_denied(builders.running(changes)) == set()
		}
	}
}

test_a_probe_without_a_host_passes if {
	_denied(builders.running({"livenessProbe": {"exec": {"command": ["true"]}}, "startupProbe": {"grpc": {"port": 1}}})) == set()
}

_calls(value) := [changes |
	some action in ["httpGet", "tcpSocket"]
	handler := {action: {"host": value, "port": 80}}
	some changes in [
		{"livenessProbe": handler},
		{"readinessProbe": handler},
		{"startupProbe": handler},
		{"lifecycle": {"postStart": handler}},
		{"lifecycle": {"preStop": handler}},
	]
]

_judged(o) := builders.standards(o, "1.37", null)

_denied(o) := _denied_at(o, "1.37")

_denied_at(o, version) := rules if rules := lib.rules(host.deny) with input as builders.standards(o, version, null)
