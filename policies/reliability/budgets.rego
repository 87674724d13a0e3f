# METADATA
# scope: package
# title: Disruption budgets and autoscalers
# custom:
#   scope: object
#   points: [ci, admission, background]
#   kinds: [workloads, HorizontalPodAutoscaler.autoscaling, PodDisruptionBudget.policy]
package policy.kubernetes.reliability.budgets

import data.lib.kubernetes.objects
import data.lib.kubernetes.pods
import data.lib.kubernetes.quantities

# METADATA
# title: Disruption budget allows no eviction
# description: maxUnavailable 0 or minAvailable 100% blocks every drain, so nodes cannot be patched without force.
# custom:
#   id: GATE-K8S-176
#   severity: medium
#   fix: let one pod be evicted, maxUnavailable 1 for instance
#   docs: https://kubernetes.io/docs/tasks/run-application/configure-pdb/
#   frameworks: []
warn contains object.union({"rule": "GATE-K8S-176"}, problem) if some problem in _blocking

_blocking contains {
	"message": sprintf("%s %v allows no eviction", [field, objects.at(["spec", field])]),
	"path": pods.pointer(objects.root, ["spec", field]),
} if {
	_is_budget
	some field, share in {"maxUnavailable": 0, "minAvailable": 100}
	is_string(objects.at(["spec", field]))
	quantities.share(objects.at(["spec", field]), 100) == share
}

_blocking contains {
	"message": "maxUnavailable 0 allows no eviction",
	"path": pods.pointer(objects.root, ["spec", "maxUnavailable"]),
} if {
	_is_budget
	objects.at(["spec", "maxUnavailable"]) == 0
}

# METADATA
# title: Disruption budget with two numbers
# description: minAvailable and maxUnavailable are both set; Kubernetes refuses that.
# custom:
#   id: GATE-K8S-177
#   severity: medium
#   fix: keep maxUnavailable, which stays right when the number of replicas changes
#   docs: https://kubernetes.io/docs/tasks/run-application/configure-pdb/
#   frameworks: []
deny contains {
	"rule": "GATE-K8S-177",
	"message": "minAvailable and maxUnavailable are both set",
	"path": pods.pointer(objects.root, ["spec", "minAvailable"]),
} if {
	_is_budget
	objects.at(["spec", "minAvailable"]) != null
	objects.at(["spec", "maxUnavailable"]) != null
}

# METADATA
# title: Disruption budget for every pod or for none
# description: An empty selector covers every pod of the namespace, whoever it belongs to; a missing one covers none.
# custom:
#   id: GATE-K8S-178
#   severity: medium
#   fix: select the pods of one workload by their labels
#   docs: https://kubernetes.io/docs/tasks/run-application/configure-pdb/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-178",
	"message": sprintf("the selector covers %s", [covered]),
	"path": pods.pointer(objects.root, ["spec", "selector"]),
} if {
	_is_budget
	covered := _covered(objects.at(["spec", "selector"]))
}

# METADATA
# title: Autoscaler with bounds that Kubernetes refuses
# description: maxReplicas is missing, or minReplicas is above it.
# custom:
#   id: GATE-K8S-179
#   severity: medium
#   fix: set maxReplicas to more than minReplicas
#   docs: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
#   frameworks: []
deny contains object.union({"rule": "GATE-K8S-179"}, problem) if some problem in _unbounded

_unbounded contains {
	"message": "maxReplicas is missing",
	"path": pods.pointer(objects.root, ["spec", "maxReplicas"]),
} if {
	_is_autoscaler
	objects.at(["spec", "maxReplicas"]) == null
}

_unbounded contains {
	"message": sprintf("minReplicas %v is above maxReplicas %v", [_least, objects.at(["spec", "maxReplicas"])]),
	"path": pods.pointer(objects.root, ["spec", "minReplicas"]),
} if {
	_is_autoscaler
	is_number(_least)
	is_number(objects.at(["spec", "maxReplicas"]))
	_least > objects.at(["spec", "maxReplicas"])
}

# METADATA
# title: Autoscaler that cannot scale
# description: minReplicas and maxReplicas are the same number, so whatever it measures changes nothing.
# custom:
#   id: GATE-K8S-180
#   severity: low
#   fix: raise maxReplicas, or remove the autoscaler and set replicas
#   docs: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-180",
	"message": sprintf("minReplicas and maxReplicas are both %v", [_least]),
	"path": pods.pointer(objects.root, ["spec", "maxReplicas"]),
} if {
	_is_autoscaler
	_least == objects.at(["spec", "maxReplicas"])
}

_is_budget if {
	input.object.kind == "PodDisruptionBudget"
	objects.is_native
}

_is_autoscaler if {
	input.object.kind == "HorizontalPodAutoscaler"
	objects.is_native
}

_least := 1 if {
	objects.at(["spec", "minReplicas"]) == null
} else := objects.at(["spec", "minReplicas"])

_covered(null) := "no pod"

_covered(selector) := "every pod of the namespace" if {
	is_object(selector)
	object.get(selector, "matchLabels", null) in [null, {}]
	object.get(selector, "matchExpressions", null) in [null, []]
}
