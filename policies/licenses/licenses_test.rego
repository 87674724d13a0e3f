package policy.licenses_test

import data.lib.builders
import data.policy.licenses

# ---------------------------------------------------------------------------------------- denied

test_a_denied_licence_is_denied_in_any_letter_case if {
	every license in ["AGPL-3.0-only", "agpl-3.0-ONLY", " AGPL-3.0-only "] {
		_denied([_component(license)], {}) == {"GATE-LICENSE-001"}
	}
}

test_other_licences_pass if _denied([_component("MIT"), _component("Apache-2.0 AND GPL-3.0-only")], {}) == set()

test_the_longer_name_of_a_licence_is_another_licence if _denied([_component("XAGPL-3.0-only")], {}) == set()

test_a_choice_without_a_denied_licence_passes if {
	_denied([_component("MIT OR AGPL-3.0-only")], {}) == set()
	_denied([_component("AGPL-3.0-only AND MIT OR Apache-2.0")], {}) == set()
}

test_a_denied_licence_in_every_choice_is_denied if {
	_denied([_component("MIT AND AGPL-3.0-only OR SSPL-1.0")], {}) == {"GATE-LICENSE-001"}
	_denied([_component("MIT AND AGPL-3.0-only")], {}) == {"GATE-LICENSE-001"}
}

test_an_exception_does_not_lift_a_denial if {
	_denied([_component("GPL-2.0-only WITH Classpath-exception-2.0")], _deny(["GPL-2.0-only"])) == {"GATE-LICENSE-001"}
}

test_a_named_exception_lifts_a_denial if {
	settings := object.union(_deny(["GPL-2.0-only"]), _licenses({"exceptions": ["classpath-exception-2.0"]}))
	_denied([_component("GPL-2.0-only WITH Classpath-exception-2.0")], settings) == set()
	_denied([_component("GPL-2.0-only")], settings) == {"GATE-LICENSE-001"}
}

test_a_denial_with_an_exception_covers_that_alone if {
	settings := _deny(["GPL-2.0-only WITH Foo-exception"])
	_denied([_component("GPL-2.0-only WITH Foo-exception")], settings) == {"GATE-LICENSE-001"}
	_denied([_component("GPL-2.0-only")], settings) == set()
}

test_an_expression_that_was_not_understood_needs_all_it_names if {
	_denied([_component("(MIT OR AGPL-3.0-only")], {}) == {"GATE-LICENSE-001"}
	_denied([_component("(MIT OR Apache-2.0")], {}) == set()
}

test_nothing_denied_is_an_empty_list if _denied([_component("AGPL-3.0-only")], _deny([])) == set()

test_a_deny_list_that_is_no_list_denies_everything if {
	every deny in ["AGPL-3.0-only", null, {}] {
		_denied([_component("MIT")], _deny(deny)) == {"GATE-LICENSE-001"}
	}
}

test_what_is_not_delivered_is_not_judged if {
	c := object.union(_component("AGPL-3.0-only"), {"scope": "excluded"})
	_denied([c], {}) == set()
	_denied([object.union(c, {"scope": "optional"})], {}) == {"GATE-LICENSE-001"}
	_denied([object.remove(c, ["scope"])], {}) == {"GATE-LICENSE-001"}
}

test_the_message_names_component_and_licence if {
	v := builders.only(licenses.deny) with input as builders.document({"components": [_component("AGPL-3.0-only")]})
	v.message == "pkg:pypi/requests@2.32.0: licence AGPL-3.0-only is denied"
	not "finding" in object.keys(v)
}

test_a_component_without_a_purl_is_named if {
	c := object.union(_component("AGPL-3.0-only"), {"purl": null})
	v := builders.only(licenses.deny) with input as builders.document({"components": [c]})
	v.message == "requests 2.32.0: licence AGPL-3.0-only is denied"
}

# --------------------------------------------------------------------------------------- allowed

test_with_an_allow_list_other_licences_are_denied if {
	_denied([_component("BSD-3-Clause")], _allow(["MIT"])) == {"GATE-LICENSE-002"}
	_denied([_component("MIT")], _allow(["mit"])) == set()
}

test_one_choice_of_allowed_licences_is_enough if {
	_denied([_component("BSD-3-Clause OR MIT")], _allow(["MIT"])) == set()
	_denied([_component("BSD-3-Clause AND MIT")], _allow(["MIT"])) == {"GATE-LICENSE-002"}
	_denied([_component("BSD-3-Clause AND MIT OR Zlib")], _allow(["MIT"])) == {"GATE-LICENSE-002"}
}

test_an_allowed_licence_is_allowed_with_an_exception if {
	_denied([_component("GPL-2.0-only WITH Foo-exception")], _allow(["GPL-2.0-only"])) == set()
	_denied([_component("GPL-2.0-only WITH Foo-exception")], _allow(["GPL-2.0-only WITH Foo-exception"])) == set()
	_denied([_component("GPL-2.0-only")], _allow(["GPL-2.0-only WITH Foo-exception"])) == {"GATE-LICENSE-002"}
}

test_an_allow_list_that_is_no_list_allows_nothing if {
	_denied([_component("MIT")], _allow("MIT")) == {"GATE-LICENSE-002"}
}

# --------------------------------------------------------------------------------------- unknown

test_unknown_licences_are_warned_of_by_default if {
	every license in [null, "", " ", "NOASSERTION", "none", "unknown"] {
		_warned([_component(license)], {}) == {"GATE-LICENSE-004"}
		_denied([_component(license)], {}) == set()
	}
}

test_unknown_licences_are_denied_on_request if {
	_denied([_component(null)], _licenses({"unknown": "deny"})) == {"GATE-LICENSE-003"}
	_warned([_component(null)], _licenses({"unknown": "deny"})) == set()
}

test_unknown_licences_are_allowed_on_request if {
	_denied([_component(null)], _licenses({"unknown": "allow"})) == set()
	_warned([_component(null)], _licenses({"unknown": "allow"})) == set()
}

test_a_word_nobody_knows_denies_unknown_licences if {
	every word in ["warning", null, true] {
		_denied([_component(null)], _licenses({"unknown": word})) == {"GATE-LICENSE-003"}
	}
}

test_a_known_licence_is_not_unknown if {
	every license in ["MIT", "FSL-1.1-ALv2", "GPL-2.0+", "GPL-2.0-only WITH Classpath-exception-2.0", "MIT-0"] {
		_warned([_component(license)], {}) == set()
		_denied([_component(license)], _licenses({"unknown": "deny"})) == set()
	}
}

test_what_is_no_spdx_id_is_unknown if {
	every license in [
		"LicenseRef-acme",
		"GNU AGPL v3",
		"AGPLv3",
		"AGPL",
		"AGPL-3",
		"AGPL-3.0-only+",
		"AGPL-3.0 or later",
		"https://www.gnu.org/licenses/agpl-3.0.html",
		"MIT/Apache-2.0",
		"MIT AND LicenseRef-acme",
		"GPL-2.0-only WITH the usual exception",
	] {
		_warned([_component(license)], {}) == {"GATE-LICENSE-004"}
		_denied([_component(license)], {}) == set()
		_denied([_component(license)], _licenses({"unknown": "deny"})) == {"GATE-LICENSE-003"}
	}
}

test_what_settings_name_is_known_whatever_its_form if {
	_warned([_component("LicenseRef-acme")], _allow(["licenseref-acme"])) == set()
	_denied([_component("LicenseRef-acme")], _allow(["licenseref-acme"])) == set()
	_warned([_component("LicenseRef-acme")], {"licenses": {"known": ["LicenseRef-ACME"]}}) == set()
	_warned([_component("MIT AND LicenseRef-License-OSI-Approved-BSD-License")], {}) == set()
	_warned([_component("GNU AGPL v3")], _deny(["GNU AGPL v3"])) == set()
	_denied([_component("GNU AGPL v3")], _deny(["GNU AGPL v3"])) == {"GATE-LICENSE-001"}
}

test_one_clean_choice_is_enough if {
	_warned([_component("MIT OR GNU AGPL v3")], {}) == set()
	_warned([_component("AGPL-3.0-only OR LicenseRef-acme")], {}) == {"GATE-LICENSE-004"}
	_warned([_component("AGPL-3.0-only AND LicenseRef-acme")], {}) == set()
	_denied([_component("AGPL-3.0-only AND LicenseRef-acme")], {}) == {"GATE-LICENSE-001"}
}

test_lists_that_are_none_make_nothing_known if {
	settings := object.union(_licenses({"allow": null, "deny": null}), {"licenses": {"known": "LicenseRef-acme"}})
	_warned([_component("LicenseRef-acme")], settings) == set()
	_denied([_component("LicenseRef-acme")], settings) == {"GATE-LICENSE-001", "GATE-LICENSE-002"}
	_warned([_component("LicenseRef-acme")], {"licenses": {"known": "LicenseRef-acme"}}) == {"GATE-LICENSE-004"}
}

test_a_longer_denied_id_leaves_a_shorter_one_known if {
	_warned([_component("MIT")], _deny(["MIT-0"])) == set()
	_warned([_component("BSD-3-Clause")], _deny(["BSD-3-Clause-Attribution"])) == set()
}

test_a_component_without_the_key_is_unknown if {
	_warned([object.remove(_component("MIT"), ["license"])], {}) == {"GATE-LICENSE-004"}
}

test_many_unknown_licences_are_one_message if {
	components := [object.union(_component(null), {"purl": sprintf("pkg:npm/%d", [n])}) | some n in numbers.range(1, 7)]
	v := builders.only(licenses.warn) with input as builders.document({"components": components})
	v.message == concat("", [
		"7 components without a known licence: ",
		"pkg:npm/1, pkg:npm/2, pkg:npm/3, pkg:npm/4, pkg:npm/5 and 2 more",
	])
}

test_a_nameless_component_is_counted_too if {
	c := object.union(_component(null), {"purl": null, "name": "", "version": null})
	v := builders.only(licenses.warn) with input as builders.document({"components": [c]})
	v.message == "1 component without a known licence: a component without a name"
}

# -------------------------------------------------------------------------------------- findings

test_a_licence_finding_is_judged_like_a_component if {
	_found({"rule": "AGPL-3.0-only"}) == {"GATE-LICENSE-001"}
	_found({"rule": "MIT"}) == set()
	_found({"rule": "AGPL-3.0-only", "waived": builders.waived}) == set()
	_found({"rule": "AGPL-3.0-only", "state": "existing"}) == set()
	_found({"rule": "AGPL-3.0-only", "kind": "code"}) == set()
}

test_the_violation_of_a_finding_names_it if {
	f := _finding({"rule": "AGPL-3.0-only", "title": "licence of web", "location": {"file": "LICENSE"}})
	v := builders.only(licenses.deny) with input as builders.found([f], {})
	v.finding == f.fingerprint
	v.message == "LICENSE (licence of web): licence AGPL-3.0-only is denied"
}

test_a_finding_without_a_licence_is_unknown if {
	warned := builders.rules(licenses.warn) with input as builders.found([_finding({"rule": "NOASSERTION"})], {})
	warned == {"GATE-LICENSE-004"}
}

# ----------------------------------------------------------------------------------- fail closed

test_without_settings_every_licence_is_denied if {
	document := object.remove(builders.document({"components": [_component("MIT"), _component(null)]}), ["settings"])
	denied := builders.rules(licenses.deny) with input as document
	denied == {"GATE-LICENSE-001", "GATE-LICENSE-002", "GATE-LICENSE-003"}
}

_component(license) := builders.component({"license": license})

_finding(changes) := builders.finding(object.union({"kind": "license"}, changes))

_licenses(settings) := {"thresholds": {"licenses": settings}}

_deny(list) := _licenses({"deny": list})

_allow(list) := _licenses({"allow": list})

_denied(components, settings) := rules if {
	document := builders.document({"components": components, "settings": settings})
	rules := builders.rules(licenses.deny) with input as document
}

_warned(components, settings) := rules if {
	document := builders.document({"components": components, "settings": settings})
	rules := builders.rules(licenses.warn) with input as document
}

_found(changes) := rules if {
	rules := builders.rules(licenses.deny) with input as builders.found([_finding(changes)], {})
}
