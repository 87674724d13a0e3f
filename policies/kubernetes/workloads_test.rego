package policy.kubernetes.workloads_test

import data.lib.kubernetes.builders
import data.lib.kubernetes.pods
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

test_an_unnamed_container_is_named_so if {
	labels := {c.label | some c in pods.containers} with input as builders.judged(_nameless, {})
	labels == {"an unnamed container", "an unnamed init container"}
}

test_a_pointer_escapes_and_ends_at_what_exists if {
	o := {"apiVersion": "v1", "kind": "Pod", "metadata": {"annotations": {"a/b~c": null}}, "spec": {}}
	document := builders.judged(o, {})
	[template | some template in pods.templates] == [_place("the pod template", [], o)] with input as document
	[pod | some pod in pods.all] == [_place("the pod", ["spec"], {})] with input as document
	template := _place("", [], o)
	pods.pointer(template, ["metadata", "annotations", "a/b~c"]) == "/metadata/annotations/a~1b~0c" with input as document
	pods.pointer(template, ["metadata", "labels", "x"]) == "/metadata" with input as document
	pods.pointer(_place("", ["spec"], {}), ["containers", 0]) == "/spec" with input as document
}

# ------------------------------------------------------------------------------ other kinds with pods

test_a_pod_in_a_kind_nobody_knows_is_found if {
	_pods({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": {"template": builders.pod({})}}) == {"/spec/template/spec"}
	_pods({"apiVersion": "batch.volcano.sh/v1alpha1", "kind": "Job", "spec": {"tasks": [{"template": builders.pod({})}]}}) == {"/spec/tasks/0/template/spec"}
	_pods({"apiVersion": "apps.openshift.io/v1", "kind": "DeploymentConfig", "spec": {"template": builders.pod({})}}) == {"/spec/template/spec"}
	_pods({"apiVersion": "acme.example/v1", "kind": "Agent", "spec": {"podSpec": builders.pod({}).spec}}) == {"/spec/podSpec"}
}

test_every_pod_of_an_object_is_found if {
	objects := [builders.workload("CronJob", builders.pod({})), builders.pod({})]
	_pods({"apiVersion": "template.openshift.io/v1", "kind": "Template", "objects": objects}) == {
		"/objects/0/spec/jobTemplate/spec/template/spec",
		"/objects/1/spec",
	}
	_pods({"containers": [{"image": "a"}], "spec": {"initContainers": [{"image": "a"}]}}) == {"", "/spec"}
}

test_a_pod_found_is_read_as_strictly_as_any_other if {
	spec := {"initContainers": [builders.container({})], "hostPID": "true"}
	_problems({"apiVersion": "acme.example/v1", "kind": "Agent", "spec": {"template": {"spec": spec}}}) == {
		["the workload has no containers", "/spec/template/spec"],
		["the pod: hostPID is string, expected boolean", "/spec/template/spec/hostPID"],
	}
}

test_containers_without_an_image_are_changes_and_no_pod if {
	_pods({"apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus", "spec": {"containers": [{"name": "prometheus", "args": []}]}}) == set()
	every containers in [null, "web", {}, [], ["web"], [{"image": 1}], [{"usage": {}}]] {
		_pods({"apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics", "containers": containers}) == set()
	}
}

test_a_known_kind_has_its_pod_in_one_place if {
	o := object.union(builders.workload("Deployment", builders.pod({})), {"status": builders.pod({})})
	_pods(o) == {"/spec/template/spec"}
}

_pods(o) := found if {
	found := {_pointer(pod) | some pod in pods.all} with input as builders.judged(o, {})
}

_pointer(place) := pods.pointer(place, [])

_place(label, path, value) := {"label": label, "path": path, "value": value}

_nameless := builders.pod({"containers": [{}], "initContainers": [{"name": 1}]})

_problems(o) := {[v.message, v.path] | some v in violations} if {
	violations := workloads.deny with input as builders.judged(o, {})
	every v in violations {
		v.rule == "GATE-K8S-001"
	}
}
