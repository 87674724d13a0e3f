package policy.evidence_test

import data.lib.builders
import data.policy.evidence

test_good_evidence_passes if _denied([builders.report({})], _require(["image"], 86400)) == set()

# -------------------------------------------------------------------------------------- missing

test_a_required_kind_without_a_report_is_missing if {
	v := builders.only(evidence.deny) with input as _document([builders.report({})], _require(["image", "sbom"], null))
	v.rule == "GATE-EVID-001"
	v.message == "no report is evidence of sbom, which is required"
}

test_a_report_may_be_evidence_of_several_kinds if {
	r := builders.report({"kinds": ["sbom", "image"]})
	_denied([r], _require(["image", "sbom"], null)) == set()
}

test_a_kind_nobody_knows_is_missing if {
	_denied([builders.report({})], _require(["images"], null)) == {"GATE-EVID-001"}
}

test_no_reports_at_all_is_missing_evidence if _denied([], _require(["image"], null)) == {"GATE-EVID-001"}

test_nothing_required_is_an_empty_list if _denied([], _require([], null)) == set()

test_a_requirement_that_is_no_list_requires_everything if {
	every require in ["sbom", null, {"sbom": true}] {
		violations := evidence.deny with input as _document([], _require(require, null))
		count(violations) == 6
	}
}

# --------------------------------------------------------------------------------------- status

test_a_scan_that_is_not_whole_is_denied_though_not_required if {
	_denied([builders.report({"status": "failed"})], {}) == {"GATE-EVID-002"}
	_denied([builders.report({"status": "partial"})], {}) == {"GATE-EVID-003"}
	_denied([builders.report({"status": "empty_target"})], {}) == {"GATE-EVID-004"}
	_denied([builders.report({"status": "ok"})], {}) == set()
}

test_a_status_nobody_knows_is_a_failure if {
	every status in [null, "OK", "success", true] {
		_denied([builders.report({"status": status})], {}) == {"GATE-EVID-002"}
	}
	_denied([object.remove(builders.report({}), ["status"])], {}) == {"GATE-EVID-002"}
}

test_the_message_names_the_report if {
	v := builders.only(evidence.deny) with input as _document([builders.report({"status": "failed"})], {})
	v.message == "the trivy report sha256:cccccccccccc says that the scan failed"
}

test_a_required_kind_needs_one_whole_scan if {
	every status in ["failed", "partial", "empty_target", "other"] {
		denied := _denied([builders.report({"status": status})], _require(["image"], null))
		"GATE-EVID-007" in denied
	}
}

test_one_whole_scan_makes_a_required_kind_usable if {
	reports := [builders.report({}), builders.report({"status": "partial"})]
	_denied(reports, _require(["image"], null)) == {"GATE-EVID-003"}
}

# ------------------------------------------------------------------------------------------ age

test_evidence_exactly_as_old_as_allowed_passes if {
	_denied([_created("2026-11-21T12:00:00Z")], _require(["image"], 86400)) == set()
}

test_evidence_a_second_older_is_too_old if {
	document := _document([_created("2026-11-21T11:59:59Z")], _require(["image"], 86400))
	v := builders.only(evidence.deny) with input as document
	v.rule == "GATE-EVID-005"
	v.message == "evidence of image: the trivy report sha256:cccccccccccc is 24 h old, allowed are 24 h"
}

test_evidence_without_a_date_is_too_old if {
	every created in [null, "", "yesterday"] {
		document := _document([_created(created)], _require(["image"], 86400))
		v := builders.only(evidence.deny) with input as document
		v.message == "evidence of image: the trivy report sha256:cccccccccccc has no date, allowed are 24 h"
	}
}

test_evidence_that_says_nothing_of_a_date_is_too_old if {
	_denied([object.remove(builders.report({}), ["created"])], _require(["image"], 86400)) == {"GATE-EVID-005"}
}

test_of_many_reports_of_one_age_each_is_named if {
	old := builders.report({"created": "2020-01-01T00:00:00Z", "sha256": "sha256:0000000000000000000000000000000000000000"})
	document := _document([_created("2020-01-01T00:00:00Z"), old, _created("2026-11-22T12:00:00Z")], _require(["image"], 86400))
	violations := evidence.deny with input as document
	count({v.message | some v in violations}) == 2
}

test_a_kind_that_only_scans_that_are_not_whole_give_is_not_usable if {
	reports := [builders.report({"kinds": ["sbom"]}), builders.report({"kinds": ["image"], "status": "partial"})]
	_denied(reports, _require(["image", "sbom"], null)) == {"GATE-EVID-003", "GATE-EVID-007"}
	unknown := object.remove(builders.report({"kinds": ["image"]}), ["status"])
	_denied([unknown], _require(["image"], null)) == {"GATE-EVID-002", "GATE-EVID-007"}
}

test_evidence_from_the_future_is_no_evidence if {
	_denied([_created("2026-11-22T12:05:00Z")], _require(["image"], 86400)) == set()
	document := _document([_created("2026-11-22T12:05:01Z")], _require(["image"], 86400))
	v := builders.only(evidence.deny) with input as document
	contains(v.message, "is dated in the future, 2026-11-22T12:05:01Z")
}

test_every_report_of_a_required_kind_must_be_fresh if {
	reports := [_created("2026-11-22T12:00:00Z"), _created("2020-01-01T00:00:00Z")]
	_denied(reports, _require(["image"], 86400)) == {"GATE-EVID-005"}
}

test_what_is_not_required_may_be_old if {
	_denied([_created("2020-01-01T00:00:00Z")], _require([], 86400)) == set()
}

test_without_a_maximum_age_no_date_is_asked_for if {
	_denied([_created(null)], _require(["image"], null)) == set()
}

test_a_maximum_age_that_is_no_number_is_zero if {
	_denied([_created("2026-11-22T11:59:59Z")], _require(["image"], "24h")) == {"GATE-EVID-005"}
}

# ---------------------------------------------------------------------------------- fail closed

test_without_settings_every_kind_is_required_and_must_be_new if {
	document := object.remove(_document([builders.report({})], {}), ["settings"])
	builders.rules(evidence.deny) == {"GATE-EVID-001", "GATE-EVID-005"} with input as document
}

_require(kinds, max_age_s) := {"evidence": {"require": kinds, "max_age_s": max_age_s}}

_created(created) := builders.report({"created": created})

_document(reports, settings) := builders.document({"reports": reports, "settings": settings})

_denied(reports, settings) := rules if {
	rules := builders.rules(evidence.deny) with input as _document(reports, settings)
}
