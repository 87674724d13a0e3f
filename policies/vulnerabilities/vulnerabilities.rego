# METADATA
# scope: package
# title: Known vulnerabilities and malware
# custom:
#   scope: subject
#   points: [ci, background]
package policy.vulnerabilities

import data.lib.findings
import data.lib.settings
import data.lib.text

# METADATA
# title: Critical vulnerability
# description: More critical vulnerabilities are left than thresholds.vulnerabilities.critical allows.
# custom:
#   id: GATE-VULN-001
#   fix: upgrade to a fixed version, or record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF PW.4.4, NIST SSDF RV.2.2]
#   threshold: vulnerabilities.critical
deny contains _violation("GATE-VULN-001", f) if some f in _beyond("critical")

# METADATA
# title: High vulnerability
# description: More high vulnerabilities are left than thresholds.vulnerabilities.high allows.
# custom:
#   id: GATE-VULN-002
#   fix: upgrade to a fixed version, or record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF PW.4.4, NIST SSDF RV.2.2]
#   threshold: vulnerabilities.high
deny contains _violation("GATE-VULN-002", f) if some f in _beyond("high")

# METADATA
# title: Medium vulnerability
# description: More medium vulnerabilities are left than thresholds.vulnerabilities.medium allows.
# custom:
#   id: GATE-VULN-003
#   fix: upgrade to a fixed version, or record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF PW.4.4, NIST SSDF RV.2.2]
#   threshold: vulnerabilities.medium
deny contains _violation("GATE-VULN-003", f) if some f in _beyond("medium")

# METADATA
# title: Low vulnerability
# description: More low vulnerabilities are left than thresholds.vulnerabilities.low allows.
# custom:
#   id: GATE-VULN-004
#   fix: upgrade to a fixed version, or record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF PW.4.4, NIST SSDF RV.2.2]
#   threshold: vulnerabilities.low
deny contains _violation("GATE-VULN-004", f) if some f in _beyond("low")

# METADATA
# title: Vulnerability of unknown severity
# description: No source gives it a severity, so it may be critical.
# custom:
#   id: GATE-VULN-005
#   fix: upgrade to a fixed version, or look the severity up and record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF PW.4.4, NIST SSDF RV.2.2]
#   threshold: vulnerabilities.unknown
deny contains _violation("GATE-VULN-005", f) if some f in _beyond("unknown")

# METADATA
# title: Severe vulnerabilities without a fix
# description: >-
#   Their source says that there is no fix, or will be none, so they are not counted while
#   thresholds.vulnerabilities.only is fixable. This says how many were left out, so that a pass is not
#   read as "there are none".
# custom:
#   id: GATE-VULN-010
#   severity: medium
#   fix: replace the component, or set thresholds.vulnerabilities.only to all and record waivers
#   frameworks: [NIST SSDF RV.2.2]
warn contains {
	"rule": "GATE-VULN-010",
	"message": sprintf("left out %s of severity %s, said to have no fix", [
		text.number(count(left_out), "vulnerability", "vulnerabilities"),
		severity,
	]),
} if {
	_only_fixable
	some severity in ["critical", "high", "unknown"]
	left_out := [f |
		some f in findings.of_severity(_credible, severity)
		f.fixed_versions == []
		object.get(f, "fix_state", "unknown") in _without_fix
	]
	count(left_out) > 0
}

_beyond(severity) := findings.beyond(
	findings.of_severity(_counted, severity),
	sprintf("vulnerabilities.%s", [severity]),
)

# No function is called for each finding, as in lib/findings.rego. A report that says nothing of fixes has
# not said that there is none: govulncheck, an advisory without ranges.
_counted := array.concat(
	[f | some f in _credible; object.get(f, "fixed_versions", null) != []],
	[f |
		some f in _credible
		f.fixed_versions == []
		not object.get(f, "fix_state", "unknown") in _without_fix
	],
) if {
	_only_fixable
} else := _credible

_only_fixable if settings.is("thresholds.vulnerabilities.only", "fixable")

_without_fix := {"not_fixed", "wont_fix"}

# What VEX says is a claim, of a report itself or of a document: believed only where trust_vex is true, and
# `not_affected` only with a justification: without one nobody can tell whether it still holds.
_credible := [f |
	some f in findings.counted("vulnerability")
	status := object.get(f, ["vex", "status"], null)
	status != "fixed"
	[status, (object.get(f, ["vex", "justification"], null) in {null, ""})] != ["not_affected", false]
] if {
	settings.is("vulnerabilities.trust_vex", true)
} else := findings.counted("vulnerability")

_violation(id, f) := {
	"rule": id,
	"finding": f.fingerprint,
	"message": sprintf("%s (%s) in %s, %s", [f.rule, findings.severity(f), _package(f), _fix(f)]),
	"remedy": _remedy(f),
}

_package(f) := f.purl if {
	is_string(f.purl)
} else := findings.place(f)

_fix(f) := sprintf("fixed in %s", [concat(" or ", f.fixed_versions)]) if {
	count(f.fixed_versions) > 0
} else := "no fix is known"

_remedy(f) := sprintf("upgrade to %s", [concat(" or ", f.fixed_versions)]) if {
	count(f.fixed_versions) > 0
} else := "replace or remove it, or record a waiver with an owner and an expiry"
