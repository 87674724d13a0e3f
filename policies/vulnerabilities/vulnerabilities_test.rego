package policy.vulnerabilities_test

import data.lib.builders
import data.policy.vulnerabilities

# ------------------------------------------------------------------------------------ by severity

test_a_fixable_vulnerability_above_the_limit_is_denied if {
	every severity, rule in _rules {
		_denied([_fixable({"severity": severity})], _limits({severity: 0})) == {rule}
	}
}

test_as_many_as_the_limit_allows_pass if {
	every severity, _ in _rules {
		_denied([_fixable({"severity": severity})], _limits({severity: 1})) == set()
	}
}

test_above_the_limit_each_one_is_named if {
	findings := [_fixable({"severity": "high", "fingerprint": id}) | some id in ["a", "b"]]
	violations := vulnerabilities.deny with input as builders.found(findings, _limits({"high": 1}))
	{v.finding | some v in violations} == {"a", "b"}
}

test_null_is_no_limit if {
	every severity, _ in _rules {
		_denied([_fixable({"severity": severity})], _limits({severity: null})) == set()
	}
}

test_shipped_settings_deny_critical_high_and_unknown if {
	findings := [_fixable({"severity": s, "fingerprint": s}) | some s in ["critical", "high", "medium", "low", "info", "unknown"]]
	_denied(findings, {}) == {"GATE-VULN-001", "GATE-VULN-002", "GATE-VULN-005"}
}

test_info_is_never_denied if _denied([_fixable({"severity": "info"})], _all_zero) == set()

test_a_severity_outside_the_scale_is_unknown if {
	every severity in [null, "CRITICAL", "moderate", "", 9, ["critical"]] {
		_denied([_fixable({"severity": severity})], {}) == {"GATE-VULN-005"}
	}
}

test_another_kind_is_no_vulnerability if {
	_denied([_fixable({"severity": "critical", "kind": "code"})], {}) == set()
}

# -------------------------------------------------------------------------------- what is counted

test_a_waived_finding_is_not_counted if {
	_denied([_fixable({"severity": "critical", "waived": builders.waived})], {}) == set()
}

test_only_a_waiver_waives if {
	every waived in [true, "w-2026-014", [], false] {
		_denied([_fixable({"severity": "critical", "waived": waived})], {}) == {"GATE-VULN-001"}
	}
}

test_a_finding_of_the_baseline_is_not_counted if {
	every state in ["existing", "newly_disclosed"] {
		_denied([_fixable({"severity": "critical", "state": state})], {}) == set()
	}
}

test_an_unknown_state_is_counted if {
	_denied([_fixable({"severity": "critical", "state": null})], {}) == {"GATE-VULN-001"}
}

test_said_to_have_no_fix_it_is_not_counted_while_only_is_fixable if {
	every state in ["not_fixed", "wont_fix"] {
		_denied([_unfixed({"severity": "critical", "fix_state": state})], {}) == set()
	}
}

test_nothing_said_of_a_fix_is_counted if {
	every state in ["unknown", "fixed", null, "none", true] {
		_denied([_unfixed({"severity": "critical", "fix_state": state})], {}) == {"GATE-VULN-001"}
	}
	f := object.remove(builders.finding({"severity": "critical"}), ["fix_state"])
	_denied([f], {}) == {"GATE-VULN-001"}
}

test_a_fixed_version_outweighs_what_is_said_of_it if {
	every state in ["not_fixed", "wont_fix"] {
		_denied([_fixable({"severity": "critical", "fix_state": state})], {}) == {"GATE-VULN-001"}
	}
}

test_without_a_fix_it_is_counted_when_only_is_anything_else if {
	every only in ["all", "fixabel", null, true] {
		_denied([_unfixed({"severity": "critical"})], _limits({"only": only})) == {"GATE-VULN-001"}
	}
}

test_vex_is_a_claim_and_hides_nothing if {
	every status in ["not_affected", "fixed"] {
		_denied([_fixable({"severity": "critical", "vex": _vex(status)})], {}) == {"GATE-VULN-001"}
	}
}

test_trusted_vex_hides_what_it_closes if {
	every status in ["not_affected", "fixed"] {
		_denied([_fixable({"severity": "critical", "vex": _vex(status)})], _trust_vex) == set()
	}
}

test_trusted_vex_hides_nothing_that_is_open if {
	every vex in [_vex("affected"), _vex("under_investigation"), null] {
		_denied([_fixable({"severity": "critical", "vex": vex})], _trust_vex) == {"GATE-VULN-001"}
	}
}

test_trusted_vex_without_a_justification_hides_nothing_but_what_is_fixed if {
	every justification in [null, ""] {
		vex := {"status": "not_affected", "justification": justification}
		_denied([_fixable({"severity": "critical", "vex": vex})], _trust_vex) == {"GATE-VULN-001"}
	}
	fixed := {"status": "fixed", "justification": null}
	_denied([_fixable({"severity": "critical", "vex": fixed})], _trust_vex) == set()
}

# -------------------------------------------------------------------------------- left out, aloud

test_what_has_no_fix_is_said_to_be_left_out if {
	findings := [_unfixed({"severity": "critical", "fingerprint": id}) | some id in ["a", "b"]]
	v := builders.only(vulnerabilities.warn) with input as builders.found(findings, {})
	v.rule == "GATE-VULN-010"
	v.message == "left out 2 vulnerabilities of severity critical, said to have no fix"
}

test_nothing_is_left_out_where_all_are_counted_or_waived if {
	_warned([_unfixed({"severity": "critical"})], _limits({"only": "all"})) == set()
	_warned([_unfixed({"severity": "critical", "waived": builders.waived})], {}) == set()
	_warned([builders.finding({"severity": "critical"})], {}) == set()
	_warned([_fixable({"severity": "critical"})], {}) == set()
	_warned([_unfixed({"severity": "medium"})], {}) == set()
}

# --------------------------------------------------------------------------------------- messages

test_the_message_names_flaw_package_and_fix if {
	f := _fixable({"severity": "critical", "purl": "pkg:deb/debian/libssl3@3.0.11"})
	v := builders.only(vulnerabilities.deny) with input as builders.found([f], {})
	v.message == "CVE-2026-31415 (critical) in pkg:deb/debian/libssl3@3.0.11, fixed in 1.2.3"
	v.remedy == "upgrade to 1.2.3"
	v.finding == f.fingerprint
}

test_a_finding_about_which_little_is_known_has_a_message_too if {
	f := builders.finding({"severity": "critical"})
	v := builders.only(vulnerabilities.deny) with input as builders.found([f], _limits({"only": "all"}))
	v.message == "CVE-2026-31415 (critical) in an unknown place, no fix is known"
	startswith(v.remedy, "replace or remove it")
}

# ------------------------------------------------------------------------------------ fail closed

test_without_settings_everything_is_denied if {
	findings := [builders.finding({"severity": s, "fingerprint": s}) | some s, _ in _rules]
	every document in [object.remove(builders.found(findings, {}), ["settings"]), object.union(
		builders.found(findings, {}),
		{"settings": {"thresholds": null, "vulnerabilities": []}},
	)] {
		denied := builders.rules(vulnerabilities.deny) with input as document
		{rule | some rule in _rules} - denied == set()
	}
}

test_a_limit_that_is_no_number_is_zero if {
	every limit in ["5", true, [], {}] {
		_denied([_fixable({"severity": "low"})], _limits({"low": limit})) == {"GATE-VULN-004"}
	}
}

_rules := {
	"critical": "GATE-VULN-001",
	"high": "GATE-VULN-002",
	"medium": "GATE-VULN-003",
	"low": "GATE-VULN-004",
	"unknown": "GATE-VULN-005",
}

_fixable(changes) := builders.finding(object.union({"fixed_versions": ["1.2.3"]}, changes))

_unfixed(changes) := builders.finding(object.union({"fix_state": "not_fixed"}, changes))

_vex(status) := {"status": status, "justification": "component_not_present"}

_trust_vex := {"vulnerabilities": {"trust_vex": true}}

_all_zero := _limits({"critical": 0, "high": 0, "medium": 0, "low": 0, "unknown": 0})

_limits(limits) := {"thresholds": {"vulnerabilities": limits}}

_denied(findings, settings) := rules if {
	rules := builders.rules(vulnerabilities.deny) with input as builders.found(findings, settings)
}

_warned(findings, settings) := rules if {
	rules := builders.rules(vulnerabilities.warn) with input as builders.found(findings, settings)
}

test_a_finding_without_the_members_that_excuse_it_is_counted if {
	whole := builders.finding({"severity": "critical"})
	every absent in [["fixed_versions"], ["fix_state"], ["vex"], ["fixed_versions", "fix_state", "vex"]] {
		_denied([object.remove(whole, absent)], {}) == {"GATE-VULN-001"}
		_denied([object.remove(whole, absent)], _trust_vex) == {"GATE-VULN-001"}
	}
}
