package policy.secrets_test

import data.lib.builders
import data.policy.secrets

test_a_secret_is_denied_whatever_its_severity if {
	every severity in ["critical", "low", "info", "unknown", null] {
		_denied([_secret({"severity": severity})], {}) == {"GATE-SECRET-001"}
	}
}

test_as_many_as_the_limit_allows_pass if {
	_denied([_secret({})], {"thresholds": {"secrets": 1}}) == set()
	_denied([_secret({})], {"thresholds": {"secrets": null}}) == set()
}

test_above_the_limit_each_one_is_named if {
	findings := [_secret({"fingerprint": id}) | some id in ["a", "b"]]
	violations := secrets.deny with input as builders.found(findings, {"thresholds": {"secrets": 1}})
	{v.finding | some v in violations} == {"a", "b"}
}

test_a_waived_or_known_secret_is_not_counted if {
	_denied([_secret({"waived": builders.waived})], {}) == set()
	_denied([_secret({"state": "existing"})], {}) == set()
}

test_another_kind_is_no_secret if _denied([_secret({"kind": "code"})], {}) == set()

test_without_settings_a_secret_is_denied if {
	denied := builders.rules(secrets.deny) with input as object.remove(builders.found([_secret({})], {}), ["settings"])
	denied == {"GATE-SECRET-001"}
}

test_the_message_names_place_and_rule if {
	f := _secret({"title": "AWS access key", "rule": "aws-access-token", "location": {"file": ".env", "line": 3}})
	v := builders.only(secrets.deny) with input as builders.found([f], {})
	v.message == ".env:3: AWS access key (aws-access-token)"
}

_secret(changes) := builders.finding(object.union({"kind": "secret"}, changes))

_denied(findings, settings) := rules if {
	rules := builders.rules(secrets.deny) with input as builders.found(findings, settings)
}
