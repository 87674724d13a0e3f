package policy.kubernetes.resources_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.resources

test_a_limit_passes if _warned(builders.pod({}), {}) == set()

test_a_container_without_a_limit_is_warned_of_in_every_kind if {
	every kind in builders.kinds {
		_warned(builders.workload(kind, builders.running(_limitless)), {}) == {"GATE-K8S-021"}
	}
	_warned(builders.pod({"initContainers": [builders.container(_limitless)]}), {}) == {"GATE-K8S-021"}
}

test_an_ephemeral_container_cannot_have_limits if {
	_warned(builders.pod({"ephemeralContainers": [builders.container(_limitless)]}), {}) == set()
}

test_a_limit_of_the_whole_pod_is_enough if {
	spec := {"resources": {"limits": {"memory": "1Gi"}}, "containers": [builders.container(_limitless)]}
	_warned(builders.pod(spec), {}) == set()
}

test_the_settings_say_which_limits if {
	_warned(builders.pod({}), _limits(["memory", "cpu"])) == {"GATE-K8S-021"}
	_warned(builders.running(_limitless), _limits([])) == set()
}

test_limits_that_are_no_list_are_both if {
	every limits in ["memory", null] {
		violations := resources.warn with input as builders.judged(builders.running(_limitless), _limits(limits))
		{v.message | some v in violations} == {
			`container "web" has no cpu limit`,
			`container "web" has no memory limit`,
		}
	}
}

test_the_violation_points_at_what_exists if {
	o := builders.pod({"containers": [object.remove(builders.container({}), ["resources"])]})
	v := lib.only(resources.warn) with input as builders.judged(o, {})
	v.path == "/spec/containers/0"
}

_limitless := {"resources": {"limits": {"memory": null}}}

_limits(names) := {"kubernetes": {"limits": names}}

_warned(o, settings) := rules if rules := lib.rules(resources.warn) with input as builders.judged(o, settings)
