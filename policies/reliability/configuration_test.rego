package policy.kubernetes.reliability.configuration_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.reliability.configuration

test_a_variable_given_twice_is_warned_of_in_every_kind_and_list if {
	every o in builders.everywhere({"env": [{"name": "A", "value": "1"}, {"name": "B"}, {"name": "A", "value": "2"}]}) {
		_warned(o) == {"GATE-K8S-187"}
	}
	_warned(builders.running({"env": [{"name": "A"}, {"name": "a"}, {}, {}]})) == set()
}

test_the_violation_points_at_the_last_one if {
	o := builders.running({"env": [{"name": "A"}, {"name": "A"}]})
	v := lib.only(configuration.warn) with input as builders.judged(o, {})
	v.path == "/spec/containers/0/env/1/name"
}

test_names_of_other_hosts_are_warned_of_in_every_kind if {
	every kind in builders.kinds {
		_warned(builders.workload(kind, builders.pod({"hostAliases": [{"ip": "10.0.0.1"}]}))) == {"GATE-K8S-190"}
		_warned(builders.workload(kind, builders.pod({"hostAliases": []}))) == set()
	}
}

test_the_hosts_network_with_the_clusters_dns_is_warned_of if {
	every policy in ["ClusterFirst", "", null] {
		_warned(builders.pod({"hostNetwork": true, "dnsPolicy": policy})) == {"GATE-K8S-191"}
	}
	every kind in builders.kinds {
		_warned(builders.workload(kind, builders.pod({"hostNetwork": true}))) == {"GATE-K8S-191"}
	}
	every policy in ["ClusterFirstWithHostNet", "Default", "None"] {
		_warned(builders.pod({"hostNetwork": true, "dnsPolicy": policy})) == set()
	}
	_warned(builders.pod({"hostNetwork": false})) == set()
}

_warned(o) := rules if rules := lib.rules(configuration.warn) with input as builders.judged(o, {})
