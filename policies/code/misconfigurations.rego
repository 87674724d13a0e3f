# METADATA
# scope: package
# title: Misconfigured infrastructure, as other tools report it
# custom:
#   scope: subject
#   points: [ci, background]
package policy.misconfigurations

import data.lib.findings

# METADATA
# title: Critical misconfiguration
# description: More misconfigurations are critical than thresholds.misconfigurations.critical allows.
# custom:
#   id: GATE-IAC-001
#   fix: correct the file the finding names, or record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF PW.9.1]
#   threshold: misconfigurations.critical
deny contains _violation("GATE-IAC-001", f) if some f in _beyond("critical")

# METADATA
# title: High misconfiguration
# description: More misconfigurations are high than thresholds.misconfigurations.high allows.
# custom:
#   id: GATE-IAC-002
#   fix: correct the file the finding names, or record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF PW.9.1]
#   threshold: misconfigurations.high
deny contains _violation("GATE-IAC-002", f) if some f in _beyond("high")

# METADATA
# title: Medium misconfiguration
# description: More misconfigurations are medium than thresholds.misconfigurations.medium allows.
# custom:
#   id: GATE-IAC-003
#   fix: correct the file the finding names, or record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF PW.9.1]
#   threshold: misconfigurations.medium
deny contains _violation("GATE-IAC-003", f) if some f in _beyond("medium")

# METADATA
# title: Low misconfiguration
# description: More misconfigurations are low than thresholds.misconfigurations.low allows.
# custom:
#   id: GATE-IAC-004
#   fix: correct the file the finding names, or record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF PW.9.1]
#   threshold: misconfigurations.low
deny contains _violation("GATE-IAC-004", f) if some f in _beyond("low")

# METADATA
# title: Misconfiguration, severity unknown
# description: >-
#   The tool gives no severity it can be judged by; thresholds.misconfigurations.unknown says how many
#   may be left.
# custom:
#   id: GATE-IAC-005
#   fix: correct the file the finding names, or record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF PW.9.1]
#   threshold: misconfigurations.unknown
deny contains _violation("GATE-IAC-005", f) if some f in _beyond("unknown")

_beyond(severity) := findings.beyond(
	findings.of_severity(_counted, severity),
	sprintf("misconfigurations.%s", [severity]),
)

_counted := findings.counted("misconfiguration")

_violation(id, f) := {
	"rule": id,
	"finding": f.fingerprint,
	"message": sprintf("%s: %s (%s, %s)", [findings.place(f), f.title, f.rule, findings.severity(f)]),
}
