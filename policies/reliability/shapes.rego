# METADATA
# scope: package
# title: Objects that can be judged for reliability
# custom:
#   scope: object
#   points: [ci, admission, background]
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
#   frameworks: []
deny contains {
	"rule": "GATE-K8S-141",
	"message": sprintf("%s: %s is %s, expected %s", [place.label, field, type_name(value), concat(" or ", expected)]),
	"path": pods.pointer(place, path),
} if {
	some where, fields in _shapes
	some place in _places[where]
	some field, expected in fields
	path := split(field, ".")
	value := pods.at(place, path)
	value != null
	not type_name(value) in expected
}

# METADATA
# title: Element of a list that cannot be judged
# description: A list that the rules of reliability read holds something that is no object; they would step over it.
# custom:
#   id: GATE-K8S-192
#   severity: medium
#   fix: give the element the type the Kubernetes API says
#   frameworks: []
deny contains {
	"rule": "GATE-K8S-192",
	"message": sprintf("%s: an element of %s is %s, expected object", [place.label, field, type_name(value)]),
	"path": pods.pointer(place, path),
} if {
	some where, fields in _shapes
	some place in _places[where]
	some field, expected in fields
	"array" in expected
	some i, value in pods.at(place, split(field, "."))
	not is_object(value)
	path := array.concat(split(field, "."), [i])
}

_places.object contains objects.root if objects.is_one_of(_kinds)

_places.job contains object.union(objects.root, {
	"path": ["spec", "jobTemplate"],
	"value": value,
}) if {
	objects.is_one_of({"CronJob"})
	value := objects.at(["spec", "jobTemplate"])
	is_object(value)
}

_places.job contains objects.root if objects.is_one_of({"Job"})

_places.pod contains pod if some pod in pods.all

_places.containers contains container if some container in pods.containers

_kinds := {
	"ConfigMap", "CronJob", "DaemonSet", "Deployment", "HorizontalPodAutoscaler", "Job", "PersistentVolumeClaim",
	"PodDisruptionBudget", "ReplicaSet", "ReplicationController", "StatefulSet",
}

_number := ["number"]

_object := ["object"]

_list := ["array"]

_share := ["number", "string"]

_shapes := {
	"object": {
		"binaryData": _object,
		"data": _object,
		"metadata": _object,
		"metadata.labels": _object,
		"metadata.ownerReferences": _list,
		"spec": _object,
		"spec.failedJobsHistoryLimit": _number,
		"spec.maxReplicas": _number,
		"spec.maxUnavailable": _share,
		"spec.minAvailable": _share,
		"spec.minReplicas": _number,
		"spec.paused": ["boolean"],
		"spec.persistentVolumeClaimRetentionPolicy": _object,
		"spec.replicas": _number,
		"spec.revisionHistoryLimit": _number,
		"spec.schedule": ["string"],
		"spec.selector": _object,
		"spec.startingDeadlineSeconds": _number,
		"spec.strategy": _object,
		"spec.strategy.rollingUpdate": _object,
		"spec.strategy.rollingUpdate.maxSurge": _share,
		"spec.strategy.rollingUpdate.maxUnavailable": _share,
		"spec.successfulJobsHistoryLimit": _number,
		"spec.updateStrategy": _object,
		"spec.updateStrategy.rollingUpdate": _object,
		"spec.updateStrategy.rollingUpdate.maxSurge": _share,
		"spec.updateStrategy.rollingUpdate.maxUnavailable": _share,
		"spec.volumeClaimTemplates": _list,
	},
	"job": {
		"spec": _object,
		"spec.activeDeadlineSeconds": _number,
		"spec.ttlSecondsAfterFinished": _number,
	},
	"pod": {
		"affinity": _object,
		"affinity.podAntiAffinity": _object,
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
	"containers": {
		"env": _list,
		"envFrom": _list,
		"livenessProbe": _object,
		"ports": _list,
		"readinessProbe": _object,
		"resources": _object,
		"resources.limits": _object,
		"resources.requests": _object,
		"startupProbe": _object,
		"volumeDevices": _list,
		"volumeMounts": _list,
	},
}
