# The rules of `policy.vulnerabilities` that look at more than the severity.
package policy.vulnerabilities

import data.lib.findings
import data.lib.settings
import data.lib.times

# METADATA
# title: Known exploited vulnerability
# description: CISA lists it as exploited in the wild; counted with and without a fix.
# custom:
#   id: GATE-VULN-006
#   severity: critical
#   fix: upgrade today; without a fix take the component out of reach or out of the product
#   frameworks: [CISA BOD 22-01]
#   threshold: vulnerabilities.kev
deny contains {
	"rule": "GATE-VULN-006",
	"finding": f.fingerprint,
	"message": sprintf("%s in %s is known to be exploited%s, %s", [f.rule, _package(f), _due(f), _fix(f)]),
	"remedy": _remedy(f),
} if {
	exploited := {f | some f in _credible; f.kev != null}
	some f in findings.beyond(exploited, "vulnerabilities.kev")
}

# METADATA
# title: Vulnerability likely to be exploited
# description: Its EPSS probability is at or above thresholds.vulnerabilities.epss.
# custom:
#   id: GATE-VULN-007
#   fix: upgrade to a fixed version, or record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF RV.2.1]
#   threshold: vulnerabilities.epss
deny contains {
	"rule": "GATE-VULN-007",
	"finding": f.fingerprint,
	"message": sprintf("%s in %s has an EPSS of %v, allowed is below %v", [f.rule, _package(f), f.epss, limit]),
	"remedy": _remedy(f),
} if {
	limit := settings.limit("thresholds.vulnerabilities.epss")
	limit != null
	some f in _counted
	is_number(f.epss)
	f.epss >= limit
}

# METADATA
# title: Vulnerability open for too long
# description: >-
#   First seen more than vulnerabilities.max_age_days ago. Where a limit is set and the first sighting
#   is unknown, the vulnerability counts as too old.
# custom:
#   id: GATE-VULN-008
#   fix: upgrade to a fixed version, or record a waiver with an owner and an expiry
#   frameworks: [NIST SSDF RV.2.2]
deny contains {
	"rule": "GATE-VULN-008",
	"finding": f.fingerprint,
	"message": sprintf("%s (%s) in %s was first seen %s, at most %v days are allowed", [
		f.rule,
		findings.severity(f),
		_package(f),
		_first_seen(f),
		limit,
	]),
	"remedy": _remedy(f),
} if {
	some f in _counted
	limit := settings.limit(sprintf("vulnerabilities.max_age_days.%s", [findings.severity(f)]))
	limit != null
	not _within(f, limit)
}

# METADATA
# title: Malware
# description: A package or file is known to be malicious; counted with and without a fix, whatever VEX says.
# custom:
#   id: GATE-VULN-009
#   severity: critical
#   fix: remove it, then treat every machine that installed it as compromised
#   frameworks: [NIST SSDF PW.4.4]
#   threshold: malware
deny contains {
	"rule": "GATE-VULN-009",
	"finding": f.fingerprint,
	"message": sprintf("%s: %s is malware", [f.rule, _package(f)]),
} if {
	some f in findings.beyond(findings.counted("malware") | _malicious_packages, "malware")
}

# OSV publishes malicious packages as advisories with MAL- ids.
_malicious_packages contains f if {
	some f in findings.counted("vulnerability")
	some id in array.concat([f.rule], object.get(f, "aliases", []))
	startswith(id, "MAL-")
}

_due(f) := sprintf(" (CISA due date %s has passed)", [f.kev.due]) if {
	is_string(f.kev.due)

	# A bare date lasts until the start of the next day UTC.
	substring(input.now, 0, 10) > substring(f.kev.due, 0, 10)
} else := sprintf(" (CISA due date %s)", [f.kev.due]) if {
	is_string(f.kev.due)
} else := ""

_within(f, limit_days) if {
	age_s := times.age_s(f.first_seen)
	age_s != null
	age_s >= 0
	age_s <= limit_days * 86400
}

_first_seen(f) := sprintf("%s ago", [times.words(age_s)]) if {
	age_s := times.age_s(f.first_seen)
	age_s != null
	age_s >= 0
} else := "at no known past time"
