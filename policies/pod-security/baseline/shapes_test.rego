package policy.kubernetes.pod_security.baseline.shapes_test

import data.lib.kubernetes.builders
import data.policy.kubernetes.pod_security.baseline.shapes

test_a_pod_and_every_workload_can_be_judged if {
	_paths(builders.pod({"hostUsers": false, "os": {"name": "linux"}, "volumes": []})) == set()
	every kind in builders.kinds {
		_paths(builders.workload(kind, builders.pod({}))) == set()
	}
}

test_other_objects_are_no_business_of_these_rules if {
	every o in [null, {"apiVersion": "v1", "kind": "Service"}, {"apiVersion": "batch.volcano.sh/v1alpha1", "kind": "Job"}] {
		_paths(o) == set()
	}
}

test_what_has_no_kind_no_containers_or_items_cannot_be_judged if {
	every o in [{"spec": {"containers": []}}, {"kind": 1}, {"kind": ""}, {}, [], "Pod"] {
		_paths(o) == {""}
	}
	_paths({"apiVersion": "acme.example/v1", "kind": "AllowList"}) == set()
	_paths({"apiVersion": "v1", "kind": "Item", "items": []}) == set()
	_paths({"apiVersion": "v1", "kind": "List", "items": []}) == {"/items"}
	_paths({"apiVersion": "v1", "kind": "Pod"}) == {""}
	every containers in [null, []] {
		_paths(builders.pod({"containers": containers})) == {"/spec/containers"}
	}
	every kind in builders.kinds - {"Pod", "PodTemplate"} {
		_paths({"apiVersion": "v1", "kind": kind, "spec": []}) == {"/spec"}
	}
}

test_containers_of_another_type_cannot_be_judged if {
	every list in ["containers", "initContainers", "ephemeralContainers"] {
		every value in [{"web": {}}, "web", 1, [null], ["web"], [[{}]]] {
			_paths(builders.pod({list: value})) == {concat("/", ["/spec", list])}
		}
	}
}

test_fields_of_a_pod_of_another_type_cannot_be_judged if {
	every field, value in {
		"hostIPC": "false",
		"hostNetwork": 0,
		"hostPID": [],
		"hostUsers": "false",
		"os": "windows",
		"os/name": true,
		"securityContext": [],
		"securityContext/appArmorProfile": "RuntimeDefault",
		"securityContext/runAsNonRoot": "true",
		"securityContext/runAsUser": "0",
		"securityContext/seLinuxOptions": [{"type": "spc_t"}],
		"securityContext/seccompProfile": "RuntimeDefault",
		"securityContext/sysctls": {"kernel.msgmax": "1"},
		"securityContext/windowsOptions": [],
		"securityContext/windowsOptions/hostProcess": "false",
		"volumes": {"data": {"hostPath": {}}},
	} {
		_paths(builders.pod(_nested(field, value))) == {concat("/", ["/spec", field])}
	}
}

test_fields_of_a_container_of_another_type_cannot_be_judged if {
	every field, value in {
		"lifecycle": [],
		"lifecycle/postStart": "sh",
		"lifecycle/preStop/tcpSocket": [{"host": "node"}],
		"livenessProbe": [{"httpGet": {"host": "node"}}],
		"livenessProbe/httpGet": "http://node",
		"ports": {"web": {"hostPort": 80}},
		"readinessProbe/tcpSocket": 1,
		"securityContext": "privileged",
		"securityContext/allowPrivilegeEscalation": "false",
		"securityContext/capabilities": ["SYS_ADMIN"],
		"securityContext/capabilities/add": "SYS_ADMIN",
		"securityContext/capabilities/drop": {"all": "ALL"},
		"securityContext/privileged": "false",
		"securityContext/procMount": ["Unmasked"],
		"startupProbe/httpGet": true,
	} {
		every o in builders.everywhere(_nested(field, value)) {
			some path in _paths(o)
			endswith(path, concat("/", ["", field]))
		}
	}
}

test_a_template_of_another_type_cannot_be_judged if {
	o := builders.workload("Job", builders.pod({}))
	_paths(object.union(o, {"spec": {"template": {"metadata": []}}})) == {"/spec/template/metadata"}
	violations := shapes.deny with input as builders.judged(object.union(o, {"spec": {"template": {"spec": []}}}), {})
	{v.message | some v in violations} == {
		"the pod template: spec is array, expected object",
		"the workload has no containers",
	}
}

test_annotations_of_another_type_cannot_be_judged if {
	o := json.patch(builders.pod({}), [{"op": "add", "path": "metadata/annotations", "value": ["a"]}])
	_paths(o) == {"/metadata/annotations"}
}

test_the_rule_is_named if {
	violations := shapes.deny with input as builders.judged({}, {})
	violations == {{"rule": "GATE-PSS-001", "message": "the object has no kind", "path": ""}}
}

# {"a": {"b": value}} of "a/b".
_nested(field, value) := json.patch({}, array.concat(
	[{"op": "add", "path": concat("/", array.slice(parts, 0, n)), "value": {}} |
		parts := split(field, "/")
		some n in numbers.range(1, count(parts))
	],
	[{"op": "replace", "path": field, "value": value}],
))

_paths(o) := {v.path | some v in violations} if {
	violations := shapes.deny with input as builders.judged(o, {})
}
