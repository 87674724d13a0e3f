# Whether an object has the shape that rules expect: what has another type is invisible to them, not allowed.
package lib.kubernetes.shapes

import data.lib.kubernetes.pods

# Why `input.object` cannot be judged, each a violation without its rule. `shapes` are the fields that rules
# read: for one of the places below, for a path in them, the fields there with their type, as `type_name` gives it, or
# `list of objects`, `list of strings`. `{"pod": {["securityContext"]: {"fsGroup": "number"}}}`. A field that is
# absent or null has every type. Write it as one constant: what refers to others is put together for each object.
problems(shapes) := _unreadable if {
	are_well_typed(
		{
			"containers": pods.parts(object.keys(shapes.containers[[]])),
			"handlers": pods.calls,
			"pod": [pod.value | some pod in pods.all],
			"template": [template.value | some template in pods.templates],
		},
		shapes,
	)
} else := _unreadable | mistyped(_places, shapes)

# Whether nothing in `values`, by name as `shapes` are, has another type: asked of what there is, wherever it is.
are_well_typed(values, shapes) if {
	wrong := [field |
		some name, list in values
		some below, fields in shapes[name]
		some value in list
		given := object.get(value, below, null)
		some field, expected in fields
		member := given[field]
		type := type_name(member)
		type != expected
		not [type, {type_name(element) | some element in member}] in object.get(_as_lists, expected, {["null", set()]})
	]
	wrong == []
}

# What a field may be that has not the type it is said to have: the type of the value, and those of its elements.
_as_lists := {
	"list of objects": {["array", set()], ["array", {"object"}], ["null", set()]},
	"list of strings": {["array", set()], ["array", {"string"}], ["null", set()]},
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

# Whether `value`, whose type is not `expected`, is a list of it.
_fits(value, expected) if {
	is_array(value)
	type := _elements[expected]
	every element in value {
		type_name(element) == type
	}
}
