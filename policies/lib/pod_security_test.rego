package lib.kubernetes.pod_security_test

import data.lib.kubernetes.builders
import data.lib.kubernetes.pod_security

test_a_level_holds_in_the_version_that_was_selected if {
	_minors("1.29", null) == [{29}, set()]
	_minors("1.0", null) == [{0}, set()]
	_minors("1.8", "1.8") == [{8}, {8}]
}

test_restricted_contains_baseline if _minors(null, "1.29") == [{29}, {29}]

test_two_levels_in_two_versions_both_hold if _minors("1.37", "1.20") == [{20, 37}, {20}]

test_a_version_that_is_not_known_yet_is_the_newest if {
	_minors("1.38", null) == [{37}, set()]
	_minors(null, "1.99") == [{37}, {37}]
}

test_what_is_no_version_is_the_newest if {
	every value in ["", "1", "v1.29", "1.029", "1.-1", "1.29.3", "latest", "2.0", "1.1234567", 1.29, 29, true, [], {}] {
		_minors(value, null) == [{37}, set()]
		_minors(null, value) == [{37}, {37}]
	}
}

test_where_nothing_is_selected_everything_holds if {
	_minors(null, null) == [{37}, {37}]
	every settings in [{}, {"pod_security": null}, {"pod_security": []}, {"pod_security": "1.29"}, {"pod_security": {}}] {
		minors := pod_security.minors("baseline") | pod_security.minors("restricted") with input as {"settings": settings}
		minors == {37}
	}
}

test_a_check_is_reached_in_its_own_version if {
	pod_security.reaches("baseline", 34) with input as builders.standards(builders.pod({}), "1.34", null)
	not pod_security.reaches("baseline", 34) with input as builders.standards(builders.pod({}), "1.33", null)
	not pod_security.reaches("restricted", 0) with input as builders.standards(builders.pod({}), "1.37", null)
}

test_windows_is_exempt_from_v1_25_on_and_by_its_exact_name if {
	every name, expected in {"windows": {25, 37}, "Windows": set(), "linux": set()} {
		exempt := {minor | some minor in [0, 24, 25, 37]; pod_security.is_exempt_on_windows(minor, _pod({"os": {"name": name}}))}
		exempt == expected
	}
}

test_a_user_namespace_is_exempt_from_v1_35_on_and_by_false_alone if {
	every users in [true, null, "false", 0] {
		not pod_security.is_exempt_in_user_namespace(37, _pod({"hostUsers": users}))
	}
	pod_security.is_exempt_in_user_namespace(35, _pod({"hostUsers": false}))
	not pod_security.is_exempt_in_user_namespace(34, _pod({"hostUsers": false}))
}

test_a_container_is_exempt_with_its_pod if {
	pod_security.is_exempt_in_user_namespace(37, {"value": {}, "pod": _pod({"hostUsers": false})})
}

_pod(spec) := {"label": "the pod", "path": ["spec"], "value": spec}

_minors(baseline, restricted) := minors if {
	document := builders.standards(builders.pod({}), baseline, restricted)
	minors := [pod_security.minors("baseline"), pod_security.minors("restricted")] with input as document
}
