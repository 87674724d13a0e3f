package policy.kubernetes.host_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.host

test_a_good_pod_passes if _denied(builders.pod({})) == set()

# -------------------------------------------------------------------------------------- namespaces

test_a_namespace_of_the_host_is_denied_in_every_kind if {
	every field in ["hostNetwork", "hostPID", "hostIPC"] {
		every kind in builders.kinds {
			_denied(builders.workload(kind, builders.pod({field: true}))) == {"GATE-K8S-011"}
		}
	}
}

test_namespaces_of_the_pod_pass if _denied(builders.pod({"hostNetwork": false, "hostPID": null})) == set()

test_a_namespace_flag_of_another_type_is_not_false if {
	_denied(builders.pod({"hostNetwork": "false"})) == {"GATE-K8S-011"}
}

# ---------------------------------------------------------------------------------------- hostPath

test_a_host_path_is_denied_in_every_kind if {
	every kind in builders.kinds {
		_denied(builders.workload(kind, builders.pod({"volumes": [{"name": "etc", "hostPath": {"path": "/etc"}}]}))) == {"GATE-K8S-012"}
	}
}

test_a_host_path_that_says_nothing_is_denied if {
	v := lib.only(host.deny) with input as builders.judged(builders.pod({"volumes": [{"hostPath": {}}]}), {})
	v.message == "the volume null mounts a path of the host"
	v.path == "/spec/volumes/0/hostPath"
}

test_other_volumes_pass if {
	_denied(builders.pod({"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": null}]})) == set()
}

# ---------------------------------------------------------------------------------------- hostPort

test_a_host_port_is_denied_in_every_kind_and_list if {
	every o in builders.everywhere({"ports": [{"containerPort": 80, "hostPort": 80}]}) {
		_denied(o) == {"GATE-K8S-013"}
	}
}

test_no_host_port_passes if {
	_denied(builders.running({"ports": [{"containerPort": 80}, {"hostPort": 0}, {"hostPort": null}]})) == set()
}

test_the_violation_points_at_the_port if {
	o := builders.running({"ports": [{"containerPort": 1}, {"hostPort": 80}]})
	v := lib.only(host.deny) with input as builders.judged(o, {})
	v.message == `container "web" takes port 80 of the host`
	v.path == "/spec/containers/0/ports/1/hostPort"
}

# ------------------------------------------------------------------------------------- hostProcess

test_a_process_of_the_host_is_denied_at_pod_and_container if {
	changes := {"securityContext": {"windowsOptions": {"hostProcess": true}}}
	_denied(builders.pod(changes)) == {"GATE-K8S-014"}
	every o in builders.everywhere(changes) {
		_denied(o) == {"GATE-K8S-014"}
	}
}

test_no_process_of_the_host_passes if {
	_denied(builders.pod({"securityContext": {"windowsOptions": {"hostProcess": false}}})) == set()
	_denied(builders.pod({"securityContext": {"windowsOptions": {}}})) == set()
}

# ------------------------------------------------------------------------------------ probes, hooks

test_a_probe_or_hook_of_another_host_is_denied if {
	every probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
		every action in ["httpGet", "tcpSocket"] {
			_denied(builders.running({probe: {action: {"host": "127.0.0.1", "port": 80}}})) == {"GATE-K8S-015"}
		}
	}
	every hook in ["postStart", "preStop"] {
		_denied(builders.running({"lifecycle": {hook: {"httpGet": {"host": "a.example"}}}})) == {"GATE-K8S-015"}
	}
}

test_a_probe_of_the_pod_passes if {
	_denied(builders.running({"livenessProbe": {"httpGet": {"port": 80, "host": ""}}})) == set()
}

test_the_violation_points_at_the_host if {
	o := builders.running({"livenessProbe": {"httpGet": {"host": "a.example"}}})
	v := lib.only(host.deny) with input as builders.judged(o, {})
	v.message == `container "web": livenessProbe calls the host a.example`
	v.path == "/spec/containers/0/livenessProbe/httpGet/host"
}

# ------------------------------------------------------------------------------------- other kinds

test_a_pod_in_a_custom_resource_is_judged if {
	changes := {"hostPID": true, "volumes": [{"name": "root", "hostPath": {"path": "/"}}]}
	every o in [
		{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": {"template": builders.pod(changes)}},
		{"apiVersion": "serving.knative.dev/v1", "kind": "Service", "spec": {"template": builders.pod(changes)}},
		{"apiVersion": "template.openshift.io/v1", "kind": "Template", "objects": [builders.pod(changes)]},
		{"apiVersion": "acme.example/v1", "kind": "Agent", "spec": {"podSpec": builders.pod(changes).spec}},
	] {
		_denied(o) == {"GATE-K8S-011", "GATE-K8S-012"}
	}
}

_denied(o) := rules if rules := lib.rules(host.deny) with input as builders.judged(o, {})
