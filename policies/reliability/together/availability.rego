# METADATA
# scope: package
# title: What stays when a node goes
# custom:
#   scope: subject
#   points: [ci, background]
package policy.kubernetes.reliability.together.availability

import data.lib.kubernetes.together

# METADATA
# title: One replica
# description: >-
#   The Deployment runs one pod, so every drain of its node is an outage. Not said where an autoscaler that was handed
#   over starts with more.
# custom:
#   id: GATE-K8S-198
#   severity: low
#   fix: run two or more, where the program can
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-198",
	"message": sprintf("%s runs one pod", [together.label(o)]),
} if {
	some o in together.of("Deployment")
	_least(o) == 1
}

# METADATA
# title: Several replicas without a disruption budget
# description: Without a PodDisruptionBudget a drain may evict all replicas at once.
# custom:
#   id: GATE-K8S-199
#   severity: low
#   fix: add a PodDisruptionBudget with maxUnavailable 1 for the same labels
#   docs: https://kubernetes.io/docs/tasks/run-application/configure-pdb/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-199",
	"message": sprintf("%s runs %v pods and no PodDisruptionBudget selects them", [together.label(o), _least(o)]),
} if {
	some kind in ["Deployment", "StatefulSet"]
	some o in together.of(kind)
	_least(o) > 1
	count(_budgets(o)) == 0
}

# METADATA
# title: Disruption budget that blocks every drain
# description: minAvailable is as large as the number of pods, so none may be evicted and nodes cannot be patched.
# custom:
#   id: GATE-K8S-200
#   severity: medium
#   fix: use maxUnavailable 1, or run more replicas than minAvailable
#   docs: https://kubernetes.io/docs/tasks/run-application/configure-pdb/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-200",
	"message": sprintf("%s wants %v pods available, %s runs %v", [
		together.label(budget),
		budget.spec.minAvailable,
		together.label(o),
		_least(o),
	]),
} if {
	some kind in ["Deployment", "StatefulSet"]
	some o in together.of(kind)
	some budget in _budgets(o)
	is_number(object.get(budget, ["spec", "minAvailable"], null))
	_least(o) > 0
	budget.spec.minAvailable >= _least(o)
}

# METADATA
# title: Autoscaler measures what nobody requested
# description: It scales by the share of a request, and a container of its target has no request; it never scales.
# custom:
#   id: GATE-K8S-201
#   severity: medium
#   fix: set resources.requests in every container of the target
#   docs: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-201",
	"message": sprintf("%s scales by the share of the %s request, and %s: container %q has none", [
		together.label(scaler),
		resource,
		together.label(o),
		object.get(container, "name", ""),
	]),
} if {
	some kind in ["Deployment", "StatefulSet", "ReplicaSet"]
	some o in together.of(kind)
	some scaler in together.autoscalers(o)
	some resource in _measured(scaler)
	some container in together.containers(o)
	not _requests(container, resource)
}

# METADATA
# title: Replicas are set beside an autoscaler
# description: Every apply of the workload sets the number back, against the autoscaler.
# custom:
#   id: GATE-K8S-202
#   severity: low
#   fix: remove replicas from the workload
#   docs: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-202",
	"message": sprintf("%s sets replicas, and %s scales it", [together.label(o), together.label(scaler)]),
} if {
	# In a cluster replicas is always there: the autoscaler writes it.
	input.point == "ci"
	some kind in ["Deployment", "StatefulSet", "ReplicaSet"]
	some o in together.of(kind)
	object.get(o, ["spec", "replicas"], null) != null
	some scaler in together.autoscalers(o)
}

# METADATA
# title: Autoscaler of nothing
# description: None of the workloads handed over is what the autoscaler scales; nothing is said where there is none at all.
# custom:
#   id: GATE-K8S-203
#   severity: low
#   fix: correct scaleTargetRef, or hand the workload over too
#   docs: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-203",
	"message": sprintf("%s scales %v %v, which was not handed over", [
		together.label(scaler),
		object.get(scaler, ["spec", "scaleTargetRef", "kind"], "nothing"),
		object.get(scaler, ["spec", "scaleTargetRef", "name"], ""),
	]),
} if {
	together.has_workloads(together.kinds)
	some scaler in together.of("HorizontalPodAutoscaler")
	not _exists(scaler)
	not contains(sprintf("%v", [object.get(scaler, ["spec", "scaleTargetRef", "apiVersion"], "")]), ".")
}

# METADATA
# title: Replicas share a volume of one node
# description: >-
#   Several replicas of a Deployment mount one claim whose only access mode is ReadWriteOnce or ReadWriteOncePod; pods
#   on other nodes never start.
# custom:
#   id: GATE-K8S-204
#   severity: medium
#   fix: use a StatefulSet with volumeClaimTemplates, or a claim with ReadWriteMany
#   docs: https://kubernetes.io/docs/concepts/storage/persistent-volumes/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-204",
	"message": sprintf("%s runs %v pods, which all mount %s", [together.label(o), _least(o), together.label(claim)]),
} if {
	some o in together.of("Deployment")
	_least(o) > 1
	some volume in object.get(together.pod_spec(o), "volumes", [])
	some claim in together.in_namespace("PersistentVolumeClaim", together.namespace(o))
	volume.persistentVolumeClaim.claimName == together.name(claim)
	modes := {mode | some mode in claim.spec.accessModes}
	count(modes - {"ReadWriteOnce", "ReadWriteOncePod"}) == 0
}

# The least pods that `o` runs: an autoscaler's number counts where there is one.
_least(o) := min([_number(scaler) | some scaler in scalers]) if {
	scalers := together.autoscalers(o)
	count(scalers) > 0
} else := together.replicas(o)

_number(scaler) := least if {
	least := object.get(scaler, ["spec", "minReplicas"], null)
	is_number(least)
} else := 1

_budgets(o) := [_all_budgets[i] | some i in object.get(_protecting, [together.label(o)], set())]

_all_budgets := together.of("PodDisruptionBudget")

# Which budgets each workload has, by the numbers of the budgets.
_protecting[workload] contains i if {
	some i, budget in _all_budgets
	some o in together.selected(object.get(budget, ["spec", "selector"], null), together.namespace(budget))
	workload := together.label(o)
}

# The resources whose share of the request is measured, in both versions of the API.
_measured(scaler) := {metric.resource.name |
	some metric in object.get(scaler, ["spec", "metrics"], [])
	metric.resource.target.type == "Utilization"
} | {"cpu" | object.get(scaler, ["spec", "targetCPUUtilizationPercentage"], null) != null}

_requests(container, resource) if {
	some list in ["requests", "limits"]
	object.get(container, ["resources", list, resource], null) != null
}

_exists(scaler) if {
	target := scaler.spec.scaleTargetRef
	count(together.named(target.kind, together.namespace(scaler), target.name)) > 0
}
