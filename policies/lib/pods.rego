# The one way to the pods of every object and to all their containers: a rule that walks `spec.containers`
# itself forgets init and ephemeral containers, CronJobs, or custom resources.
#
# A place is `{"label", "path", "value"}`: how a message names it, where it is in `input.object`, what is there.
#
# An evaluation costs what its expressions cost, each about a microsecond. So these lists are made once for all
# rules, and a rule asks for `container.value.field` itself, which is nothing where the field is absent: a call to
# `at` or `elements` is four to ten expressions, right where few objects come to it.
# `not container.value.field == false` is true where the field is absent, any other `not` with a field that is
# absent is undefined, since OPA looks the field up before: `object.get` says there what absent means.
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
templates := [{"label": "the pod template", "path": path, "value": _object_at(path)} | some [path, _] in _paths]

# The pods' own level: their specs.
all := [{"label": "the pod", "path": path, "value": _object_at(path)} | some [_, path] in _paths]

# Where each template is, and the pod's spec in it.
_paths contains [path, array.concat(path, ["spec"])] if {
	path := _templates[input.object.kind]
	not _is_custom
}

_paths contains [_template_of(path), path] if {
	not _is_known
	some path in _with_images
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
_with_images contains array.slice(path, 0, count(path) - 2) if {
	# To walk takes long, and most objects have no containers.
	regex.match(`"(c|initC|ephemeralC)ontainers":`, json.marshal(input.object))
	walk(input.object, [path, container])
	is_string(container.image)
	_lists[path[count(path) - 2]]
}

# A template holds its spec as `spec`; a spec under any other name is its own template.
_template_of(path) := array.slice(path, 0, count(path) - 1) if {
	path[count(path) - 1] == "spec"
} else := path

# Every container, of all three lists, with the pod it is in.
containers := [{"label": _label(noun, value), "path": array.concat(pod.path, [list, i]), "value": value, "pod": pod} |
	some pod in all
	some list, noun in _lists
	some i, value in pod.value[list]
	is_object(value)
]

_lists := {
	"containers": "container",
	"initContainers": "init container",
	"ephemeralContainers": "ephemeral container",
}

# The pods and their containers, for fields that either may set.
levels := array.concat(all, containers)

# What kubelet calls for a container, its probes and hooks; `call` is where in the `container`.
handlers := array.concat(_probes, _hooks)

_probes := [_handler(container, [name], value) |
	some container in containers
	some name, value in object.filter(container.value, {"livenessProbe", "readinessProbe", "startupProbe"})
	is_object(value)
]

_hooks := [_handler(container, ["lifecycle", name], value) |
	some container in containers
	lifecycle := container.value.lifecycle
	some name in ["postStart", "preStop"]
	value := lifecycle[name]
	is_object(value)
]

_handler(container, call, value) := {
	"label": container.label,
	"path": array.concat(container.path, call),
	"value": value,
	"call": call,
	"container": container.value,
}

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
	not is_set(object.get(input.object, whole, set()))
} else := _written(array.slice(whole, 0, depth)) if {
	whole := array.concat(place.path, path)
	depth := max([n | some n in numbers.range(0, count(whole)); _exists(array.slice(whole, 0, n))])
}

# JSON has no sets, so an empty one stands for "absent".
_exists(path) if not is_set(object.get(input.object, path, set()))

_written(segments) := concat("/", array.concat([""], [_escaped(segment) | some segment in segments]))

_escaped(segment) := strings.replace_n({"~": "~0", "/": "~1"}, sprintf("%v", [segment]))

_label(noun, value) := sprintf("%s %q", [noun, value.name]) if {
	is_string(value.name)
} else := sprintf("an unnamed %s", [noun])

# What is no object has no fields; GATE-K8S-001 and GATE-PSS-001 deny it.
_object_at(path) := value if {
	value := object.get(input.object, path, null)
	is_object(value)
} else := {}
