# The floor under every decision: gate loads this package with any bundle, and its violations cannot be waived.

# METADATA
# scope: package
# title: Evidence a decision may rest on
# custom:
#   scope: subject
#   points: [ci, background]
package policy.evidence

import data.lib.settings
import data.lib.times

# METADATA
# title: Required evidence is missing
# description: No report is evidence of a kind that evidence.require names for this environment.
# custom:
#   id: GATE-EVID-001
#   severity: high
#   fix: run the scan and hand its report to gate
#   frameworks: []
deny contains {
	"rule": "GATE-EVID-001",
	"message": sprintf("no report is evidence of %v, which is required", [kind]),
	"remedy": sprintf("run a scan that gives evidence of %v and hand its report to gate", [kind]),
} if {
	some kind in _required
	not kind in _kinds
}

# METADATA
# title: Scan failed
# description: A scan ended with an error, so what it did not find proves nothing; required or not.
# custom:
#   id: GATE-EVID-002
#   severity: high
#   fix: correct what the scanner's log complains of and run it again
#   frameworks: []
deny contains {
	"rule": "GATE-EVID-002",
	"message": sprintf("%s says that the scan failed", [_name(r)]),
} if {
	some [r, status] in _not_whole
	not status in {"partial", "empty_target"}
}

# METADATA
# title: Scan is partial
# description: A scan skipped part of what it was given; required or not.
# custom:
#   id: GATE-EVID-003
#   severity: high
#   fix: correct what the scanner's log complains of and run it again
#   frameworks: []
deny contains {
	"rule": "GATE-EVID-003",
	"message": sprintf("%s covers only part of its target", [_name(r)]),
} if {
	some [r, "partial"] in _not_whole
}

# METADATA
# title: Scan had nothing to look at
# description: The target was empty, so finding nothing says nothing; required or not.
# custom:
#   id: GATE-EVID-004
#   severity: high
#   fix: point the scanner at the built artefact or the right folder
#   frameworks: []
deny contains {
	"rule": "GATE-EVID-004",
	"message": sprintf("%s found nothing to scan", [_name(r)]),
} if {
	some [r, "empty_target"] in _not_whole
}

# METADATA
# title: Required evidence is too old
# description: >-
#   A report that is evidence of a required kind is older than evidence.max_age, has no date,
#   or a date more than five minutes ahead.
# custom:
#   id: GATE-EVID-005
#   severity: high
#   fix: run the scan again, with current vulnerability data
#   frameworks: []
deny contains {
	"rule": "GATE-EVID-005",
	"message": sprintf("evidence of %v: %s %s, allowed are %s", [kind, _name(r), _dated(r), times.words(limit_s)]),
} if {
	limit_s := settings.limit("evidence.max_age_s")
	limit_s != null
	_required != []
	stale := {created | some created in _dates; not _is_fresh(created, limit_s)}
	stale != set()
	some r in input.reports
	object.get(r, "created", null) in stale
	some kind in _required
	kind in r.kinds
}

# METADATA
# title: Required evidence is not usable
# description: >-
#   Reports are evidence of a required kind, but not one of them is of a whole scan; said apart from
#   GATE-EVID-002 to 004 so that it stays denied where those are only warned of.
# custom:
#   id: GATE-EVID-007
#   severity: high
#   fix: run the scan again until one report of this kind is complete
#   frameworks: []
deny contains {
	"rule": "GATE-EVID-007",
	"message": sprintf("%v is required, and none of its reports is of a whole scan", [kind]),
} if {
	some kind in _required
	kind in _kinds
	not kind in _kinds_of_whole
}

# A requirement that cannot be read requires everything.
_required := kinds if {
	kinds := settings.list("evidence.require")
	kinds != null
} else := ["sbom", "image", "dependencies", "code", "secrets", "manifests"]

# A folder of manifests gives thousands of reports, much alike: what they say is looked at once for each thing said,
# and the reports themselves only where it is wrong.
_kinds := {kind | some kinds in {r.kinds | some r in input.reports}; some kind in kinds}

_kinds_of_whole := {kind | some kinds in {r.kinds | some r in input.reports; r.status == "ok"}; some kind in kinds}

_dates := {object.get(r, "created", null) | some r in input.reports}

_not_whole := [[r, status] |
	some r in input.reports
	not r.status == "ok"
	status := object.get(r, "status", "failed")
]

# Clocks differ a little; a date further ahead than this was not written when the scan ran.
_ahead_s := 300

_is_fresh(created, limit_s) if {
	age_s := times.age_s(created)
	age_s != null
	age_s >= 0 - _ahead_s
	age_s <= limit_s
}

_dated(r) := "has no date" if {
	times.age_s(object.get(r, "created", null)) == null
} else := sprintf("is dated in the future, %s", [r.created]) if {
	times.age_s(r.created) < 0
} else := sprintf("is %s old", [times.words(times.age_s(r.created))])

# Two reports of one scanner differ in their digest.
_name(r) := sprintf("the %v report %s", [r.scanner, substring(r.sha256, 0, 19)])
