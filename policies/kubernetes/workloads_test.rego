package policy.kubernetes.workloads_test

import data.lib.kubernetes.builders
import data.policy.kubernetes.workloads

test_every_kind_of_workload_can_be_read if {
	every kind in builders.kinds {
		_problems(builders.workload(kind, builders.pod({}))) == set()
	}
}

test_other_objects_are_no_business_of_these_rules if {
	every kind in ["Service", "ConfigMap", "Scale", "Eviction"] {
		_problems({"apiVersion": "v1", "kind": kind, "spec": {"containers": 1}}) == set()
	}
}

test_a_kind_of_another_group_is_another_kind if {
	_problems({"apiVersion": "batch.volcano.sh/v1alpha1", "kind": "Job", "spec": {}}) == set()
}

test_a_workload_with_an_odd_version_is_still_a_workload if {
	every version in [null, "apps/v99", "extensions/v1beta1", 1.5] {
		_problems({"apiVersion": version, "kind": "Deployment", "spec": {}}) == {["the workload has no containers", "/spec"]}
	}
	_problems({"kind": "Deployment", "spec": {}}) == {["the workload has no containers", "/spec"]}
}

test_an_othat_is_none_is_not_judged if _problems(null) == set()

test_an_owithout_kind_cannot_be_read if {
	_problems({"spec": {"containers": []}}) == {["the object has no kind", ""]}
	every o in [{"kind": 1}, {"kind": ""}, {}, [], "Pod", 1, true] {
		_problems(o) == {["the object has no kind", ""]}
	}
}

test_a_list_must_be_taken_apart if {
	_problems({"apiVersion": "v1", "kind": "List", "items": []}) == {["a List must be taken apart before its items can be judged", "/items"]}
	_problems({"apiVersion": "v1", "kind": "PodList", "items": null}) == {["a PodList must be taken apart before its items can be judged", "/items"]}
	_problems({"apiVersion": "acme.example/v1", "kind": "AllowList"}) == set()
}

test_a_workload_without_containers_cannot_be_read if {
	every containers in [null, []] {
		_problems(builders.pod({"containers": containers})) == {["the workload has no containers", "/spec/containers"]}
	}
	every spec in [null, {}] {
		_problems({"apiVersion": "v1", "kind": "Pod", "spec": spec}) == {["the workload has no containers", "/spec"]}
	}
	_problems({"apiVersion": "v1", "kind": "Pod"}) == {["the workload has no containers", ""]}
	_problems({"apiVersion": "batch/v1", "kind": "CronJob", "spec": {"jobTemplate": null}}) == {["the workload has no containers", "/spec/jobTemplate"]}
	_problems({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": "x"}}) == {["the workload has no containers", "/spec/template"]}
}

test_a_list_of_containers_of_another_type_cannot_be_read if {
	every list in ["containers", "initContainers", "ephemeralContainers"] {
		every value in [{"web": {}}, "web", 1, [null], ["web"], [[{}]]] {
			count(_problems(builders.pod({list: value}))) > 0
		}
	}
}

test_null_lists_are_absent_lists if {
	_problems(builders.pod({"initContainers": null, "ephemeralContainers": null, "volumes": null})) == set()
}

test_fields_of_their_own_type_can_be_read if {
	_problems(builders.running({
		"env": [{"name": "A", "value": "b"}],
		"ports": [{"containerPort": 80}],
		"securityContext": {"capabilities": {"add": ["CHOWN"]}},
	})) == set()
}

test_fields_of_another_type_cannot_be_read if {
	every changes in [
		{"hostNetwork": "true"},
		{"volumes": {}},
		{"securityContext": []},
		{"securityContext": {"sysctls": [1]}},
		{"automountServiceAccountToken": "false"},
	] {
		count(_problems(builders.pod(changes))) == 1
	}
	every changes in [
		{"securityContext": "privileged"},
		{"securityContext": {"privileged": "true"}},
		{"securityContext": {"capabilities": {"add": "ALL"}}},
		{"securityContext": {"capabilities": {"add": [1]}}},
		{"securityContext": {"runAsNonRoot": "true"}},
		{"env": {"A": "b"}},
		{"ports": [80]},
		{"image": ["nginx"]},
		{"resources": "none"},
	] {
		every o in builders.everywhere(changes) {
			count(_problems(o)) == 1
		}
	}
}

test_annotations_of_another_type_cannot_be_read if {
	o := json.patch(builders.pod({}), [{"op": "add", "path": "metadata/annotations", "value": ["a"]}])
	_problems(o) == {["the pod template: metadata.annotations is array, expected object", "/metadata/annotations"]}
}

test_the_message_names_container_field_and_type if {
	o := builders.workload("CronJob", builders.running({"securityContext": {"privileged": "true"}}))
	_problems(o) == {[
		`container "web": securityContext.privileged is string, expected boolean`,
		"/spec/jobTemplate/spec/template/spec/containers/0/securityContext/privileged",
	]}
}

_problems(o) := {[v.message, v.path] | some v in violations} if {
	violations := workloads.deny with input as builders.judged(o, {})
	every v in violations {
		v.rule == "GATE-K8S-001"
	}
}
