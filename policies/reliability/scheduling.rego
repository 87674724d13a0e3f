# METADATA
# scope: package
# title: Where pods run and how they end
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.reliability.scheduling

import data.lib.kubernetes.objects
import data.lib.kubernetes.pods
import data.lib.settings

# METADATA
# title: Replicas are not spread
# description: >-
#   Several replicas have neither topologySpreadConstraints nor pod anti-affinity, so all of them may run on one
#   node and end with it.
# custom:
#   id: GATE-K8S-162
#   severity: low
#   fix: add topologySpreadConstraints over kubernetes.io/hostname or topology.kubernetes.io/zone
#   docs: https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-162",
	"message": sprintf("%v replicas may run on one node", [objects.replicas]),
	"path": pods.pointer(pod, ["topologySpreadConstraints"]),
} if {
	input.object.kind in {"Deployment", "StatefulSet", "ReplicaSet"}
	objects.is_native
	objects.replicas > 1
	some pod in pods.all
	not _is_spread(pod)
}

# METADATA
# title: Priority of the cluster's own parts
# description: >-
#   A system priority class lets the pod push out whatever else runs, outside of settings.reliability.system_namespaces.
# custom:
#   id: GATE-K8S-163
#   severity: medium
#   fix: make a PriorityClass of your own below 1000000000
#   docs: https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-163",
	"message": sprintf("the pod has the priority class %s", [class]),
	"path": pods.pointer(pod, ["priorityClassName"]),
} if {
	some pod in pods.all
	class := pod.value.priorityClassName
	class in {"system-node-critical", "system-cluster-critical"}
	not objects.at(["metadata", "namespace"]) in _system
}

# METADATA
# title: Pod is tied to one node
# description: >-
#   nodeName goes past the scheduler: nothing asks whether the node has room, and without that node nothing runs.
#   A Pod read from a cluster has it from the scheduler, so there only templates are judged.
# custom:
#   id: GATE-K8S-164
#   severity: medium
#   fix: use nodeSelector or node affinity with a label that several nodes have
#   docs: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-164",
	"message": sprintf("the pod names the node %v", [node]),
	"path": pods.pointer(pod, ["nodeName"]),
} if {
	some pod in pods.all
	node := pod.value.nodeName
	not node in ["", null]
	_is_written
}

# METADATA
# title: Pod tolerates every taint
# description: >-
#   A toleration without a key lets the pod run on nodes that are reserved, broken or being drained. Only what
#   must run on every node needs that, so DaemonSets are not judged.
# custom:
#   id: GATE-K8S-165
#   severity: low
#   fix: name the taints that the pod may live with
#   docs: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-165",
	"message": "the pod tolerates every taint",
	"path": pods.pointer(pod, ["tolerations", i]),
} if {
	not objects.is_one_of({"DaemonSet"})
	some pod in pods.all
	some i, toleration in pod.value.tolerations
	toleration.operator == "Exists"
	object.get(toleration, "key", null) in ["", null]
}

# METADATA
# title: Pod is killed without time to stop
# description: terminationGracePeriodSeconds is 0; requests in flight break, and a StatefulSet may run one pod twice.
# custom:
#   id: GATE-K8S-166
#   severity: medium
#   fix: remove it (30 is the default), and let the program end on SIGTERM
#   docs: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-166",
	"message": "terminationGracePeriodSeconds is 0",
	"path": pods.pointer(pod, ["terminationGracePeriodSeconds"]),
} if {
	some pod in pods.all
	pod.value.terminationGracePeriodSeconds == 0
}

# METADATA
# title: Pod may take very long to stop
# description: It may stop for longer than settings.reliability.grace_s_max; the drain of its node waits for it.
# custom:
#   id: GATE-K8S-167
#   severity: low
#   fix: lower terminationGracePeriodSeconds, or raise settings.reliability.grace_s_max
#   docs: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-167",
	"message": sprintf("terminationGracePeriodSeconds is %v, more than %v", [seconds, limit]),
	"path": pods.pointer(pod, ["terminationGracePeriodSeconds"]),
} if {
	some pod in pods.all
	seconds := pod.value.terminationGracePeriodSeconds
	is_number(seconds)
	limit := settings.limit("reliability.grace_s_max")
	limit != null
	seconds > limit
}

# METADATA
# title: Restart policy that the kind cannot have
# description: >-
#   Jobs and CronJobs need OnFailure or Never, and Always is the default; all other workloads need Always.
#   Kubernetes refuses anything else.
# custom:
#   id: GATE-K8S-168
#   severity: medium
#   fix: set restartPolicy to OnFailure or Never in a Job, remove it elsewhere
#   docs: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
#   frameworks: []
deny contains {
	"rule": "GATE-K8S-168",
	"message": sprintf("restartPolicy of a %s is %v, expected %s", [
		input.object.kind,
		json.marshal(policy),
		concat(" or ", expected),
	]),
	"path": pods.pointer(pod, ["restartPolicy"]),
} if {
	some kinds, expected in _restart_policies
	objects.is_one_of(kinds)
	some pod in pods.all
	policy := pods.at(pod, ["restartPolicy"])
	not policy in expected
	not _defaults_well(policy, expected)
}

_restart_policies := {
	{"Job", "CronJob"}: ["OnFailure", "Never"],
	{"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"}: ["Always"],
}

_defaults_well(null, ["Always"])

_is_spread(pod) if count(pods.elements(pod, ["topologySpreadConstraints"])) > 0

_is_spread(pod) if is_object(pods.at(pod, ["affinity", "podAntiAffinity"]))

# A manifest, or the template of one: what a person wrote.
_is_written if not objects.is_one_of({"Pod"})

_is_written if input.point == "ci"

_system := names if {
	names := settings.list("reliability.system_namespaces")
	names != null
} else := []
