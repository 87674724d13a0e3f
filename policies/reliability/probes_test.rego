package policy.kubernetes.reliability.probes_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.reliability.probes

_http := {"httpGet": {"path": "/", "port": 80}}

test_equal_probes_are_warned_of_in_every_kind_and_list if {
	every o in _staying({"livenessProbe": _http, "readinessProbe": _http}) {
		_warned(o) == {"GATE-K8S-142"}
	}
}

test_a_default_that_is_written_is_no_difference if {
	ready := object.union(_http, {"periodSeconds": 10, "successThreshold": 2, "timeoutSeconds": null})
	_warned(builders.running({"livenessProbe": _http, "readinessProbe": ready})) == {"GATE-K8S-142"}
}

test_probes_that_differ_pass if {
	every other in [{"httpGet": {"path": "/live", "port": 80}}, object.union(_http, {"failureThreshold": 10}), {}, null] {
		_warned(builders.running({"livenessProbe": _http, "readinessProbe": other})) == set()
	}
	_warned(builders.running({"readinessProbe": _http})) == set()
	_warned(builders.pod({})) == set()
}

test_one_missed_answer_is_warned_of if {
	every o in _staying({"livenessProbe": object.union(_http, {"failureThreshold": 1})}) {
		_warned(o) == {"GATE-K8S-143"}
	}
	_warned(builders.running({"livenessProbe": object.union(_http, {"failureThreshold": 2})})) == set()
	_warned(builders.running({"readinessProbe": object.union(_http, {"failureThreshold": 1})})) == set()
}

test_a_port_that_is_not_named_is_denied_in_every_kind_and_list if {
	every action in ["httpGet", "tcpSocket"] {
		every o in builders.everywhere({"ports": [{"name": "web"}], "startupProbe": {action: {"port": "http"}}}) {
			_denied(o) == {"GATE-K8S-144"}
		}
	}
	_denied(builders.running({"lifecycle": {"preStop": {"httpGet": {"port": "http"}}}})) == {"GATE-K8S-144"}
}

test_named_ports_and_numbers_pass if {
	every port in ["http", 80, "80", null] {
		o := builders.running({"ports": [{"name": "http"}], "livenessProbe": {"httpGet": {"port": port}}})
		_denied(o) == set()
	}
}

test_the_violation_points_at_the_port if {
	o := builders.running({"livenessProbe": {"httpGet": {"port": "http"}}})
	v := lib.only(probes.deny) with input as builders.judged(o, {})
	v.path == "/spec/containers/0/livenessProbe/httpGet/port"
}

_staying(changes) := array.concat(
	[builders.workload(kind, builders.running(changes)) | some kind in builders.kinds],
	[builders.pod({"initContainers": [builders.container(changes)]})],
)

_denied(o) := rules if rules := lib.rules(probes.deny) with input as builders.judged(o, {})

_warned(o) := rules if rules := lib.rules(probes.warn) with input as builders.judged(o, {})
