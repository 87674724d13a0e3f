# METADATA
# scope: package
# title: Flaws of the running application
# custom:
#   scope: subject
#   points: [ci, background]
package policy.dast

import data.lib.findings

# METADATA
# title: Critical flaw of the running application
# description: More flaws of the running application are critical than thresholds.dast.critical allows.
# custom:
#   id: GATE-DAST-001
#   fix: correct the application or its configuration, or record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF PW.8.2]
#   threshold: dast.critical
deny contains _violation("GATE-DAST-001", f) if some f in _beyond("critical")

# METADATA
# title: High flaw of the running application
# description: More flaws of the running application are high than thresholds.dast.high allows.
# custom:
#   id: GATE-DAST-002
#   fix: correct the application or its configuration, or record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF PW.8.2]
#   threshold: dast.high
deny contains _violation("GATE-DAST-002", f) if some f in _beyond("high")

# METADATA
# title: Medium flaw of the running application
# description: More flaws of the running application are medium than thresholds.dast.medium allows.
# custom:
#   id: GATE-DAST-003
#   fix: correct the application or its configuration, or record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF PW.8.2]
#   threshold: dast.medium
deny contains _violation("GATE-DAST-003", f) if some f in _beyond("medium")

# METADATA
# title: Low flaw of the running application
# description: More flaws of the running application are low than thresholds.dast.low allows.
# custom:
#   id: GATE-DAST-004
#   fix: correct the application or its configuration, or record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF PW.8.2]
#   threshold: dast.low
deny contains _violation("GATE-DAST-004", f) if some f in _beyond("low")

# METADATA
# title: Flaw of the running application, severity unknown
# description: The tool gives no severity it can be judged by; thresholds.dast.unknown says how many may be left.
# custom:
#   id: GATE-DAST-005
#   fix: correct the application or its configuration, or record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF PW.8.2]
#   threshold: dast.unknown
deny contains _violation("GATE-DAST-005", f) if some f in _beyond("unknown")

_beyond(severity) := findings.beyond(
	findings.of_severity(_counted, severity),
	sprintf("dast.%s", [severity]),
)

_counted := findings.counted("dast")

_violation(id, f) := {
	"rule": id,
	"finding": f.fingerprint,
	"message": sprintf("%s: %s (%s, %s)", [findings.place(f), f.title, f.rule, findings.severity(f)]),
}
