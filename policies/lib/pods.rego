# The one way to the pods of every object and to all their containers: a rule that walks `spec.containers`
# itself forgets init and ephemeral containers, CronJobs, or custom resources.
#
# A place is `{"label", "path", "value"}`: how a message names it, where it is in `input.object`, what is there.
#
# An evaluation costs what its expressions cost, each about a microsecond, and most of what is judged is well. So a
# rule first asks what there is, wherever it is: `contexts`, `volume_fields`, `parts`; the containers of a pod are much
# alike, and sets hold what is equal once. Only for what is wrong there it asks for the places, whose labels and paths
# cost far more, and asks each place the same again: `having` gives those with a part that was found wrong.
# `not part.securityContext.field == false` is true where the field is absent, any other `not` with a field that is
# absent is undefined, since OPA looks the field up before: `object.get` says there what absent means.
package lib.kubernetes.pods

# Where each kind keeps its pod template, and in it the spec of the pod.
_templates := {
	"CronJob": [["spec", "jobTemplate", "spec", "template"], ["spec", "jobTemplate", "spec", "template", "spec"]],
	"DaemonSet": [["spec", "template"], ["spec", "template", "spec"]],
	"Deployment": [["spec", "template"], ["spec", "template", "spec"]],
	"Job": [["spec", "template"], ["spec", "template", "spec"]],
	"Pod": [[], ["spec"]],
	"PodTemplate": [["template"], ["template", "spec"]],
	"ReplicaSet": [["spec", "template"], ["spec", "template", "spec"]],
	"ReplicationController": [["spec", "template"], ["spec", "template", "spec"]],
	"StatefulSet": [["spec", "template"], ["spec", "template", "spec"]],
}

# The pod template; of an object that is none of these kinds every one in it, wherever it is: a Rollout
# has one, an OpenShift Template many, and nobody knows all custom resources.
templates := [{"label": "the pod template", "path": path, "value": _object_at(path)} | some [path, _] in _paths]

# The pods' own level: their specs.
all := [{"label": "the pod", "path": path, "value": _object_at(path)} | some [_, path] in _paths]

# Where each template is, and the pod's spec in it.
_paths := [_templates[input.object.kind]] if {
	not _is_custom
} else := [[_template_of(path), path] | some path in _with_images]

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

# Every container by itself, without its place.
bare := [value |
	some pod in all
	some list, _ in _lists
	some value in pod.value[list]
	is_object(value)
]

# What the containers have of `fields`, each once: `{"securityContext": {"privileged": true}}`.
parts(fields) := {object.filter(container, fields) | some container in bare}

# The security contexts of containers as parts, and with those of the pods.
contexts := {{"securityContext": object.get(container, "securityContext", null)} | some container in bare}

level_contexts := contexts | {{"securityContext": object.get(pod.value, "securityContext", null)} | some pod in all}

# The places among `levels` or `containers` whose security context is the one of `part`.
having(places, part) := [place |
	some place in places
	object.get(place.value, "securityContext", null) == part.securityContext
]

# The names of all fields that volumes have, their types among them.
volume_fields := {field | some pod in all; some volume in pod.value.volumes; some field, _ in volume}

# The lists of ports of containers, each once.
ports := {container.ports | some container in bare}

# What kubelet calls for containers, each once.
calls := {call |
	some container in bare
	some field in ["livenessProbe", "readinessProbe", "startupProbe"]
	call := container[field]
	is_object(call)
} | {call |
	some container in bare
	lifecycle := container.lifecycle
	some field in ["postStart", "preStop"]
	call := lifecycle[field]
	is_object(call)
}

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
