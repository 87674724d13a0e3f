# Whether an object has the shape that rules expect: what has another type is invisible to them, not allowed.
package lib.kubernetes.shapes

import data.lib.kubernetes.pods

# Why `input.object` cannot be judged, each a violation without its rule. `shapes` are the fields that rules
# read: for a set of places below, for a path in them, the fields there with their type, as `type_name` gives it, or
# `list of objects`, `list of strings`. `{"levels": {["securityContext"]: {"privileged": "boolean"}}}`. A field that is
# absent or null has every type.
problems(shapes) := _unreadable | {problem |
	some where, fields in shapes
	some problem in mistyped(_places[where], fields)
}

# The fields of `places` that have another type than `shapes` says, by path. Only what is there is compared, which is
# what makes this cheap.
mistyped(places, shapes) := {problem |
	some place in places
	some below, fields in shapes
	some field, value in object.get(place.value, below, null)
	expected := fields[field]
	value != null
	not _fits(value, expected)
	problem := {
		"message": sprintf("%s: %s is %s, expected %s", [
			place.label,
			concat(".", array.concat(below, [field])),
			type_name(value),
			expected,
		]),
		"path": pods.pointer(place, array.concat(below, [field])),
	}
}

_places.template contains template if some template in pods.templates

_places.pod contains pod if some pod in pods.all

_places.containers contains container if some container in pods.containers

_places.levels contains level if some level in pods.levels

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
	pods.at(pod, ["containers"]) in [null, []]
}

_has_kind if {
	is_string(input.object.kind)
	input.object.kind != ""
}

_fits(value, "boolean") if is_boolean(value)

_fits(value, "number") if is_number(value)

_fits(value, "object") if is_object(value)

_fits(value, "string") if is_string(value)

_fits(value, "array") if is_array(value)

_fits(value, "list of objects") if {
	is_array(value)
	every element in value {
		is_object(element)
	}
}

_fits(value, "list of strings") if {
	is_array(value)
	every element in value {
		is_string(element)
	}
}
