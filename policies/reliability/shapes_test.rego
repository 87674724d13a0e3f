package policy.kubernetes.reliability.shapes_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.reliability.shapes

test_good_objects_pass_in_every_kind if {
	every kind in builders.kinds {
		_denied(builders.workload(kind, builders.pod({}))) == set()
	}
	_denied(null) == set()
	_denied({"apiVersion": "v1", "kind": "Service", "spec": "any"}) == set()
}

test_a_field_of_another_type_is_denied if {
	every field, value in {
		"replicas": "3", "paused": "true", "revisionHistoryLimit": "0", "selector": "app=web", "strategy": "Recreate",
		"maxUnavailable": [], "schedule": 5, "startingDeadlineSeconds": "5", "volumeClaimTemplates": {},
	} {
		_denied({"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {field: value}}) == {"GATE-K8S-141"}
	}
}

test_the_spec_of_a_job_is_judged_where_it_is if {
	flawed := {"spec": {"activeDeadlineSeconds": "60"}}
	_denied({"apiVersion": "batch/v1", "kind": "Job", "spec": flawed.spec}) == {"GATE-K8S-141"}
	o := {"apiVersion": "batch/v1", "kind": "CronJob", "spec": {"jobTemplate": flawed}}
	v := lib.only(shapes.deny) with input as builders.judged(o, {})
	v.path == "/spec/jobTemplate/spec/activeDeadlineSeconds"
}

test_a_field_of_a_pod_is_denied_in_every_kind if {
	every field, value in {
		"terminationGracePeriodSeconds": "0", "tolerations": {}, "affinity": [], "volumes": {}, "nodeName": 1,
		"restartPolicy": false, "priorityClassName": ["system-node-critical"],
	} {
		every kind in builders.kinds {
			_denied(builders.workload(kind, builders.pod({field: value}))) == {"GATE-K8S-141"}
		}
	}
}

test_a_field_of_a_container_is_denied_in_every_kind_and_list if {
	every field, value in {"env": {}, "ports": "80", "livenessProbe": [], "resources": "1Gi", "volumeMounts": "a"} {
		every o in builders.everywhere({field: value}) {
			_denied(o) == {"GATE-K8S-141"}
		}
	}
}

test_null_has_every_type if {
	every field in ["tolerations", "terminationGracePeriodSeconds", "affinity"] {
		_denied(builders.pod({field: null})) == set()
	}
}

test_an_element_that_is_no_object_is_denied if {
	every value in ["A=1", null, [], 1] {
		every o in builders.everywhere({"env": [{"name": "A"}, value]}) {
			_denied(o) == {"GATE-K8S-192"}
		}
		_denied(builders.pod({"tolerations": [value]})) == {"GATE-K8S-192"}
	}
}

test_the_message_says_what_was_found_and_expected if {
	v := lib.only(shapes.deny) with input as builders.judged(builders.pod({"tolerations": {}}), {})
	v.message == "the pod: tolerations is object, expected array"
	v.path == "/spec/tolerations"
}

_denied(o) := rules if rules := lib.rules(shapes.deny) with input as builders.judged(o, {})
