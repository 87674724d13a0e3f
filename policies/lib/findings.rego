# Which findings count, and when they are too many: one answer for every shipped rule.
package lib.findings

import data.lib.settings

# The findings of `kind` that are neither waived nor in the baseline. `newly_disclosed` lasts for the
# grace days only: after them gate gives the finding as `new`. Lists, not sets: a set hashes and compares
# whole findings, which took most of the time on a report of 40,000.
counted(kind) := [f |
	some f in input.findings
	f.kind == kind
	not is_object(f.waived)
	not f.state in {"existing", "newly_disclosed"}
] if {
	kind in _kinds
} else := []

# One look at each finding, instead of one for each kind that a rule asks for.
_kinds := {f.kind | some f in input.findings}

# Those of `found` whose severity is `wanted`.
# No function is called for each finding: OPA remembers calls by their arguments, and hashing whole findings
# took half of the time on a report of 10,000.
of_severity(found, wanted) := [f | some f in found; f.severity == wanted] if {
	wanted in _scale
} else := [f | some f in found; not object.get(f, "severity", null) in _scale]

# The severity of `f`; what is not on the scale is `unknown`.
severity(f) := f.severity if {
	f.severity in _scale
} else := "unknown"

_scale := {"critical", "high", "medium", "low", "info"}

# `found`, if they are more than `thresholds.<threshold>` allows; otherwise none.
beyond(found, threshold) := found if {
	limit := settings.limit(concat(".", ["thresholds", threshold]))
	limit != null
	count(found) > limit
} else := []

# Where a person looks: `src/app.py:12`, a resource, an image, a URL, or the package.
place(f) := sprintf("%s:%d", [f.location.file, f.location.line]) if {
	is_string(f.location.file)
	is_number(f.location.line)
} else := place if {
	candidates := [
		object.get(f, ["location", "file"], null),
		object.get(f, ["location", "resource"], null),
		object.get(f, ["location", "url"], null),
		object.get(f, ["location", "image"], null),
		object.get(f, "purl", null),
	]
	place := [p | some p in candidates; is_string(p)][0]
} else := "an unknown place"
