package policy.sbom_test

import data.lib.builders
import data.policy.sbom

test_a_complete_sbom_passes if {
	document := _sbom([builders.component({})], {})
	count(sbom.deny) == 0 with input as document
	count(sbom.warn) == 0 with input as document
}

# -------------------------------------------------------------------------------- name, version

test_a_component_without_name_or_version_is_denied if {
	every changes in [{"name": ""}, {"name": null}, {"version": null}, {"version": " "}] {
		_denied([builders.component(changes)], {}) == {"GATE-SBOM-001"}
	}
}

test_exactly_the_percentage_may_lack_a_version if {
	components := [_versionless, builders.component({})]
	_denied(components, _may_lack({"version": 50})) == set()
	_denied(components, _may_lack({"version": 49})) == {"GATE-SBOM-001"}
	_denied(components, _may_lack({"version": null})) == set()
}

test_the_message_says_how_many_and_which if {
	v := builders.only(sbom.deny) with input as _sbom([_versionless, builders.component({})], {})
	v.message == "1 of 2 components without name or version: pkg:npm/a"
}

test_an_excluded_component_counts_too if {
	_denied([builders.component({"version": null, "scope": "excluded"})], {}) == {"GATE-SBOM-001"}
}

# ------------------------------------------------------------------------------------- supplier

test_a_component_without_supplier_is_warned_of if {
	every supplier in [null, ""] {
		_warned([builders.component({"supplier": supplier})], {}) == {"GATE-SBOM-002"}
	}
}

test_exactly_the_percentage_may_lack_a_supplier if {
	components := [builders.component({"supplier": null, "name": "a"}), builders.component({})]
	_warned(components, _may_lack({"supplier": 50})) == set()
	_warned(components, _may_lack({"supplier": 49.9})) == {"GATE-SBOM-002"}
}

# ----------------------------------------------------------------------------------- identifier

test_a_component_without_purl_and_hash_is_denied if {
	_denied([builders.component({"purl": null})], {}) == {"GATE-SBOM-003"}
}

test_a_hash_identifies_as_well_as_a_purl if {
	_denied([builders.component({"purl": null, "hashes": {"SHA-256": "00"}})], {}) == set()
}

# ----------------------------------------------------------------------------------------- date

test_an_sbom_without_date_is_denied if {
	every created in [null, ""] {
		r := builders.report({"kinds": ["sbom"], "created": created, "scanner": "syft"})
		v := builders.only(sbom.deny) with input as _with_report(r)
		v.rule == "GATE-SBOM-004"
		v.message == "the syft SBOM sha256:cccccccccccc does not say when it was made"
	}
}

test_other_reports_may_lack_a_date if {
	r := builders.report({"kinds": ["code"], "created": null})
	count(sbom.deny) == 0 with input as _with_report(r)
}

# ----------------------------------------------------------------------------------- components

test_no_components_is_no_sbom if {
	_denied([], {}) == {"GATE-SBOM-005"}
	builders.rules(sbom.deny) == {"GATE-SBOM-005"} with input as {}
}

# ---------------------------------------------------------------------------------- fail closed

test_without_settings_nothing_may_be_lacking if {
	document := object.remove(_sbom([builders.component({"version": null, "purl": null})], {}), ["settings"])
	builders.rules(sbom.deny) == {"GATE-SBOM-001", "GATE-SBOM-003"} with input as document
}

_versionless := builders.component({"version": null, "purl": "pkg:npm/a"})

_may_lack(percent) := {"sbom": {"may_lack_percent": percent}}

_sbom(components, settings) := builders.document({"components": components, "settings": settings})

_with_report(r) := builders.document({"components": [builders.component({})], "reports": [r]})

_denied(components, settings) := rules if {
	rules := builders.rules(sbom.deny) with input as _sbom(components, settings)
}

_warned(components, settings) := rules if {
	rules := builders.rules(sbom.warn) with input as _sbom(components, settings)
}
