# The one way to the pods of every object and to all their containers: a rule that walks `spec.containers`
# itself forgets init and ephemeral containers, CronJobs, or custom resources.
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

# The pod template; of an object that is none of these kinds every one in it, wherever it is: a Rollout
# has one, an OpenShift Template many, and nobody knows all custom resources.
templates contains {"label": "the pod template", "path": path, "value": _object_at(path)} if {
	some [path, _] in _paths
}

# The pods' own level: their specs.
all contains {"label": "the pod", "path": path, "value": _object_at(path)} if some [_, path] in _paths

# Where each template is, and the pod's spec in it.
_paths contains [path, array.concat(path, ["spec"])] if {
	_is_known
	path := _templates[input.object.kind]
}

_paths contains [_template_of(path), path] if {
	not _is_known
	walk(input.object, [path, value])
	_has_images(value)
}

_is_known if {
	_templates[input.object.kind]
	not _is_custom
}

# Groups of custom resources have a dot, the groups of Kubernetes' own workloads have none.
_is_custom if {
	is_string(input.object.apiVersion)
	contains(input.object.apiVersion, ".")
}

# What has containers with images is the spec of a pod. Without an image they are changes to containers
# that an operator writes, as in Prometheus.
_has_images(value) if {
	some list, _ in _lists
	some container in value[list]
	is_string(container.image)
}

# A template holds its spec as `spec`; a spec under any other name is its own template.
_template_of(path) := array.slice(path, 0, count(path) - 1) if {
	path[count(path) - 1] == "spec"
} else := path

# Every container, of all three lists, with the pod it is in.
containers contains {"label": _label(noun, value), "path": path, "value": value, "pod": pod} if {
	some pod in all
	some list, noun in _lists
	some i, value in at(pod, [list])
	is_object(value)
	path := array.concat(pod.path, [list, i])
}

_lists := {
	"containers": "container",
	"initContainers": "init container",
	"ephemeralContainers": "ephemeral container",
}

# The pods and their containers, for fields that either may set.
levels contains pod if some pod in all

levels contains container if some container in containers

# The pod of a level: a container's own, a pod itself.
of(level) := object.get(level, "pod", level)

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
