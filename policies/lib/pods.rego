# The one way to the pod template of every workload kind and to all its containers: a rule that walks
# `spec.containers` itself forgets init and ephemeral containers, or CronJobs.
#
# A place is `{"label", "path", "value"}`: how a message names it, where it is in `input.object`, what is there.
package lib.kubernetes.pods

# Where each kind keeps its pod template.
_templates := {
	"CronJob": ["spec", "jobTemplate", "spec", "template"],
	"DaemonSet": ["spec", "template"],
	"Deployment": ["spec", "template"],
	"Job": ["spec", "template"],
	"Pod": [],
	"PodTemplate": ["template"],
	"ReplicaSet": ["spec", "template"],
	"ReplicationController": ["spec", "template"],
	"StatefulSet": ["spec", "template"],
}

# The pod template; undefined for objects that are no workload.
template := {"label": "the pod template", "path": path, "value": _object_at(path)} if {
	path := _templates[input.object.kind]
	not _is_custom
}

# Groups of custom resources have a dot, the groups of Kubernetes' own workloads have none.
_is_custom if {
	is_string(input.object.apiVersion)
	contains(input.object.apiVersion, ".")
}

# The pod's own level: its spec.
pod := {"label": "the pod", "path": path, "value": _object_at(path)} if {
	path := array.concat(template.path, ["spec"])
}

# Every container, of all three lists.
containers contains {"label": _label(noun, value), "path": path, "value": value} if {
	some list, noun in {
		"containers": "container",
		"initContainers": "init container",
		"ephemeralContainers": "ephemeral container",
	}
	some i, value in at(pod, [list])
	is_object(value)
	path := array.concat(pod.path, [list, i])
}

# The pod and its containers, for fields that either may set.
levels contains pod

levels contains container if some container in containers

# The value at `path` below a place; null where it is absent.
at(place, path) := object.get(place.value, path, null)

# The objects of the list at `path` below a place, as places.
elements(place, path) := [{"label": place.label, "path": array.concat(place.path, array.concat(path, [i])), "value": v} |
	some i, v in at(place, path)
	is_object(v)
]

# JSON pointer (RFC 6901) to `path` below a place, or to its nearest parent that exists.
pointer(place, path) := _written(whole) if {
	whole := array.concat(place.path, path)
	_exists(whole)
} else := _written(array.slice(whole, 0, depth)) if {
	whole := array.concat(place.path, path)
	depth := max([n | some n in numbers.range(0, count(whole)); _exists(array.slice(whole, 0, n))])
}

# JSON has no sets, so an empty one stands for "absent".
_exists(path) if not is_set(object.get(input.object, path, set()))

_written(segments) := concat("", [sprintf("/%s", [_escaped(segment)]) | some segment in segments])

_escaped(segment) := replace(replace(sprintf("%v", [segment]), "~", "~0"), "/", "~1")

_label(noun, value) := sprintf("%s %q", [noun, value.name]) if {
	is_string(object.get(value, "name", null))
} else := sprintf("an unnamed %s", [noun])

# What is no object has no fields; GATE-K8S-001 and GATE-PSS-001 deny it.
_object_at(path) := value if {
	value := object.get(input.object, path, null)
	is_object(value)
} else := {}
