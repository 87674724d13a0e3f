package policy.misconfigurations_test

import data.lib.builders
import data.policy.misconfigurations

test_a_finding_above_the_limit_is_denied if {
	every severity, rule in _rules {
		_denied([_finding({"severity": severity})], _limits({severity: 0})) == {rule}
	}
}

test_as_many_as_the_limit_allows_pass if {
	every severity, _ in _rules {
		_denied([_finding({"severity": severity})], _limits({severity: 1})) == set()
		_denied([_finding({"severity": severity})], _limits({severity: null})) == set()
	}
}

test_above_the_limit_each_one_is_named if {
	findings := [_finding({"severity": "high", "fingerprint": id}) | some id in ["a", "b"]]
	violations := misconfigurations.deny with input as builders.found(findings, _limits({"high": 1}))
	{v.finding | some v in violations} == {"a", "b"}
}

test_a_severity_outside_the_scale_is_unknown if {
	every severity in [null, "ERROR", 9] {
		_denied([_finding({"severity": severity})], _limits({"unknown": 0})) == {"GATE-IAC-005"}
	}
}

test_a_waived_or_known_finding_is_not_counted if {
	_denied([_finding({"severity": "critical", "waived": builders.waived})], {}) == set()
	_denied([_finding({"severity": "critical", "state": "existing"})], {}) == set()
}

test_another_kind_is_judged_elsewhere if {
	_denied([_finding({"severity": "critical", "kind": "quality"})], {}) == set()
}

test_shipped_settings_deny_critical_and_high if {
	findings := [_finding({"severity": s, "fingerprint": s}) | some s in ["critical", "high", "medium", "low", "info"]]
	_denied(findings, {}) == {"GATE-IAC-001", "GATE-IAC-002"}
}

test_without_settings_everything_is_denied if {
	findings := [_finding({"severity": s, "fingerprint": s}) | some s, _ in _rules]
	document := object.remove(builders.found(findings, {}), ["settings"])
	denied := builders.rules(misconfigurations.deny) with input as document
	denied == {rule | some rule in _rules}
}

test_the_message_names_place_flaw_and_rule if {
	f := _finding({"severity": "high", "title": "SQL injection", "rule": "B608", "location": {"file": "src/a.py", "line": 12}})
	v := builders.only(misconfigurations.deny) with input as builders.found([f], {})
	v.message == "src/a.py:12: SQL injection (B608, high)"
}

test_without_a_line_the_file_is_the_place if {
	f := _finding({"severity": "high", "title": "SQL injection", "rule": "B608", "location": {"file": "src/a.py"}})
	v := builders.only(misconfigurations.deny) with input as builders.found([f], {})
	v.message == "src/a.py: SQL injection (B608, high)"
}

_rules := {
	"critical": "GATE-IAC-001",
	"high": "GATE-IAC-002",
	"medium": "GATE-IAC-003",
	"low": "GATE-IAC-004",
	"unknown": "GATE-IAC-005",
}

_finding(changes) := builders.finding(object.union({"kind": "misconfiguration"}, changes))

_limits(limits) := {"thresholds": {"misconfigurations": limits}}

_denied(findings, settings) := rules if {
	rules := builders.rules(misconfigurations.deny) with input as builders.found(findings, settings)
}
