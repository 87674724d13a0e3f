# METADATA
# scope: package
# title: Volumes and what mounts them
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.reliability.volumes

import data.lib.kubernetes.objects
import data.lib.kubernetes.pods

# METADATA
# title: Folder in memory without a size limit
# description: An emptyDir with medium Memory counts as memory of the pod; without sizeLimit it may take half of the node.
# custom:
#   id: GATE-K8S-148
#   severity: medium
#   fix: set emptyDir.sizeLimit
#   docs: https://kubernetes.io/docs/concepts/storage/volumes/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-148",
	"message": sprintf("the volume %v is in memory and has no sizeLimit", [object.get(volume, "name", null)]),
	"path": pods.pointer(pod, ["volumes", i, "emptyDir"]),
} if {
	some [pod, i, volume] in _unlimited
	volume.emptyDir.medium == "Memory"
}

# METADATA
# title: Temporary folder without a size limit
# description: An emptyDir without sizeLimit can fill the disk of its node, and every pod there is evicted.
# custom:
#   id: GATE-K8S-149
#   severity: info
#   fix: set emptyDir.sizeLimit, or a limit of ephemeral-storage
#   docs: https://kubernetes.io/docs/concepts/storage/volumes/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-149",
	"message": sprintf("the volume %v has no sizeLimit", [object.get(volume, "name", null)]),
	"path": pods.pointer(pod, ["volumes", i, "emptyDir"]),
} if {
	some [pod, i, volume] in _unlimited
	not volume.emptyDir.medium == "Memory"
	not _is_limited(pod)
}

# METADATA
# title: Mounted volume does not exist
# description: A container mounts a volume that the pod does not have; Kubernetes refuses such a pod.
# custom:
#   id: GATE-K8S-150
#   severity: medium
#   fix: correct the name, or add the volume
#   docs: https://kubernetes.io/docs/concepts/storage/volumes/
#   frameworks: []
deny contains {
	"rule": "GATE-K8S-150",
	"message": sprintf("%s mounts the volume %v, which the pod does not have", [container.label, name]),
	"path": pods.pointer(container, [list, i, "name"]),
} if {
	not _are_mounts_known
	some pod in pods.all
	names := {object.get(volume, "name", null) | some volume in pod.value.volumes; is_object(volume)}
	some container in pods.containers
	container.pod.path == pod.path
	some list in ["volumeMounts", "volumeDevices"]
	some i, mount in container.value[list]
	is_object(mount)
	name := object.get(mount, "name", null)
	not name in names
	not _is_claimed(name)
}

# METADATA
# title: Two volumes are mounted at one path
# description: Two mounts of a container have the same mountPath; Kubernetes refuses such a pod.
# custom:
#   id: GATE-K8S-151
#   severity: medium
#   fix: give each mount a path of its own
#   docs: https://kubernetes.io/docs/concepts/storage/volumes/
#   frameworks: []
deny contains {
	"rule": "GATE-K8S-151",
	"message": sprintf("%s mounts two volumes at %v", [container.label, path]),
	"path": pods.pointer(mounts[j], ["mountPath"]),
} if {
	some given in {container.volumeMounts | some container in pods.bare}
	paths := [mount.mountPath | some mount in given]
	count({path | some path in paths}) < count(paths)
	some container in pods.containers
	container.value.volumeMounts == given
	mounts := pods.elements(container, ["volumeMounts"])
	some i, first in mounts
	path := pods.at(first, ["mountPath"])
	path != null
	some j in numbers.range(i + 1, count(mounts) - 1)
	j > i
	pods.at(mounts[j], ["mountPath"]) == path
}

# Whether the one pod has every volume that a container of it names.
_are_mounts_known if {
	count(pods.all) == 1
	names := {object.get(volume, "name", null) | some pod in pods.all; some volume in pod.value.volumes; is_object(volume)}
	mounted := {object.get(mount, "name", null) |
		some lists in ({container.volumeMounts | some container in pods.bare} | {container.volumeDevices | some container in pods.bare})
		some mount in lists
		is_object(mount)
	}
	mounted - names == set()
}

_unlimited contains [pod, i, volume] if {
	some pod in pods.all
	some i, volume in pod.value.volumes
	folder := volume.emptyDir
	is_object(folder)
	object.get(folder, "sizeLimit", null) == null
}

# A limit on each container bounds the folders of the pod too.
_is_limited(pod) if {
	every container in pods.elements(pod, ["containers"]) {
		pods.at(container, ["resources", "limits", "ephemeral-storage"]) != null
	}
	count(pods.elements(pod, ["containers"])) > 0
}

_is_claimed(name) if {
	objects.is_one_of({"StatefulSet"})
	some claim in pods.elements(objects.root, ["spec", "volumeClaimTemplates"])
	pods.at(claim, ["metadata", "name"]) == name
}
