# METADATA
# scope: package
# title: What outlives a pod
# custom:
#   scope: object
#   points: [ci, admission, background]
#   kinds: [workloads, PersistentVolumeClaim]
package policy.kubernetes.reliability.storage

import data.lib.kubernetes.objects
import data.lib.kubernetes.pods

# METADATA
# title: StatefulSet keeps nothing
# description: It has no volumeClaimTemplates and its pods mount no claim, so what they write is gone with them.
# custom:
#   id: GATE-K8S-152
#   severity: low
#   fix: add volumeClaimTemplates, or use a Deployment
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-152",
	"message": "the StatefulSet has no volumeClaimTemplates, and its pods mount no claim",
	"path": pods.pointer(objects.root, ["spec", "volumeClaimTemplates"]),
} if {
	input.object.kind == "StatefulSet"
	objects.is_native
	count(pods.elements(objects.root, ["spec", "volumeClaimTemplates"])) == 0
	not _mounts_a_claim
}

# METADATA
# title: Data is deleted with its StatefulSet
# description: >-
#   persistentVolumeClaimRetentionPolicy deletes the claims when the StatefulSet is deleted or scaled down, and with
#   most storage classes the data too.
# custom:
#   id: GATE-K8S-153
#   severity: medium
#   fix: say Retain, and delete claims by hand
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-153",
	"message": sprintf("persistentVolumeClaimRetentionPolicy.%s is not Retain", [when]),
	"path": pods.pointer(objects.root, ["spec", "persistentVolumeClaimRetentionPolicy", when]),
} if {
	input.object.kind == "StatefulSet"
	objects.is_native
	some when in ["whenDeleted", "whenScaled"]
	not objects.at(["spec", "persistentVolumeClaimRetentionPolicy", when]) in ["Retain", null]
}

# METADATA
# title: Claim with access modes that Kubernetes refuses
# description: A claim needs an access mode that Kubernetes knows, and ReadWriteOncePod stands alone.
# custom:
#   id: GATE-K8S-154
#   severity: medium
#   fix: set accessModes, [ReadWriteOnce] for a volume that one node uses
#   docs: https://kubernetes.io/docs/concepts/storage/persistent-volumes/
#   frameworks: []
deny contains {
	"rule": "GATE-K8S-154",
	"message": sprintf("accessModes is %v", [json.marshal(modes)]),
	"path": pods.pointer(claim, ["accessModes"]),
} if {
	some claim in _claims
	modes := pods.at(claim, ["accessModes"])
	not _are_modes(modes)
}

_mounts_a_claim if {
	some pod in pods.all
	some volume in pods.elements(pod, ["volumes"])
	some kind in ["persistentVolumeClaim", "ephemeral"]
	pods.at(volume, [kind]) != null
}

# The specs of claims: the object's own, and those that it makes for its pods.
_claims contains {"label": "the claim", "path": ["spec"], "value": _object(objects.at(["spec"]))} if {
	input.object.kind == "PersistentVolumeClaim"
	objects.is_native
}

_claims contains {
	"label": "the claim",
	"path": array.concat(template.path, ["spec"]),
	"value": _object(pods.at(template, ["spec"])),
} if {
	input.object.kind == "StatefulSet"
	objects.is_native
	some template in pods.elements(objects.root, ["spec", "volumeClaimTemplates"])
}

_claims contains {
	"label": "the claim",
	"path": array.concat(volume.path, ["ephemeral", "volumeClaimTemplate", "spec"]),
	"value": _object(pods.at(volume, ["ephemeral", "volumeClaimTemplate", "spec"])),
} if {
	some pod in pods.all
	some volume in pods.elements(pod, ["volumes"])
	pods.at(volume, ["ephemeral"]) != null
}

_are_modes(modes) if {
	is_array(modes)
	count(modes) > 0
	every mode in modes {
		mode in {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"}
	}
	not _shares_the_exclusive(modes)
}

_shares_the_exclusive(modes) if {
	"ReadWriteOncePod" in modes
	count(modes) > 1
}

_object(value) := value if {
	is_object(value)
} else := {}
