# METADATA
# scope: package
# title: Objects that can be judged for reliability
# custom:
#   scope: object
#   points: [ci, admission, background]
#   kinds:
#     - workloads
#     - ConfigMap
#     - PersistentVolumeClaim
#     - HorizontalPodAutoscaler.autoscaling
#     - PodDisruptionBudget.policy
package policy.kubernetes.reliability.shapes

import data.lib.kubernetes.objects
import data.lib.kubernetes.pods

# METADATA
# title: Field that cannot be judged
# description: A field that the rules of reliability read has another type than Kubernetes gives it; they would see nothing there.
# custom:
#   id: GATE-K8S-141
#   severity: medium
#   fix: give the field the type the Kubernetes API says
#   docs: https://kubernetes.io/docs/reference/kubernetes-api/
#   frameworks: []
deny contains {
	"rule": "GATE-K8S-141",
	"message": sprintf("%s: %s is %s, expected %s", [
		place.label,
		concat(".", array.concat(below, [field])),
		type_name(value),
		concat(" or ", expected),
	]),
	"path": pods.pointer(place, array.concat(below, [field])),
} if {
	some [place, below, shape, given] in _looked_at
	some field, value in given
	expected := _shapes[shape][field]
	not type_name(value) in expected
	value != null
}

# METADATA
# title: Element of a list that cannot be judged
# description: A list that the rules of reliability read holds something that is no object; they would step over it.
# custom:
#   id: GATE-K8S-192
#   severity: medium
#   fix: give the element the type the Kubernetes API says
#   docs: https://kubernetes.io/docs/reference/kubernetes-api/
#   frameworks: []
deny contains {
	"rule": "GATE-K8S-192",
	"message": sprintf("%s: an element of %s is %s, expected object", [place.label, field, type_name(element)]),
	"path": pods.pointer(place, array.concat(below, [field, i])),
} if {
	some [place, below, shape, given] in _looked_at
	some field, value in given
	_shapes[shape][field] == _list
	some i, element in value
	not is_object(element)
}

# Whether nothing in the pods has another type: asked of what there is, each once, without its place.
_are_pods_well if {
	values := {
		"affinity": [pod.value.affinity | some pod in pods.all],
		"container": pods.parts(object.keys(_shapes.container)),
		"pod": [pod.value | some pod in pods.all],
		"resources": {container.resources | some container in pods.bare},
	}
	wrong := [field |
		some shape, list in values
		some given in list
		some field, expected in _shapes[shape]
		value := given[field]
		not type_name(value) in expected
		value != null
	]
	wrong == []
	odd := [element |
		some shape, list in values
		some given in list
		some field, expected in _shapes[shape]
		expected == _list
		some element in given[field]
		not is_object(element)
	]
	odd == []
}

# Each place, the path below it, and the shape of what is there. Only what is there is compared, which is what
# makes this cheap.
_looked_at contains [objects.root, below, shape, given] if {
	objects.is_one_of(_kinds)
	some shape, below in _below_object
	given := objects.at(below)
}

_looked_at contains [objects.root, path, shape, given] if {
	input.object.kind == "CronJob"
	objects.is_native
	some shape, below in {"job": [], "job spec": ["spec"]}
	path := array.concat(["spec", "jobTemplate"], below)
	given := objects.at(path)
}

_looked_at contains [objects.root, ["spec"], "job spec", objects.at(["spec"])] if {
	input.object.kind == "Job"
	objects.is_native
}

_looked_at contains [pod, ["affinity"], "affinity", pod.value.affinity] if {
	not _are_pods_well
	some pod in pods.all
}

_looked_at contains [pod, [], "pod", object.filter(pod.value, _shapes.pod)] if {
	not _are_pods_well
	some pod in pods.all
}

_looked_at contains [container, [], "container", object.filter(container.value, _shapes.container)] if {
	not _are_pods_well
	some container in pods.containers
}

_looked_at contains [container, ["resources"], "resources", container.value.resources] if {
	not _are_pods_well
	some container in pods.containers
}

_kinds := {
	"ConfigMap", "CronJob", "DaemonSet", "Deployment", "HorizontalPodAutoscaler", "Job", "PersistentVolumeClaim",
	"PodDisruptionBudget", "ReplicaSet", "ReplicationController", "StatefulSet",
}

_below_object := {
	"metadata": ["metadata"],
	"object": [],
	"rolling": ["spec", "strategy", "rollingUpdate"],
	"rolling set": ["spec", "updateStrategy", "rollingUpdate"],
	"spec": ["spec"],
	"strategy": ["spec", "strategy"],
	"strategy of a set": ["spec", "updateStrategy"],
}

_number := ["number"]

_object := ["object"]

_list := ["array"]

_share := ["number", "string"]

_shapes := {
	"affinity": {"podAntiAffinity": _object},
	"container": {
		"env": _list,
		"envFrom": _list,
		"livenessProbe": _object,
		"ports": _list,
		"readinessProbe": _object,
		"resources": _object,
		"startupProbe": _object,
		"volumeDevices": _list,
		"volumeMounts": _list,
	},
	"job": {"spec": _object},
	"job spec": {
		"activeDeadlineSeconds": _number,
		"ttlSecondsAfterFinished": _number,
	},
	"metadata": {
		"labels": _object,
		"ownerReferences": _list,
	},
	"object": {
		"binaryData": _object,
		"data": _object,
		"metadata": _object,
		"spec": _object,
	},
	"pod": {
		"affinity": _object,
		"dnsPolicy": ["string"],
		"hostAliases": _list,
		"nodeName": ["string"],
		"priorityClassName": ["string"],
		"restartPolicy": ["string"],
		"serviceAccount": ["string"],
		"terminationGracePeriodSeconds": _number,
		"tolerations": _list,
		"topologySpreadConstraints": _list,
		"volumes": _list,
	},
	"resources": {
		"limits": _object,
		"requests": _object,
	},
	"rolling": {
		"maxSurge": _share,
		"maxUnavailable": _share,
	},
	"rolling set": {
		"maxSurge": _share,
		"maxUnavailable": _share,
	},
	"spec": {
		"failedJobsHistoryLimit": _number,
		"jobTemplate": _object,
		"maxReplicas": _number,
		"maxUnavailable": _share,
		"minAvailable": _share,
		"minReplicas": _number,
		"paused": ["boolean"],
		"persistentVolumeClaimRetentionPolicy": _object,
		"replicas": _number,
		"revisionHistoryLimit": _number,
		"schedule": ["string"],
		"selector": _object,
		"startingDeadlineSeconds": _number,
		"strategy": _object,
		"successfulJobsHistoryLimit": _number,
		"updateStrategy": _object,
		"volumeClaimTemplates": _list,
	},
	"strategy": {"rollingUpdate": _object},
	"strategy of a set": {"rollingUpdate": _object},
}
