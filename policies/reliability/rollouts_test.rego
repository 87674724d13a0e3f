package policy.kubernetes.reliability.rollouts_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.reliability.rollouts

test_a_good_workload_passes if {
	every kind in builders.kinds {
		_warned(builders.workload(kind, builders.pod({}))) == set()
	}
	_denied(_of("Deployment", {})) == set()
}

test_an_update_that_stops_every_pod_is_warned_of if {
	every value in [3, 4, "100%", "200%"] {
		_warned(_of("Deployment", {"replicas": 3, "strategy": {"rollingUpdate": {"maxUnavailable": value}}})) == {"GATE-K8S-155"}
		_warned(_of("StatefulSet", {"replicas": 3, "updateStrategy": {"rollingUpdate": {"maxUnavailable": value}}})) == {"GATE-K8S-155"}
	}
	_warned(_of("Deployment", {"strategy": {"rollingUpdate": {"maxUnavailable": 1}}})) == {"GATE-K8S-155"}
}

test_an_update_that_leaves_a_pod_passes if {
	every value in [2, "99%", "0%", 0, null] {
		_warned(_of("Deployment", {"replicas": 3, "strategy": {"rollingUpdate": {"maxUnavailable": value}}})) == set()
	}
	_warned(_of("Deployment", {"replicas": 0, "strategy": {"rollingUpdate": {"maxUnavailable": 0}}})) == set()
}

test_an_update_that_cannot_move_is_denied if {
	every zero in [0, "0%"] {
		_denied(_of("Deployment", {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": zero}}})) == {"GATE-K8S-156"}
		_denied(_of("DaemonSet", {"updateStrategy": {"rollingUpdate": {"maxUnavailable": zero}}})) == {"GATE-K8S-156"}
	}
	_denied(_of("Deployment", {"strategy": {"rollingUpdate": {"maxUnavailable": 0}}})) == set()
	_denied(_of("DaemonSet", {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}})) == set()
}

test_recreate_is_warned_of_where_there_are_several if {
	_warned(_of("Deployment", {"replicas": 2, "strategy": {"type": "Recreate"}})) == {"GATE-K8S-157"}
	_warned(_of("Deployment", {"strategy": {"type": "Recreate"}})) == set()
}

test_a_paused_deployment_is_warned_of if {
	every value in [true, "true", 1] {
		_warned(_of("Deployment", {"paused": value})) == {"GATE-K8S-158"}
	}
	_warned(_of("Deployment", {"paused": false})) == set()
}

test_updates_by_hand_are_warned_of if {
	every kind in ["StatefulSet", "DaemonSet"] {
		_warned(_of(kind, {"updateStrategy": {"type": "OnDelete"}})) == {"GATE-K8S-159"}
		_warned(_of(kind, {"updateStrategy": {"type": "RollingUpdate"}})) == set()
	}
}

test_no_history_is_warned_of if {
	every kind in ["Deployment", "StatefulSet", "DaemonSet"] {
		_warned(_of(kind, {"revisionHistoryLimit": 0})) == {"GATE-K8S-160"}
		_warned(_of(kind, {"revisionHistoryLimit": 1})) == set()
	}
}

test_a_selector_that_misses_its_own_pods_is_denied if {
	every kind in ["Deployment", "StatefulSet", "ReplicaSet"] {
		_denied(_of(kind, {"selector": {"matchLabels": {"app": "other"}}})) == {"GATE-K8S-161"}
		_denied(_of(kind, {"selector": {"matchLabels": {"absent": "a"}}})) == {"GATE-K8S-161"}
	}
	every selector in [null, {}] {
		_denied(_of("Deployment", {"selector": selector})) == {"GATE-K8S-161"}
	}
	_denied({"apiVersion": "apps/v1", "kind": "Deployment"}) == {"GATE-K8S-161"}
}

test_an_old_version_may_leave_its_selector_out if {
	_denied(object.union(_of("Deployment", {"selector": null}), {"apiVersion": "extensions/v1beta1"})) == set()
}

test_kinds_of_other_groups_are_not_judged if {
	o := object.union(_of("Deployment", {"paused": true, "selector": null}), {"apiVersion": "acme.example/v1"})
	_warned(o) == set()
	_denied(o) == set()
}

test_kinds_without_updates_are_not_judged if {
	strategy := {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}, "type": "Recreate"}
	spec := {"replicas": 2, "paused": true, "revisionHistoryLimit": 0, "strategy": strategy, "updateStrategy": {"type": "OnDelete"}}
	o := {"apiVersion": "v1", "kind": "ReplicationController", "spec": spec}
	_warned(o) == set()
	_denied(o) == set()
}

test_a_deleted_object_passes if {
	_warned(null) == set()
	_denied(null) == set()
}

# In a good one the selector selects the pods. What `changes` names is replaced whole.
_of(kind, changes) := object.union(o, {"spec": object.union(object.remove(good, object.keys(changes)), changes)}) if {
	whole := builders.workload(kind, object.union(builders.pod({}), {"metadata": {"labels": {"app": "web"}}}))
	o := object.remove(whole, ["spec"])
	good := object.union(whole.spec, {"selector": {"matchLabels": {"app": "web"}}})
}

_denied(o) := rules if rules := lib.rules(rollouts.deny) with input as builders.judged(o, {})

_warned(o) := rules if rules := lib.rules(rollouts.warn) with input as builders.judged(o, {})
