# METADATA
# scope: package
# title: Names, labels, namespaces
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.reliability.names

import data.lib.kubernetes.objects
import data.lib.kubernetes.pods
import data.lib.settings
import data.lib.text

# METADATA
# title: Deprecated name of the service account
# description: serviceAccount is the deprecated spelling; where both are set and differ, serviceAccountName wins.
# custom:
#   id: GATE-K8S-181
#   severity: low
#   fix: use serviceAccountName alone
#   docs: https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-181",
	"message": sprintf("the pod names its service account %v with the deprecated field serviceAccount", [account]),
	"path": pods.pointer(pod, ["serviceAccount"]),
} if {
	some pod in pods.all
	account := pods.at(pod, ["serviceAccount"])
	not account in ["", null]
	# The API server fills in the one that is missing, so equal ones may be its work.
	account != pods.at(pod, ["serviceAccountName"])
}

# METADATA
# title: Workload without the recommended labels
# description: A label that settings.reliability.labels names is neither at the workload nor at its pods.
# custom:
#   id: GATE-K8S-182
#   severity: info
#   fix: add the label, as Kubernetes recommends for every application
#   docs: https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-182",
	"message": sprintf("the %s has no label %s", [input.object.kind, text.listed(missing)]),
	"path": pods.pointer(objects.root, ["metadata", "labels"]),
} if {
	objects.is_one_of(_workloads)
	missing := {label | some label in _labels; not _has_label(label)}
	count(missing) > 0
}

# METADATA
# title: Workload among the cluster's own parts
# description: A workload in one of settings.reliability.system_namespaces stands beside what the cluster needs to live.
# custom:
#   id: GATE-K8S-184
#   severity: medium
#   fix: give it a namespace of its own, or waive this for parts of the cluster
#   docs: https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-184",
	"message": sprintf("the %s is in the namespace %s", [input.object.kind, namespace]),
	"path": pods.pointer(objects.root, ["metadata", "namespace"]),
} if {
	objects.is_one_of(_workloads | {"Pod"})
	namespace := objects.at(["metadata", "namespace"])
	namespace in _system
}

# METADATA
# title: Two containers of one name
# description: Containers and init containers share their names; Kubernetes refuses a name used twice.
# custom:
#   id: GATE-K8S-185
#   severity: medium
#   fix: rename one of them
#   docs: https://kubernetes.io/docs/concepts/workloads/pods/
#   frameworks: []
deny contains {
	"rule": "GATE-K8S-185",
	"message": sprintf("%d containers are named %q", [count(those), name]),
	"path": pods.pointer(pod, []),
} if {
	all := [container.name | some container in pods.bare]
	count({name | some name in all}) < count(all)
	some pod in pods.all
	names := [name | some container in pods.containers; container.pod.path == pod.path; name := container.value.name]
	distinct := {name | some name in names}
	count(distinct) < count(names)
	some name in distinct
	is_string(name)
	those := [same | some same in names; same == name]
	count(those) > 1
}

# METADATA
# title: Port of a container given twice
# description: >-
#   Two ports of a container have one name, which Kubernetes refuses, or one number and protocol, of which updates
#   may lose the other.
# custom:
#   id: GATE-K8S-186
#   severity: low
#   fix: remove one of them
#   docs: https://kubernetes.io/docs/concepts/services-networking/service/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-186",
	"message": sprintf("%s: the port %v is given %d times", [container.label, key, count(those)]),
	"path": pods.pointer(container, ["ports"]),
} if {
	some given in pods.ports
	not _is_one(given)
	some container in pods.containers
	container.value.ports == given
	ports := pods.elements(container, ["ports"])
	some key in {key | some port in ports; some key in _keys(port)}
	those := [port | some port in ports; key in _keys(port)]
	count(those) > 1
}

_is_one(ports) if {
	is_array(ports)
	count(ports) < 2
}

_keys(port) := {key |
	some key in [pods.at(port, ["name"]), _number(port)]
	not key in ["", null]
}

_number(port) := sprintf("%v/%v", [number, protocol]) if {
	number := pods.at(port, ["containerPort"])
	number != null
	protocol := object.get({null: "TCP"}, pods.at(port, ["protocol"]), pods.at(port, ["protocol"]))
} else := ""

_workloads := {
	"CronJob", "DaemonSet", "Deployment", "Job", "ReplicaSet", "ReplicationController", "StatefulSet",
}

_has_label(label) if not objects.at(["metadata", "labels", label]) in ["", null]

_has_label(label) if {
	some template in pods.templates
	not pods.at(template, ["metadata", "labels", label]) in ["", null]
}

_labels := names if {
	names := settings.list("reliability.labels")
	names != null
} else := ["app.kubernetes.io/name"]

# A list that is none names the namespace that matters most.
_system := names if {
	names := settings.list("reliability.system_namespaces")
	names != null
} else := ["kube-system"]
