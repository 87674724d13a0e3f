# Whether an object has the shape that rules expect: what has another type is invisible to them, not allowed.
package lib.kubernetes.shapes

import data.lib.kubernetes.pods

# Why `input.object` cannot be judged, each a violation without its rule. `shapes` are the fields that rules
# read: for one of the places below, for a path in them, the fields there with their type, as `type_name` gives it, or
# `list of objects`, `list of strings`. `{"pod": {["securityContext"]: {"fsGroup": "number"}}}`. A field that is
# absent or null has every type. Write it as one constant: what refers to others is put together for each object.
problems(shapes) := _unreadable if {
	are_well_typed(_values, shapes)
	_are_containers_well_typed(shapes)
} else := _unreadable | mistyped(_places, shapes)

# Whether nothing among `values` has another type than `shapes` says: `{"pod": {["securityContext"]: […]}}`, all
# that is there for each of its paths.
are_well_typed(values, shapes) if {
	wrong := [field |
		some name, of in shapes
		some below, fields in of
		some value in values[name][below]
		some field, expected in fields
		member := value[field]
		type_name(member) != expected
		not _fits(member, expected)
	]
	wrong == []
}

_are_containers_well_typed(shapes) if {
	wrong := [field |
		some field, expected in shapes.containers[[]]
		some member in {container[field] | some container in pods.bare}
		type_name(member) != expected
		not _fits(member, expected)
	]
	wrong == []
}

# What is at each path of a place, except for containers themselves.
_values := {
	"containers": {
		["lifecycle"]: {container.lifecycle | some container in pods.bare},
		["resources"]: {container.resources | some container in pods.bare},
		["securityContext"]: {part.securityContext | some part in pods.contexts},
		["securityContext", "capabilities"]: {part.securityContext.capabilities | some part in pods.contexts},
		["securityContext", "windowsOptions"]: {part.securityContext.windowsOptions | some part in pods.contexts},
	},
	"handlers": {[]: pods.calls},
	"pod": {
		[]: [pod.value | some pod in pods.all],
		["os"]: [pod.value.os | some pod in pods.all],
		["resources"]: [pod.value.resources | some pod in pods.all],
		["securityContext"]: [pod.value.securityContext | some pod in pods.all],
		["securityContext", "capabilities"]: [pod.value.securityContext.capabilities | some pod in pods.all],
		["securityContext", "windowsOptions"]: [pod.value.securityContext.windowsOptions | some pod in pods.all],
	},
	"template": {
		[]: [template.value | some template in pods.templates],
		["metadata"]: [template.value.metadata | some template in pods.templates],
	},
}

# The fields of `places`, by name, that have another type than `shapes` says.
mistyped(places, shapes) := {problem |
	some name, list in places
	some place in list
	some below, fields in shapes[name]
	given := object.get(place.value, below, null)
	some field, expected in fields
	value := given[field]
	type_name(value) != expected
	value != null
	not _fits(value, expected)
	path := array.concat(below, [field])
	problem := {
		"message": sprintf("%s: %s is %s, expected %s", [
			place.label,
			concat(".", array.concat(object.get(place, "call", []), path)),
			type_name(value),
			expected,
		]),
		"path": pods.pointer(place, path),
	}
}

_elements := {"list of objects": "object", "list of strings": "string"}

_places := {
	"containers": pods.containers,
	"handlers": pods.handlers,
	"pod": pods.all,
	"template": pods.templates,
}

# On DELETE the object is null.
_unreadable contains {"message": "the object has no kind", "path": ""} if {
	input.object != null
	not _has_kind
}

_unreadable contains {
	"message": sprintf("a %s must be taken apart before its items can be judged", [input.object.kind]),
	"path": "/items",
} if {
	is_string(input.object.kind)
	endswith(input.object.kind, "List")
	"items" in object.keys(input.object)
}

_unreadable contains {
	"message": "the workload has no containers",
	"path": pods.pointer(pod, ["containers"]),
} if {
	some pod in pods.all
	object.get(pod.value, "containers", null) in [null, []]
}

_has_kind if {
	is_string(input.object.kind)
	input.object.kind != ""
}

# Whether `value`, whose type is not `expected`, is a list of it, or nothing. Types have an order, so that between two
# of one type there is no other.
_fits(null, _)

_fits(value, expected) if {
	is_array(value)
	type := _elements[expected]
	{type_name(min(value)), type_name(max(value))} == {type}
}

_fits([], expected) if _elements[expected]
