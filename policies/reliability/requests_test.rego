package policy.kubernetes.reliability.requests_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.reliability.requests

test_a_missing_request_is_warned_of_in_every_kind if {
	every kind in builders.kinds {
		_warned(builders.workload(kind, builders.running({"resources": {"limits": null}}))) == {"GATE-K8S-145"}
	}
	_warned(builders.pod({"containers": [{"name": "a"}]})) == {"GATE-K8S-145"}
	_warned(_sized({"memory": "1Gi"}, {})) == {"GATE-K8S-145"}
	_warned(_sized(null, null)) == {"GATE-K8S-145"}
}

test_requests_or_limits_or_those_of_the_pod_are_enough if {
	_warned(_sized({"cpu": "1", "memory": "64Mi"}, {})) == set()
	_warned(_sized({"cpu": "1"}, {"memory": "64Mi"})) == set()
	_warned(builders.pod({"resources": {"requests": {"cpu": 1}}})) == set()
}

test_an_ephemeral_container_cannot_have_requests if {
	_warned(object.union(_good, {"spec": object.union(_good.spec, {"ephemeralContainers": [{"name": "a"}]})})) == set()
}

test_the_settings_say_which_requests if {
	_warned_under(_good, {"requests": ["ephemeral-storage"]}) == {"GATE-K8S-145"}
	_warned_under(_sized({}, {}), {"requests": []}) == set()
	_warned_under(_sized({}, {}), {"requests": "memory"}) == {"GATE-K8S-145"}
	_warned_under(_sized({}, {}), null) == {"GATE-K8S-145"}
}

test_a_limit_far_above_the_request_is_warned_of if {
	_warned(_sized({"cpu": "1", "memory": "1Gi"}, {"memory": "4097Mi"})) == {"GATE-K8S-146"}
	_warned(_sized({"cpu": "1", "memory": "1Gi"}, {"memory": "4Gi"})) == set()
	_warned(_sized({"cpu": "1m", "memory": "1Gi"}, {"cpu": "64"})) == set()
}

test_without_settings_no_limit_may_be_above_its_request if {
	_warned_under(_sized({"cpu": 1, "memory": 1}, {"cpu": 2}), {"limit_to_request": null}) == {"GATE-K8S-146"}
}

test_a_request_above_its_limit_is_denied_in_every_kind_and_list if {
	every o in builders.everywhere({"resources": {"requests": {"cpu": "1001m"}, "limits": {"cpu": 1}}}) {
		_denied(o) == {"GATE-K8S-147"}
	}
	_denied(builders.pod({"resources": {"requests": {"cpu": 2}, "limits": {"cpu": 1}}})) == {"GATE-K8S-147"}
}

test_what_is_no_quantity_is_denied if {
	every value in ["1 Gi", "64mi", "", true, [], {}] {
		_denied(_sized({"memory": value}, {})) == {"GATE-K8S-147"}
	}
}

test_a_request_up_to_the_limit_passes if {
	_denied(_sized({"cpu": "1000m", "memory": "1Gi"}, {"cpu": 1, "memory": "1024Mi"})) == set()
	_denied(_sized({"cpu": null}, null)) == set()
	_denied(builders.pod({})) == set()
}

_good := _sized({"cpu": "1", "memory": "64Mi"}, {"memory": "64Mi"})

_sized(requests_, limits) := builders.pod({"containers": [{"name": "web", "resources": {"requests": requests_, "limits": limits}}]})

_warned_under(o, settings) := rules if {
	rules := lib.rules(requests.warn) with input as builders.judged(o, {"reliability": settings})
}

_denied(o) := rules if rules := lib.rules(requests.deny) with input as builders.judged(o, {})

_warned(o) := rules if rules := lib.rules(requests.warn) with input as builders.judged(o, {})
