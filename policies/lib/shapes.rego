# Whether an object has the shape that rules expect: what has another type is invisible to them, not allowed.
package lib.kubernetes.shapes

import data.lib.kubernetes.pods

# Why `input.object` cannot be judged, each a violation without its rule. `shapes` are the fields that rules
# read, `{"levels": {"securityContext.privileged": "boolean"}}`: a set of places below, and the type that
# `type_name` gives, `list of objects` or `list of strings`. A field that is absent or null has every type.
problems(shapes) := _unreadable | {problem |
	some where, fields in shapes
	some problem in mistyped(_places[where], fields)
}

# The `fields` of `places` that have another type than `fields` says.
mistyped(places, fields) := {problem |
	some place in places
	some field, expected in fields
	path := split(field, ".")
	value := pods.at(place, path)
	value != null
	not _fits(value, expected)
	problem := {
		"message": sprintf("%s: %s is %s, expected %s", [place.label, field, type_name(value), expected]),
		"path": pods.pointer(place, path),
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

_fits(value, expected) if type_name(value) == expected

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
