# Whether an object has the shape that rules expect: what has another type is invisible to them, not allowed.
package lib.kubernetes.shapes

import data.lib.kubernetes.pods

# Why `input.object` cannot be judged, each a violation without its rule. `shapes` are the fields that rules
# read: for one of the places below, for a path in them, the fields there with their type, as `type_name` gives it, or
# `list of objects`, `list of strings`. `{"pod": {["securityContext"]: {"fsGroup": "number"}}}`. A field that is
# absent or null has every type.
problems(shapes) := _unreadable | mistyped(_places, shapes)

# The fields of `places`, by name, that have another type than `shapes` says, by name and path. Looked at are first,
# for all places together, the types of what is there, and one by one only the fields of which a type is wrong.
mistyped(places, shapes) := {problem |
	some [name, below, field] in suspects({name: [place.value | some place in list] | some name, list in places}, shapes)
	some place in places[name]
	path := array.concat(below, [field])
	value := object.get(place.value, path, null)
	value != null
	expected := shapes[name][below][field]
	not _fits(value, expected)
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

# The fields, `[name, below, field]`, that may have another type in some of `values[name]`, or elements of another; none
# where all is well.
suspects(values, shapes) := others | lists if {
	types := {[name, below, field, type_name(member)] |
		some name, list in values
		some value in list
		some below, fields in shapes[name]
		given := object.get(value, below, null)
		is_object(given)
		some field, member in object.filter(given, fields)
	}
	others := {[name, below, field] |
		some [name, below, field, type] in types
		type != shapes[name][below][field]
		type != "null"
		not _is_list(type, shapes[name][below][field])
	}
	lists := {[name, below, field] |
		some expected, wanted in _elements
		paths := [[name, array.concat(below, [field])] |
			some [name, below, field, "array"] in types
			shapes[name][below][field] == expected
		]
		elements := array.flatten([list | some [name, path] in paths; some value in values[name]; list := object.get(value, path, [])])
		# Types have an order, so that between two of one type there is no other.
		{type_name(min(elements)), type_name(max(elements))} != {wanted}
		some [name, below, field, "array"] in types
	}
}

_is_list("array", expected) if _elements[expected]

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

_fits(value, expected) if type_name(value) == expected

_fits(value, expected) if {
	is_array(value)
	wanted := _elements[expected]
	every element in value {
		type_name(element) == wanted
	}
}
