# METADATA
# scope: package
# title: Pods harder than the standards ask
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.hardening

import data.lib.images
import data.lib.kubernetes.pods

# METADATA
# title: Object in the default namespace
# description: >-
#   Quotas, network policies and rights hang on namespaces; in default everybody's things meet.
# custom:
#   id: GATE-K8S-128
#   severity: low
#   fix: give the workload a namespace of its own
#   frameworks: [CIS Kubernetes v1.8 5.7.4]
warn contains {
	"rule": "GATE-K8S-128",
	"message": "the workload is in the namespace default",
	"path": "/metadata/namespace",
} if {
	count(pods.all) > 0
	object.get(input.object, ["metadata", "namespace"], "") == "default"
}

# METADATA
# title: Container may write to its own files
# description: >-
#   Whoever breaks in can replace the program and leave tools behind.
# custom:
#   id: GATE-K8S-129
#   severity: low
#   fix: set readOnlyRootFilesystem to true and mount an emptyDir where it must write
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-129",
	"message": sprintf("%s may write to its root file system", [container.label]),
	"path": pods.pointer(container, ["securityContext", "readOnlyRootFilesystem"]),
} if {
	some container in pods.containers
	pods.at(container, ["securityContext", "readOnlyRootFilesystem"]) != true
	not _is_windows(container.pod)
}

# METADATA
# title: Pod reaches the container runtime
# description: >-
#   Who speaks to the runtime's socket starts privileged containers on the node.
# custom:
#   id: GATE-K8S-130
#   severity: critical
#   fix: remove the volume; build images and read logs without the runtime's socket
#   frameworks: [NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-130",
	"message": sprintf("the pod mounts %q", [path]),
	"path": pods.pointer(volume, ["hostPath", "path"]),
} if {
	some volume in _volumes
	path := pods.at(volume, ["hostPath", "path"])
	is_string(path)
	regex.match(`(docker|containerd|crio|cri-dockerd|podman)\.sock$|^/(var/)?run/(docker|containerd|crio)/?$`, path)
}

# METADATA
# title: Pod may write to its node
# description: >-
#   A path of the node that is mounted for writing is a way onto the node.
# custom:
#   id: GATE-K8S-131
#   severity: high
#   fix: mount it read-only, or use another kind of volume
#   frameworks: [CIS Kubernetes v1.8 5.2.12, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-131",
	"message": sprintf("%s writes to a path of the node", [container.label]),
	"path": pods.pointer(container, ["volumeMounts", index]),
} if {
	some container in pods.containers
	some index, mount in pods.at(container, ["volumeMounts"])
	some volume in pods.elements(container.pod, ["volumes"])
	pods.at(volume, ["name"]) == mount.name
	pods.at(volume, ["hostPath"]) != null
	object.get(mount, "readOnly", false) != true
}

# METADATA
# title: Process of the group root
# description: >-
#   Files of the group root, among them those of the image, may be writable for it.
# custom:
#   id: GATE-K8S-132
#   severity: low
#   fix: set runAsGroup to a number that is not 0
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-132",
	"message": sprintf("%s has %s 0", [level.label, field]),
	"path": pods.pointer(level, ["securityContext", field]),
} if {
	some level in pods.levels
	some field in ["runAsGroup", "fsGroup"]
	pods.at(level, ["securityContext", field]) == 0
}

# METADATA
# title: Pod on the control plane
# description: >-
#   Beside the API server and etcd it is close to the keys of the cluster.
# custom:
#   id: GATE-K8S-133
#   severity: medium
#   fix: remove the toleration or the node selector
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-133",
	"message": "the pod tolerates the control plane's taint",
	"path": pods.pointer(toleration, []),
} if {
	some pod in pods.all
	some toleration in pods.elements(pod, ["tolerations"])
	pods.at(toleration, ["key"]) in ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"]
}

# METADATA
# title: Pod with the default service account
# description: >-
#   Whatever is granted to default is granted to every pod of the namespace.
# custom:
#   id: GATE-K8S-134
#   severity: low
#   fix: make a service account for the workload
#   frameworks: [CIS Kubernetes v1.8 5.1.5]
warn contains {
	"rule": "GATE-K8S-134",
	"message": "the pod uses the default service account, with its token",
	"path": pods.pointer(pod, ["serviceAccountName"]),
} if {
	some pod in pods.all
	pods.at(pod, ["serviceAccountName"]) in [null, "", "default"]
	pods.at(pod, ["automountServiceAccountToken"]) != false
}

# METADATA
# title: Containers see each other's processes
# description: >-
#   shareProcessNamespace lets every container of the pod signal and read the others.
# custom:
#   id: GATE-K8S-135
#   severity: low
#   fix: remove shareProcessNamespace
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-135",
	"message": "the pod's containers share their processes",
	"path": pods.pointer(pod, ["shareProcessNamespace"]),
} if {
	some pod in pods.all
	pods.at(pod, ["shareProcessNamespace"]) == true
}

# METADATA
# title: Image that a node may already have
# description: >-
#   With a tag and without Always a node runs the image it has, and any pod of the node may use it without
#   the right to pull it.
# custom:
#   id: GATE-K8S-136
#   severity: low
#   fix: name the image by its digest, or set imagePullPolicy to Always
#   frameworks: [CIS Kubernetes v1.8 5.5.1]
warn contains {
	"rule": "GATE-K8S-136",
	"message": sprintf("%s: imagePullPolicy %s with a tag", [container.label, pods.at(container, ["imagePullPolicy"])]),
	"path": pods.pointer(container, ["imagePullPolicy"]),
} if {
	some container in pods.containers
	pods.at(container, ["imagePullPolicy"]) in ["Never", "IfNotPresent"]
	reference := pods.at(container, ["image"])
	is_string(reference)
	images.parts(reference).digest == ""
}

# METADATA
# title: Image without a registry
# description: >-
#   A name without a host is looked for wherever the node is set up to look first.
# custom:
#   id: GATE-K8S-137
#   severity: low
#   fix: write the registry into the name
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-137",
	"message": sprintf("%s: image %q names no registry", [container.label, reference]),
	"path": pods.pointer(container, ["image"]),
} if {
	some container in pods.containers
	reference := pods.at(container, ["image"])
	is_string(reference)
	not regex.match(`^([^/]+[.:][^/]*|localhost)/`, reference)
}

# METADATA
# title: Container keeps capabilities it does not need
# description: >-
#   The default set holds NET_RAW and others that few programs use.
# custom:
#   id: GATE-K8S-138
#   severity: low
#   fix: drop ALL and add the one that is needed
#   frameworks: [CIS Kubernetes v1.8 5.2.9, NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-138",
	"message": sprintf("%s does not drop ALL capabilities", [container.label]),
	"path": pods.pointer(container, ["securityContext", "capabilities"]),
} if {
	some container in pods.containers
	not _drops(container)
	not _is_windows(container.pod)
}

# METADATA
# title: Service account whose token every pod gets
# description: >-
#   Most programs never call the Kubernetes API; a token that is not there cannot be stolen.
# custom:
#   id: GATE-K8S-139
#   severity: low
#   fix: set automountServiceAccountToken to false, and to true in the pods that need it
#   frameworks: [CIS Kubernetes v1.8 5.1.6]
warn contains {
	"rule": "GATE-K8S-139",
	"message": "the service account's token is mounted into its pods",
	"path": "/automountServiceAccountToken",
} if {
	input.object.kind == "ServiceAccount"
	object.get(input.object, "automountServiceAccountToken", true) != false
}

# METADATA
# title: Namespace without a Pod Security level
# description: >-
#   Without the label enforce the API server admits privileged pods.
# custom:
#   id: GATE-K8S-140
#   severity: medium
#   fix: "label it pod-security.kubernetes.io/enforce: baseline or restricted"
#   frameworks: [CIS Kubernetes v1.8 5.2.1, NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-140",
	"message": sprintf("the namespace enforces the level %v", [level]),
	"path": "/metadata/labels",
} if {
	input.object.kind == "Namespace"
	level := object.get(input.object, ["metadata", "labels", "pod-security.kubernetes.io/enforce"], "none")
	not level in ["baseline", "restricted"]
}

_volumes contains volume if {
	some pod in pods.all
	some volume in pods.elements(pod, ["volumes"])
}

_drops(container) if {
	some name in pods.at(container, ["securityContext", "capabilities", "drop"])
	upper(name) == "ALL"
}

_is_windows(pod) if pods.at(pod, ["os", "name"]) == "windows"
