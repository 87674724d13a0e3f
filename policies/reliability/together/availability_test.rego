package policy.kubernetes.reliability.together.availability_test

import data.lib.builders as lib
import data.lib.kubernetes.together.builders
import data.policy.kubernetes.reliability.together.availability

_pod := {"containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}]}

_web(kind, spec) := builders.workload(kind, spec, _pod)

_budget := builders.budget({"maxUnavailable": 1})

test_replicas_with_a_budget_pass if {
	every kind in ["Deployment", "StatefulSet"] {
		_warned([_web(kind, {"replicas": 2}), _budget]) == set()
	}
}

test_one_replica_is_warned_of if {
	every spec in [{}, {"replicas": 1}, {"replicas": null}] {
		_warned([_web("Deployment", spec)]) == {"GATE-K8S-198"}
	}
	_warned([_web("Deployment", {"replicas": 0})]) == set()
	_warned([_web("StatefulSet", {})]) == set()
}

test_an_autoscaler_says_how_many_there_are if {
	_warned([_web("Deployment", {}), builders.scaler({"minReplicas": 2}), _budget]) == set()
	every least in [1, null, "2"] {
		_warned([_web("Deployment", {}), builders.scaler({"minReplicas": least})]) == {"GATE-K8S-198"}
	}
	elsewhere := object.union(builders.scaler({"minReplicas": 2}), {"metadata": {"namespace": "test"}})
	"GATE-K8S-198" in _warned([_web("Deployment", {}), elsewhere])
}

test_replicas_without_a_budget_are_warned_of if {
	every kind in ["Deployment", "StatefulSet"] {
		_warned([_web(kind, {"replicas": 2})]) == {"GATE-K8S-199"}
		other := object.union(_budget, {"metadata": {"namespace": "test"}})
		_warned([_web(kind, {"replicas": 2}), other]) == {"GATE-K8S-199"}
		none := builders.other("PodDisruptionBudget", "policy/v1", {"maxUnavailable": 1})
		_warned([_web(kind, {"replicas": 2}), none]) == {"GATE-K8S-199"}
	}
}

test_a_budget_that_blocks_every_drain_is_warned_of if {
	every least in [2, 3] {
		_warned([_web("Deployment", {"replicas": 2}), builders.budget({"minAvailable": least})]) == {"GATE-K8S-200"}
	}
	_warned([_web("StatefulSet", {}), builders.budget({"minAvailable": 1})]) == {"GATE-K8S-200"}
	every least in [1, 0, "50%", null] {
		_warned([_web("Deployment", {"replicas": 2}), builders.budget({"minAvailable": least})]) == set()
	}
}

test_a_share_of_no_request_is_warned_of if {
	bare := builders.workload("Deployment", {}, {"containers": [{"name": "a"}]})
	v2 := {"minReplicas": 2, "metrics": [{"resource": {"name": "cpu", "target": {"type": "Utilization"}}}]}
	v1 := {"minReplicas": 2, "targetCPUUtilizationPercentage": 80}
	every spec in [v1, v2] {
		_warned([bare, builders.scaler(spec), _budget]) == {"GATE-K8S-201"}
		_warned([_web("Deployment", {}), builders.scaler(spec), _budget]) == set()
	}
	absolute := {"minReplicas": 2, "metrics": [{"resource": {"name": "cpu", "target": {"type": "AverageValue"}}}]}
	_warned([bare, builders.scaler(absolute), _budget]) == set()
}

test_replicas_beside_an_autoscaler_are_warned_of_in_ci_alone if {
	objects := [_web("Deployment", {"replicas": 2}), builders.scaler({"minReplicas": 2}), _budget]
	_warned(objects) == {"GATE-K8S-202"}
	said := lib.rules(availability.warn) with input as object.union(builders.given(objects), {"point": "background"})
	said == set()
}

test_an_autoscaler_of_nothing_is_warned_of if {
	every target in [{"kind": "Deployment", "name": "gone"}, {"kind": "StatefulSet", "name": "web"}, {"name": "web"}] {
		o := builders.other("HorizontalPodAutoscaler", "autoscaling/v2", {"scaleTargetRef": target})
		"GATE-K8S-203" in _warned([_web("Deployment", {"replicas": 2}), o, _budget])
	}
	"GATE-K8S-203" in _warned([_web("Deployment", {}), builders.other("HorizontalPodAutoscaler", "autoscaling/v2", null)])
}

test_an_autoscaler_of_something_else_or_alone_passes if {
	rollout := {"scaleTargetRef": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "a"}}
	_warned([_web("Deployment", {"replicas": 2}), _budget, builders.other("HorizontalPodAutoscaler", "autoscaling/v2", rollout)]) == set()
	_warned([builders.scaler({})]) == set()
}

test_replicas_that_share_a_volume_of_one_node_are_warned_of if {
	every modes in [["ReadWriteOnce"], ["ReadWriteOncePod"]] {
		_warned([_mounting(2), _claim(modes), _budget]) == {"GATE-K8S-204"}
	}
	_warned([_mounting(2), _claim(["ReadWriteOnce", "ReadWriteMany"]), _budget]) == set()
	_warned([_mounting(2), _claim(["ReadOnlyMany"]), _budget]) == set()
	_warned([_mounting(1), _claim(["ReadWriteOnce"])]) == {"GATE-K8S-198"}
}

test_a_claim_of_another_namespace_is_another_claim if {
	_warned([_mounting(2), object.union(_claim(["ReadWriteOnce"]), {"metadata": {"namespace": "test"}}), _budget]) == set()
}

_mounting(replicas) := builders.workload(
	"Deployment",
	{"replicas": replicas},
	object.union(_pod, {"volumes": [{"name": "a", "persistentVolumeClaim": {"claimName": "web"}}]}),
)

_claim(modes) := builders.other("PersistentVolumeClaim", "v1", {"accessModes": modes})

_warned(objects) := rules if rules := lib.rules(availability.warn) with input as builders.given(objects)
