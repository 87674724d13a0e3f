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
# title: Container may write to its own files
# description: >-
#   Whoever breaks in can replace the program and leave tools behind.
# custom:
#   id: GATE-K8S-129
#   severity: low
#   fix: set readOnlyRootFilesystem to true and mount an emptyDir where it must write
#   docs: https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-129",
	"message": sprintf("%s may write to its root file system", [container.label]),
	"path": pods.pointer(container, ["securityContext", "readOnlyRootFilesystem"]),
} if {
	some part in pods.contexts
	not part.securityContext.readOnlyRootFilesystem == true
	some container in pods.having(pods.containers, part)
	not _is_windows(container.pod)
}

# METADATA
# title: Process of the group root
# description: >-
#   Files of the group root, among them those of the image, may be writable for it.
# custom:
#   id: GATE-K8S-132
#   severity: low
#   fix: give the field a number that is not 0
#   docs: https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-132",
	"message": sprintf("%s has the group 0 in %s", [level.label, field]),
	"path": pods.pointer(level, ["securityContext", field]),
} if {
	some part in pods.level_contexts
	some field in ["fsGroup", "runAsGroup", "supplementalGroups"]
	_is_root(part.securityContext[field])
	some level in pods.having(pods.levels, part)
}

# METADATA
# title: Pod on the control plane
# description: >-
#   Beside the API server and etcd it is close to the keys of the cluster. It tolerates the control plane's taint, or
#   every taint, or selects its nodes.
# custom:
#   id: GATE-K8S-133
#   severity: medium
#   fix: remove the toleration or the node selector
#   docs: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains object.union({"rule": "GATE-K8S-133"}, near) if some near in _near_control_plane

# METADATA
# title: Pod with the default service account
# description: >-
#   Whatever is granted to default is granted to every pod of the namespace. Where its token is not mounted, the
#   account does not matter.
# custom:
#   id: GATE-K8S-134
#   severity: low
#   fix: make a service account for the workload
#   docs: https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/
#   frameworks: [CIS Kubernetes v1.8 5.1.5]
warn contains {
	"rule": "GATE-K8S-134",
	"message": "the pod uses the default service account, with its token",
	"path": pods.pointer(pod, ["serviceAccountName"]),
} if {
	some pod in pods.all
	not pod.value.automountServiceAccountToken == false
	_account(pod) in [null, "", "default"]
}

# METADATA
# title: Containers see each other's processes
# description: >-
#   shareProcessNamespace lets every container of the pod signal and read the others.
# custom:
#   id: GATE-K8S-135
#   severity: low
#   fix: remove shareProcessNamespace
#   docs: https://kubernetes.io/docs/tasks/configure-pod-container/share-process-namespace/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-135",
	"message": "the pod's containers share their processes",
	"path": pods.pointer(pod, ["shareProcessNamespace"]),
} if {
	some pod in pods.all
	pod.value.shareProcessNamespace == true
}

# METADATA
# title: Image that is never pulled
# description: >-
#   With imagePullPolicy Never a node runs what it has under that name, whoever put it there, and asks nobody whether
#   the pod may use it.
# custom:
#   id: GATE-K8S-136
#   severity: medium
#   fix: remove imagePullPolicy, or set it to Always
#   docs: https://kubernetes.io/docs/concepts/containers/images/
#   frameworks: [CIS Kubernetes v1.8 5.5.1]
warn contains {
	"rule": "GATE-K8S-136",
	"message": sprintf("%s never pulls its image", [place.label]),
	"path": path,
} if {
	some [place, path] in _never_pulled
}

# METADATA
# title: Image without a registry
# description: >-
#   A name without a host is looked for wherever the node is set up to look first.
# custom:
#   id: GATE-K8S-137
#   severity: low
#   fix: write the registry into the name
#   docs: https://kubernetes.io/docs/concepts/containers/images/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-137",
	"message": sprintf("%s: image %q names no registry", [place.label, reference]),
	"path": pods.pointer(place, path),
} if {
	some reference in _images
	is_string(reference)
	reference != ""
	not images.has_registry(reference)
	some [place, path, named] in _references
	named == reference
}

# METADATA
# title: Container keeps capabilities it does not need
# description: >-
#   The default set holds NET_RAW and others that few programs use.
# custom:
#   id: GATE-K8S-138
#   severity: low
#   fix: drop ALL and add the one that is needed
#   docs: https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
#   frameworks: [CIS Kubernetes v1.8 5.2.9, NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-138",
	"message": sprintf("%s does not drop ALL capabilities", [container.label]),
	"path": pods.pointer(container, ["securityContext", "capabilities"]),
} if {
	some part in pods.contexts
	not "ALL" in object.get(part, ["securityContext", "capabilities", "drop"], [])
	not _drops(part)
	some container in pods.having(pods.containers, part)
	not _is_windows(container.pod)
}

# METADATA
# title: Container takes logins
# description: >-
#   Port 22 means a login into the container beside the cluster's own, with keys that nobody rotates and no audit.
# custom:
#   id: GATE-K8S-221
#   severity: low
#   fix: remove the SSH server; kubectl exec and kubectl debug are logged and authorised
#   docs: https://kubernetes.io/docs/tasks/debug/debug-application/debug-running-pod/
#   frameworks: [NIST SP 800-190 4.4.3]
warn contains {
	"rule": "GATE-K8S-221",
	"message": sprintf("%s listens on port 22", [container.label]),
	"path": pods.pointer(container, ["ports", i, "containerPort"]),
} if {
	some ports in pods.ports
	some i, port in ports
	port.containerPort == 22
	some container in pods.containers
	container.value.ports == ports
}

_is_root(0)

_is_root(groups) if 0 in groups

_near_control_plane contains {
	"message": "the pod tolerates the control plane's taint",
	"path": pods.pointer(pod, ["tolerations", i]),
} if {
	some pod in pods.all
	some i, toleration in pod.value.tolerations
	is_object(toleration)
	_tolerates_control_plane(toleration)
}

_near_control_plane contains {
	"message": "the pod selects nodes of the control plane",
	"path": pods.pointer(pod, ["nodeSelector", label]),
} if {
	some pod in pods.all
	some label, _ in pod.value.nodeSelector
	label in _control_plane
}

_control_plane := {"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"}

_tolerates_control_plane(toleration) if toleration.key in _control_plane

# Without a key it is for every taint.
_tolerates_control_plane(toleration) if {
	toleration.operator == "Exists"
	object.get(toleration, "key", null) in ["", null]
	object.get(toleration, "effect", null) in ["", "NoSchedule", null]
}

# serviceAccount is the older name of the field; Kubernetes reads it where the newer one is not set.
_account(pod) := pods.at(pod, ["serviceAccount"]) if {
	pods.at(pod, ["serviceAccountName"]) in ["", null]
} else := pods.at(pod, ["serviceAccountName"])

# Every image that is named, once.
_images := {container.image | some container in pods.bare} | {volume.image.reference |
	some pod in pods.all
	some volume in pod.value.volumes
}

_references contains [container, ["image"], container.value.image] if some container in pods.containers

_references contains [pod, ["volumes", i, "image", "reference"], volume.image.reference] if {
	some pod in pods.all
	some i, volume in pod.value.volumes
}

_never_pulled contains [container, pods.pointer(container, ["imagePullPolicy"])] if {
	"Never" in {container.imagePullPolicy | some container in pods.bare}
	some container in pods.containers
	container.value.imagePullPolicy == "Never"
}

_never_pulled contains [pod, pods.pointer(pod, ["volumes", i, "image", "pullPolicy"])] if {
	"image" in pods.volume_fields
	some pod in pods.all
	some i, volume in pod.value.volumes
	volume.image.pullPolicy == "Never"
}

_drops(part) if {
	some name in part.securityContext.capabilities.drop
	is_string(name)
	upper(name) == "ALL"
}

_is_windows(pod) if pod.value.os.name == "windows"
