# METADATA
# scope: package
# title: How a new version replaces the old one
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.reliability.rollouts

import data.lib.kubernetes.objects
import data.lib.kubernetes.pods
import data.lib.kubernetes.quantities

# METADATA
# title: Rolling update may stop every pod at once
# description: maxUnavailable covers all replicas, so an update may leave nothing that answers.
# custom:
#   id: GATE-K8S-155
#   severity: medium
#   fix: set maxUnavailable below the number of replicas, and maxSurge above 0
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-155",
	"message": sprintf("maxUnavailable %v covers all %v replicas", [objects.at(_unavailable), objects.replicas]),
	"path": pods.pointer(objects.root, _unavailable),
} if {
	input.object.kind in {"Deployment", "StatefulSet"}
	objects.is_native
	objects.replicas > 0
	# Where an autoscaler decides, one replica is only where it starts; 0 of 1 is then what rounding down gives.
	share := quantities.share(objects.at(_unavailable), objects.replicas)
	share != null
	floor(share) >= objects.replicas
}

# METADATA
# title: Rolling update cannot move
# description: maxSurge and maxUnavailable are both 0; Kubernetes refuses that.
# custom:
#   id: GATE-K8S-156
#   severity: medium
#   fix: set one of them to 1 or more
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
#   frameworks: []
deny contains {
	"rule": "GATE-K8S-156",
	"message": "maxSurge and maxUnavailable are both 0",
	"path": pods.pointer(objects.root, _unavailable),
} if {
	input.object.kind in {"Deployment", "DaemonSet"}
	objects.is_native
	quantities.share(objects.at(_unavailable), 100) == 0
	quantities.share(_surge, 100) == 0
}

# METADATA
# title: Update stops all replicas before it starts new ones
# description: The strategy is Recreate though there are several replicas, so every update is an outage.
# custom:
#   id: GATE-K8S-157
#   severity: low
#   fix: use RollingUpdate where two versions can run side by side
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-157",
	"message": sprintf("the strategy is Recreate for %v replicas", [objects.replicas]),
	"path": pods.pointer(objects.root, ["spec", "strategy", "type"]),
} if {
	input.object.kind == "Deployment"
	objects.is_native
	objects.at(["spec", "strategy", "type"]) == "Recreate"
	objects.replicas > 1
}

# METADATA
# title: Deployment is paused
# description: While paused is set no change of the pods takes effect, fixes of flaws among them.
# custom:
#   id: GATE-K8S-158
#   severity: medium
#   fix: remove paused
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-158",
	"message": "the Deployment is paused",
	"path": pods.pointer(objects.root, ["spec", "paused"]),
} if {
	input.object.kind == "Deployment"
	objects.is_native
	not objects.at(["spec", "paused"]) in [false, null]
}

# METADATA
# title: Pods are updated only when somebody deletes them
# description: The update strategy is OnDelete, so pods of old versions stay until they are deleted.
# custom:
#   id: GATE-K8S-159
#   severity: low
#   fix: use RollingUpdate
#   docs: https://kubernetes.io/docs/tasks/manage-daemon/update-daemon-set/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-159",
	"message": sprintf("the update strategy of the %s is OnDelete", [input.object.kind]),
	"path": pods.pointer(objects.root, ["spec", "updateStrategy", "type"]),
} if {
	input.object.kind in {"StatefulSet", "DaemonSet"}
	objects.is_native
	objects.at(["spec", "updateStrategy", "type"]) == "OnDelete"
}

# METADATA
# title: No earlier version to go back to
# description: revisionHistoryLimit is 0, so a broken rollout cannot be undone with kubectl rollout undo.
# custom:
#   id: GATE-K8S-160
#   severity: medium
#   fix: remove revisionHistoryLimit (10 is the default), or set it to 2 or more
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-160",
	"message": "revisionHistoryLimit is 0",
	"path": pods.pointer(objects.root, ["spec", "revisionHistoryLimit"]),
} if {
	input.object.kind in {"Deployment", "StatefulSet", "DaemonSet"}
	objects.is_native
	objects.at(["spec", "revisionHistoryLimit"]) == 0
}

# METADATA
# title: Selector does not select the workload's own pods
# description: >-
#   The selector is missing or the pod template lacks a label that it asks for; Kubernetes refuses such a workload.
# custom:
#   id: GATE-K8S-161
#   severity: medium
#   fix: give the pod template every label of the selector
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
#   frameworks: []
deny contains object.union({"rule": "GATE-K8S-161"}, problem) if some problem in _unselected

_unselected contains {
	"message": "the workload has no selector",
	"path": pods.pointer(objects.root, ["spec", "selector"]),
} if {
	objects.is_one_of(_selecting)
	object.get(input.object, "apiVersion", null) == "apps/v1"
	objects.at(["spec", "selector"]) in [null, {}]
}

_unselected contains {
	"message": sprintf("the selector asks for the label %v=%v, the pod template has %v", [label, wanted, json.marshal(found)]),
	"path": pods.pointer(objects.root, ["spec", "selector", "matchLabels", label]),
} if {
	objects.is_one_of(_selecting)
	some label, wanted in objects.at(["spec", "selector", "matchLabels"])
	found := objects.at(["spec", "template", "metadata", "labels", label])
	found != wanted
}

_selecting := {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}

# A Deployment keeps its numbers under another name than the others.
_settings := ["spec", "strategy", "rollingUpdate"] if {
	input.object.kind == "Deployment"
} else := ["spec", "updateStrategy", "rollingUpdate"]

_unavailable := array.concat(_settings, ["maxUnavailable"])

# A DaemonSet's default is 0, a Deployment's 25%.
_surge := value if {
	value := objects.at(array.concat(_settings, ["maxSurge"]))
	value != null
} else := 0 if {
	input.object.kind == "DaemonSet"
} else := "25%"
