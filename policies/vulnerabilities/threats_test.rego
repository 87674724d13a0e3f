package policy.vulnerabilities_test

import data.lib.builders
import data.policy.vulnerabilities

# ------------------------------------------------------------------------------------ exploited

test_a_known_exploited_vulnerability_is_denied_without_a_fix if {
	_denied([builders.finding({"kev": _kev})], {}) == {"GATE-VULN-006"}
}

test_as_many_exploited_as_the_limit_allows_pass if {
	_denied([builders.finding({"kev": _kev})], _limits({"kev": 1})) == set()
	_denied([builders.finding({"kev": _kev})], _limits({"kev": null})) == set()
}

test_a_waived_or_known_exploited_vulnerability_is_not_counted if {
	_denied([builders.finding({"kev": _kev, "waived": builders.waived})], {}) == set()
	_denied([builders.finding({"kev": _kev, "state": "existing"})], {}) == set()
	_denied([builders.finding({"kev": null})], {}) == set()
}

test_the_message_says_whether_the_due_date_has_passed if {
	_message({"kev": _kev}) == "CVE-2026-31415 in an unknown place is known to be exploited, no fix is known"
	contains(_message({"kev": object.union(_kev, {"due": "2026-11-21"})}), "(CISA due date 2026-11-21 has passed)")
	contains(_message({"kev": object.union(_kev, {"due": "2026-11-22"})}), "(CISA due date 2026-11-22)")
}

# ----------------------------------------------------------------------------------------- EPSS

test_an_epss_at_the_limit_is_denied if {
	every epss in [0.5, 0.9, 1] {
		_denied([_fixable({"epss": epss})], _limits({"epss": 0.5})) == {"GATE-VULN-007"}
	}
}

test_an_epss_below_the_limit_or_unknown_passes if {
	every epss in [0.49, 0, null] {
		_denied([_fixable({"epss": epss})], _limits({"epss": 0.5})) == set()
	}
}

test_no_epss_limit_is_no_limit if _denied([_fixable({"epss": 0.99})], _limits({"epss": null})) == set()

test_an_epss_limit_that_is_no_number_is_zero if {
	_denied([_fixable({"epss": 0.01})], _limits({"epss": "0.5"})) == {"GATE-VULN-007"}
}

# ------------------------------------------------------------------------------------------ age

test_a_vulnerability_older_than_allowed_is_denied if {
	f := _fixable({"severity": "medium", "first_seen": "2026-11-12T11:59:59Z"})
	v := builders.only(vulnerabilities.deny) with input as builders.found([f], _days({"medium": 10}))
	v.rule == "GATE-VULN-008"
	v.message == concat("", [
		"CVE-2026-31415 (medium) in an unknown place was first seen 10 days ago, ",
		"at most 10 days are allowed",
	])
}

test_exactly_as_old_as_allowed_passes if {
	f := _fixable({"severity": "medium", "first_seen": "2026-11-12T12:00:00Z"})
	_denied([f], _days({"medium": 10})) == set()
}

test_a_first_sighting_unknown_or_in_the_future_is_too_old if {
	every first_seen in [null, "yesterday", "2026-11-22T12:00:01Z"] {
		f := _fixable({"severity": "medium", "first_seen": first_seen})
		_denied([f], _days({"medium": 10})) == {"GATE-VULN-008"}
	}
}

test_no_age_limit_is_no_limit if {
	_denied([_fixable({"severity": "medium", "first_seen": "2020-01-01T00:00:00Z"})], {}) == set()
}

# -------------------------------------------------------------------------------------- malware

test_malware_is_denied_whatever_its_severity if {
	_denied([builders.finding({"kind": "malware", "rule": "Eicar"})], {}) == {"GATE-VULN-009"}
}

test_a_malicious_package_is_malware if {
	_denied([builders.finding({"rule": "MAL-2026-1"})], {}) == {"GATE-VULN-009"}
	_denied([builders.finding({"aliases": ["GHSA-xxxx", "MAL-2026-1"]})], {}) == {"GATE-VULN-009"}
	_denied([builders.finding({"aliases": ["NORMAL-1"]})], {}) == set()
}

test_trusted_vex_does_not_hide_malware if {
	f := builders.finding({"rule": "MAL-2026-1", "vex": _vex("not_affected")})
	_denied([f], _trust_vex) == {"GATE-VULN-009"}
}

test_as_much_malware_as_the_limit_allows_passes if {
	f := builders.finding({"kind": "malware"})
	_denied([f], {"thresholds": {"malware": 1}}) == set()
	_denied([object.union(f, {"waived": builders.waived})], {}) == set()
}

test_the_message_names_the_malicious_file if {
	f := builders.finding({"kind": "malware", "rule": "Eicar", "location": {"file": "bin/x"}})
	v := builders.only(vulnerabilities.deny) with input as builders.found([f], {})
	v.message == "Eicar: bin/x is malware"
}

_kev := {"added": "2026-10-28", "due": null, "ransomware": null}

_days(limits) := {"vulnerabilities": {"max_age_days": limits}}

_message(changes) := v.message if {
	v := builders.only(vulnerabilities.deny) with input as builders.found([builders.finding(changes)], {})
}

test_a_known_exploited_vulnerability_without_a_due_date_is_told_without_one if {
	f := builders.finding({"kev": {"added": "2026-01-01", "due": null, "ransomware": null}})
	said := vulnerabilities.deny with input as builders.found([f], {})
	some v in said
	v.rule == "GATE-VULN-006"
	not contains(v.message, "due date")
}
