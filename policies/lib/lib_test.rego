package lib_test

import data.lib.builders
import data.lib.findings
import data.lib.settings
import data.lib.times

test_the_place_is_the_first_thing_known if {
	findings.place(builders.finding({"location": {"resource": "Pod/a/b", "url": "https://a"}})) == "Pod/a/b"
	findings.place(builders.finding({"location": {"url": "https://a"}})) == "https://a"
	findings.place(builders.finding({"location": {"image": "web"}})) == "web"
	findings.place(builders.finding({"purl": "pkg:npm/a@1"})) == "pkg:npm/a@1"
	findings.place({}) == "an unknown place"
}

test_a_list_that_is_none_is_null if {
	every value in [null, "a", {}, 1] {
		settings.list("x") == null with input as {"settings": {"x": value}}
	}
	settings.list("x") == null with input as {}
	settings.list("x") == ["a"] with input as {"settings": {"x": ["a"]}}
	settings.list("x") == [] with input as {"settings": {"x": []}}
}

test_a_setting_that_is_absent_is_nothing if {
	not settings.is("x", true) with input as {"settings": {}}
	settings.is("x", true) with input as {"settings": {"x": true}}
}

test_null_is_the_only_way_to_say_no_limit if {
	settings.limit("a.b") == null with input as {"settings": {"a": {"b": null}}}
	settings.limit("a.b") == 0 with input as {"settings": {"a": null}}
	settings.limit("a.b") == 0 with input as {"settings": null}
	settings.limit("a.b") == 0 with input as {}
	settings.limit("a.b") == 3 with input as {"settings": {"a": {"b": 3}}}
}

test_seconds_in_words if {
	times.words(59) == "59 s"
	times.words(120) == "2 min"
	times.words(7200) == "2 h"
	times.words(172799) == "47 h"
	times.words(172800) == "2 days"
}

test_the_age_of_a_moment_is_negative_in_the_future if {
	now := {"now": "2026-11-22T12:00:00Z"}
	times.age_s("2026-11-22T11:59:00Z") == 60 with input as now
	times.age_s("2026-11-22T12:01:00Z") == -60 with input as now
	times.age_s(null) == null with input as now
}

test_only_what_is_neither_waived_nor_known_counts if {
	found := [
		builders.finding({"kind": "code", "fingerprint": "a"}),
		builders.finding({"kind": "code", "fingerprint": "b", "waived": builders.waived}),
		builders.finding({"kind": "code", "fingerprint": "c", "state": "existing"}),
		builders.finding({"kind": "dast", "fingerprint": "d"}),
	]
	ids("code") == ["a"] with input as {"findings": found}
	ids("dast") == ["d"] with input as {"findings": found}
	ids("secret") == [] with input as {"findings": found}
	ids("code") == [] with input as {}
}

ids(kind) := [f.fingerprint | some f in findings.counted(kind)]

test_a_severity_off_the_scale_or_absent_is_unknown if {
	found := [{"severity": "low"}, {"severity": "LOW"}, {"severity": 9}, {}, {"severity": null}]
	findings.of_severity(found, "low") == [{"severity": "low"}]
	count(findings.of_severity(found, "unknown")) == 4
	findings.of_severity(found, "critical") == []
}
