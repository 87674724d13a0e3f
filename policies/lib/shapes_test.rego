package lib.kubernetes.shapes_test

import data.lib.kubernetes.shapes
import data.policy.kubernetes.fields
import data.policy.kubernetes.pod_security.baseline.shapes as pod_security
import data.policy.kubernetes.workloads

_shapes := {"places": {
	[]: {"items": "list of objects", "name": "string", "names": "list of strings", "numbers": "array"},
	["part"]: {"is": "boolean"},
}}

test_what_is_of_its_type_absent_or_null_is_no_problem if {
	every value in [
		{},
		{"items": null, "name": null, "names": null, "part": null},
		{"items": [], "name": "", "names": [], "numbers": [], "part": {}},
		{"items": [{}, {"a": 1}], "name": "a", "names": ["b", "a"], "numbers": [1, "a", null], "part": {"is": false}},
		{"other": 7, "part": {"other": [7]}},
	] {
		_wrong([value]) == set()
		_is_well_typed([value])
	}
}

test_every_other_type_is_a_problem if {
	every value in [{"names": 7}, {"name": []}, {"part": {"is": 0}}, {"items": [{}, 7]}, {"names": ["a", null]}] {
		not _is_well_typed([{}, value])
	}
	every value in [7, true, "a", {"a": "b"}] {
		_wrong([{"names": value}]) == {"/at/0/names"}
	}
	every value in [7, true, [], {}] {
		_wrong([{"name": value}]) == {"/at/0/name"}
	}
	every value in [0, "", "true", [], {}] {
		_wrong([{"part": {"is": value}}]) == {"/at/0/part/is"}
	}
}

test_one_element_of_another_type_is_a_problem_wherever_it_stands if {
	every element in [null, true, 7, [], ["a"], {}] {
		every names in [[element], [element, "a"], ["a", element], ["a", element, "b"]] {
			_wrong([{"names": names}]) == {"/at/0/names"}
		}
	}
	every element in [null, true, 7, "a", [], [{}]] {
		every items in [[element], [element, {}], [{}, element], [{"a": 1}, element, {"b": 2}]] {
			_wrong([{"items": items}]) == {"/at/0/items"}
		}
	}
}

test_the_one_place_of_many_is_named if {
	_wrong([{"name": "a"}, {"name": 7}, {}, {"name": "b"}]) == {"/at/1/name"}
	_wrong([{"names": ["a"]}, {"names": "a"}, {"names": ["a", 7]}]) == {"/at/1/names", "/at/2/names"}
	_wrong([{"part": {"is": true}}, {"part": 7}, {"part": {"is": 7}}]) == {"/at/2/part/is"}
}

test_two_lists_of_one_kind_are_told_apart if {
	lists := {"places": {[]: {"a": "list of strings", "b": "list of strings"}}}
	places := [{"label": "a place", "path": ["at", 0], "value": {"a": ["x"], "b": ["x", 7]}}]
	found := {problem.path | some problem in shapes.mistyped({"places": places}, lists)} with input as {"object": {"at": [places[0].value]}}
	found == {"/at/0/b"}
}

# A part of a container holds nothing else.
test_whatever_the_sets_name_in_containers_stands_in_a_field_that_they_name if {
	every wanted in [pod_security._shapes, workloads._shapes, fields._of_pods] {
		{below[0] | some below, _ in wanted.containers} - object.keys(wanted.containers[[]]) == set()
		object.keys(wanted) - object.keys(shapes._places) == set()
	}
}

_is_well_typed(values) if shapes.are_well_typed({"places": values}, _shapes)

# The pointers to what is of another type in `values`.
_wrong(values) := found if {
	places := [{"label": "a place", "path": ["at", i], "value": value} | some i, value in values]
	found := {problem.path | some problem in shapes.mistyped({"places": places}, _shapes)} with input as {"object": {"at": values}}
}
