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

test_a_secret_in_the_environment_is_warned_of_in_every_kind_and_list if {
	every changes in [
		{"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]},
		{"envFrom": [{"secretRef": {"name": "a"}}]},
		{"envFrom": [{"secretRef": {}}]},
	] {
		every o in builders.everywhere(changes) {
			_warned(o) == {"GATE-K8S-188"}
		}
	}
}

test_other_sources_pass if {
	_warned(builders.running({"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {}}}], "envFrom": [{"configMapRef": {}}]})) == set()
}

test_keys_and_tokens_in_a_config_map_are_denied if {
	every value in [_key, concat("", ["token: ghp_", _36]), concat("", ["AKIA", "ABCDEFGHIJKLMNOP"]), concat("", ["xox", "b-0123456789ab"])] {
		_denied({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": value}}) == {"GATE-K8S-189"}
		_denied({"apiVersion": "v1", "kind": "ConfigMap", "binaryData": {"a": base64.encode(value)}}) == {"GATE-K8S-189"}
	}
}

test_a_violation_never_shows_the_key if {
	o := {"apiVersion": "v1", "kind": "ConfigMap", "data": {"tls/key": _key}}
	v := lib.only(configuration.deny) with input as builders.judged(o, {})
	v.message == "the key tls/key holds a private key"
	v.path == "/data/tls~1key"
}

test_certificates_and_other_text_pass if {
	every value in ["-----BEGIN CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----", "ghp_short", "", 1, null] {
		_denied({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": value}}) == set()
	}
	_denied({"apiVersion": "v1", "kind": "ConfigMap", "binaryData": {"a": "no base64!"}}) == set()
	_denied({"apiVersion": "v1", "kind": "Secret", "data": {"a": _key}}) == set()
}

test_other_kinds_than_config_maps_are_not_searched if {
	every o in [{"apiVersion": "v1", "kind": "Secret"}, {"apiVersion": "acme.example/v1", "kind": "ConfigMap"}] {
		_denied(object.union(o, {"data": {"a": _key}})) == set()
	}
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

_36 := "0123456789abcdefghijABCDEFGHIJ012345"

# Put together here, so that no scanner takes this file for a key.
_key := concat("", ["-----BEGIN ", "RSA PRIVATE", " KEY-----\nMII"])

_denied(o) := rules if rules := lib.rules(configuration.deny) with input as builders.judged(o, {})

_warned(o) := rules if rules := lib.rules(configuration.warn) with input as builders.judged(o, {})
