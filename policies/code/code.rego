# METADATA
# scope: package
# title: Flaws in the source
# custom:
#   scope: subject
#   points: [ci, background]
package policy.code

import data.lib.findings

# METADATA
# title: Critical flaw in the code
# description: More flaws in the code are critical than thresholds.code.critical allows.
# custom:
#   id: GATE-CODE-001
#   fix: correct the code, or mark a false positive with a waiver
#   frameworks: [NIST SSDF PW.7.2]
#   threshold: code.critical
deny contains _violation("GATE-CODE-001", f) if some f in _beyond("critical")

# METADATA
# title: High flaw in the code
# description: More flaws in the code are high than thresholds.code.high allows.
# custom:
#   id: GATE-CODE-002
#   fix: correct the code, or mark a false positive with a waiver
#   frameworks: [NIST SSDF PW.7.2]
#   threshold: code.high
deny contains _violation("GATE-CODE-002", f) if some f in _beyond("high")

# METADATA
# title: Medium flaw in the code
# description: More flaws in the code are medium than thresholds.code.medium allows.
# custom:
#   id: GATE-CODE-003
#   fix: correct the code, or mark a false positive with a waiver
#   frameworks: [NIST SSDF PW.7.2]
#   threshold: code.medium
deny contains _violation("GATE-CODE-003", f) if some f in _beyond("medium")

# METADATA
# title: Low flaw in the code
# description: More flaws in the code are low than thresholds.code.low allows.
# custom:
#   id: GATE-CODE-004
#   fix: correct the code, or mark a false positive with a waiver
#   frameworks: [NIST SSDF PW.7.2]
#   threshold: code.low
deny contains _violation("GATE-CODE-004", f) if some f in _beyond("low")

# METADATA
# title: Flaw in the code, severity unknown
# description: The tool gives no severity it can be judged by; thresholds.code.unknown says how many may be left.
# custom:
#   id: GATE-CODE-005
#   fix: correct the code, or mark a false positive with a waiver
#   frameworks: [NIST SSDF PW.7.2]
#   threshold: code.unknown
deny contains _violation("GATE-CODE-005", f) if some f in _beyond("unknown")

_beyond(severity) := findings.beyond(
	findings.of_severity(_counted, severity),
	sprintf("code.%s", [severity]),
)

_counted := findings.counted("code")

_violation(id, f) := {
	"rule": id,
	"finding": f.fingerprint,
	"message": sprintf("%s: %s (%s, %s)", [findings.place(f), f.title, f.rule, findings.severity(f)]),
}
