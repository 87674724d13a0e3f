# METADATA
# scope: package
# title: Paths of the node, for workloads that may have one
# custom:
#   scope: object
#   points: [ci, admission, background]
#   kinds: [workloads, PersistentVolume]
package policy.kubernetes.nodes

import data.lib.kubernetes.kinds
import data.lib.kubernetes.pods
import data.lib.settings

# METADATA
# title: Pod reaches the container runtime
# description: >-
#   Who speaks to the runtime's socket starts privileged containers on the node. The socket itself is mounted, or a
#   directory that it lies in.
# custom:
#   id: GATE-K8S-130
#   severity: critical
#   fix: remove the volume; build images and read logs without the runtime's socket
#   docs: https://kubernetes.io/docs/concepts/storage/volumes/
#   frameworks: [NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-130",
	"message": sprintf("the pod mounts %q", [written]),
	"path": place,
} if {
	some [place, written, path] in _paths
	regex.match(concat("|", [
		`(containerd|cri-dockerd|crio|docker|frakti|podman)\.sock$`,
		`^(/var)?/run(/(containerd|crio|docker|k3s|podman)(/.*)?)?$`,
	]), path)
}

# METADATA
# title: Pod may write to its node
# description: >-
#   A path of the node that is mounted for writing is a way onto the node.
# custom:
#   id: GATE-K8S-131
#   severity: high
#   fix: mount it read-only, or use another kind of volume
#   docs: https://kubernetes.io/docs/concepts/storage/volumes/
#   frameworks: [CIS Kubernetes v1.8 5.2.12, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-131",
	"message": sprintf("%s writes to a path of the node", [container.label]),
	"path": pods.pointer(container, ["volumeMounts", i, "readOnly"]),
} if {
	_has_host_path
	some container in pods.containers
	some i, mount in container.value.volumeMounts
	is_object(mount)
	not mount.readOnly == true
	some volume in container.pod.value.volumes
	volume.hostPath != null
	object.get(volume, "name", null) == object.get(mount, "name", null)
}

# METADATA
# title: Pod reads the keys of its node
# description: >-
#   The path holds, or lies in, one of settings.kubernetes.node_keys: with the kubelet's or the cluster's keys a pod
#   is the node, or the cluster.
# custom:
#   id: GATE-K8S-218
#   severity: critical
#   fix: mount only the file that is needed, from a directory of its own
#   docs: https://kubernetes.io/docs/concepts/storage/volumes/
#   frameworks: [CIS Kubernetes v1.8 5.2.12, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-218",
	"message": sprintf("the pod mounts %q, which holds keys of the node", [written]),
	"path": place,
} if {
	some [place, written, path] in _paths
	_meets_keys(path)
}

# METADATA
# title: Mount that reaches back into the node
# description: With mountPropagation Bidirectional what the container mounts appears on the node and in other pods.
# custom:
#   id: GATE-K8S-219
#   severity: high
#   fix: remove mountPropagation, or set it to HostToContainer
#   docs: https://kubernetes.io/docs/concepts/storage/volumes/
#   frameworks: [NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-219",
	"message": sprintf("%s mounts with propagation to the node", [container.label]),
	"path": pods.pointer(container, ["volumeMounts", i, "mountPropagation"]),
} if {
	some propagation in {mount.mountPropagation | some container in pods.bare; some mount in container.volumeMounts}
	not propagation in {"HostToContainer", "None", "", null}
	some container in pods.containers
	some i, mount in container.value.volumeMounts
	mount.mountPropagation == propagation
}

# METADATA
# title: Volume that is a path of the node
# description: >-
#   A pod that may not mount a path of the node mounts it by a claim of such a volume, past the Pod Security Standards.
# custom:
#   id: GATE-K8S-220
#   severity: medium
#   fix: use a storage class; for a disk of the node a volume of the type local
#   docs: https://kubernetes.io/docs/concepts/storage/persistent-volumes/
#   frameworks: [CIS Kubernetes v1.8 5.1.9]
warn contains {
	"rule": "GATE-K8S-220",
	"message": "the persistent volume is a path of the node",
	"path": "/spec/hostPath",
} if {
	input.object.kind == "PersistentVolume"
	kinds.is_of([])
	object.get(input.object, ["spec", "hostPath"], null) != null
}

# Each volume that is a path of the node, with the path without doubled and closing slashes; empty for the root.
_paths contains [pods.pointer(pod, ["volumes", i, "hostPath", "path"]), path, clean] if {
	"hostPath" in pods.volume_fields
	some pod in pods.all
	some i, volume in pod.value.volumes
	path := volume.hostPath.path
	is_string(path)
	clean := concat("", [sprintf("/%s", [segment]) | some segment in split(path, "/"); not segment in {"", "."}])
}

# Where the setting is no list, every path does.
_has_host_path if {
	"hostPath" in pods.volume_fields
	some pod in pods.all
	some volume in pod.value.volumes
	volume.hostPath != null
}

_meets_keys(_) if settings.list("kubernetes.node_keys") == null

_meets_keys(path) if {
	some key in settings.list("kubernetes.node_keys")
	is_string(key)
	_is_within(path, key)
}

_meets_keys(path) if {
	some key in settings.list("kubernetes.node_keys")
	is_string(key)
	_is_within(key, path)
}

_is_within(path, above) if startswith(sprintf("%s/", [path]), sprintf("%s/", [above]))
