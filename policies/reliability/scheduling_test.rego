package policy.kubernetes.reliability.scheduling_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.reliability.scheduling

test_replicas_that_are_not_spread_are_warned_of if {
	every kind in ["Deployment", "StatefulSet", "ReplicaSet"] {
		every spread in [{}, {"topologySpreadConstraints": []}, {"affinity": {"podAntiAffinity": null}}, {"affinity": {"nodeAffinity": {}}}] {
			_warned(_replicated(kind, 2, spread)) == {"GATE-K8S-162"}
		}
	}
}

test_spread_or_single_replicas_pass if {
	_warned(_replicated("Deployment", 2, {"topologySpreadConstraints": [{"maxSkew": 1}]})) == set()
	_warned(_replicated("Deployment", 2, {"affinity": {"podAntiAffinity": {}}})) == set()
	_warned(_replicated("Deployment", 1, {})) == set()
	_warned(_replicated("Deployment", null, {})) == set()
}

test_a_system_priority_is_warned_of_in_every_kind if {
	every class in ["system-node-critical", "system-cluster-critical"] {
		_in_every_kind({"priorityClassName": class}, {"GATE-K8S-163"})
	}
	_in_every_kind({"priorityClassName": "mine"}, set())
}

test_the_clusters_own_parts_may_have_it if {
	o := object.union(builders.pod({"priorityClassName": "system-node-critical"}), {"metadata": {"namespace": "kube-system"}})
	_warned(o) == set()
	_warned_under(o, null) == {"GATE-K8S-163"}
}

test_a_pod_tied_to_a_node_is_warned_of_in_every_kind if {
	_in_every_kind({"nodeName": "n1"}, {"GATE-K8S-164"})
	_in_every_kind({"nodeName": ""}, set())
}

test_the_scheduler_gave_a_running_pod_its_node if {
	every kind, expected in {"Pod": set(), "Deployment": {"GATE-K8S-164"}} {
		document := builders.judged(builders.workload(kind, builders.pod({"nodeName": "n1"})), {})
		every point in ["admission", "background"] {
			said := lib.rules(scheduling.warn) with input as object.union(document, {"point": point})
			said == expected
		}
	}
}

test_tolerating_everything_is_warned_of if {
	changes := {"tolerations": [{"key": "a", "operator": "Exists"}, {"operator": "Exists"}]}
	every kind in builders.kinds - {"DaemonSet"} {
		_warned(builders.workload(kind, builders.pod(changes))) == {"GATE-K8S-165"}
	}
}

test_tolerating_something_passes if {
	every toleration in [{"key": "a", "operator": "Exists"}, {"key": "", "operator": "Equal"}, {}] {
		_warned(builders.pod({"tolerations": [toleration]})) == set()
	}
	o := builders.workload("DaemonSet", builders.pod({"tolerations": [{"operator": "Exists"}]}))
	daemons := object.union(o, {"apiVersion": "apps/v1"})
	_warned(daemons) == set()
}

test_no_time_to_stop_is_warned_of_in_every_kind if {
	_in_every_kind({"terminationGracePeriodSeconds": 0}, {"GATE-K8S-166"})
	_in_every_kind({"terminationGracePeriodSeconds": 1}, set())
}

test_too_much_time_to_stop_is_warned_of_in_every_kind if {
	_in_every_kind({"terminationGracePeriodSeconds": 3601}, {"GATE-K8S-167"})
	_in_every_kind({"terminationGracePeriodSeconds": 3600}, set())
}

test_without_settings_no_time_is_short_enough if {
	_warned_under(builders.pod({"terminationGracePeriodSeconds": 30}), null) == {"GATE-K8S-167"}
	_warned_under(builders.pod({"terminationGracePeriodSeconds": 9999}), {"grace_s_max": null}) == set()
}

test_a_job_that_restarts_always_is_denied if {
	every kind in ["Job", "CronJob"] {
		every policy in ["Always", null, "", "never", 1] {
			_denied(builders.workload(kind, builders.pod({"restartPolicy": policy}))) == {"GATE-K8S-168"}
		}
		_denied(builders.workload(kind, builders.pod({}))) == {"GATE-K8S-168"}
		every policy in ["OnFailure", "Never"] {
			_denied(builders.workload(kind, builders.pod({"restartPolicy": policy}))) == set()
		}
	}
}

test_a_workload_that_does_not_restart_always_is_denied if {
	every kind in ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "DaemonSet"] {
		_denied(builders.workload(kind, builders.pod({"restartPolicy": "Never"}))) == {"GATE-K8S-168"}
		_denied(builders.workload(kind, builders.pod({"restartPolicy": "Always"}))) == set()
		_denied(builders.workload(kind, builders.pod({}))) == set()
	}
	_denied(builders.pod({"restartPolicy": "Never"})) == set()
}

test_custom_resources_have_restart_policies_of_their_own if {
	o := object.union(builders.workload("Job", builders.pod({})), {"apiVersion": "acme.example/v1"})
	_denied(o) == set()
}

_in_every_kind(changes, expected) if {
	every kind in builders.kinds {
		_warned(builders.workload(kind, builders.pod(changes))) == expected
	}
}

_replicated(kind, number, changes) := object.union(o, {"spec": object.union(o.spec, {"replicas": number})}) if {
	o := builders.workload(kind, builders.pod(changes))
}

_warned_under(o, settings) := rules if {
	rules := lib.rules(scheduling.warn) with input as builders.judged(o, {"reliability": settings})
}

_denied(o) := rules if rules := lib.rules(scheduling.deny) with input as builders.judged(o, {})

_warned(o) := rules if rules := lib.rules(scheduling.warn) with input as builders.judged(o, {})
