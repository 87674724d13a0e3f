# METADATA
# scope: package
# title: Licences of components
# custom:
#   scope: subject
#   points: [ci, background]
package policy.licenses

import data.lib.findings
import data.lib.settings
import data.lib.text

# METADATA
# title: Denied licence
# description: >-
#   Every choice the licence expression leaves contains a licence of thresholds.licenses.deny;
#   `MIT OR AGPL-3.0-only` leaves a choice and passes.
# custom:
#   id: GATE-LICENSE-001
#   severity: high
#   fix: replace the component, obtain another licence, or record a waiver with an owner and an expiry
#   frameworks: []
deny contains _violation("GATE-LICENSE-001", l, "is denied") if {
	some l in _licensed
	every terms in _choices(l.expression) {
		some term in terms
		_denied(term)
	}
}

# METADATA
# title: Licence that is not allowed
# description: >-
#   thresholds.licenses.allow is not empty, and no choice the licence expression leaves consists of
#   licences of that list alone.
# custom:
#   id: GATE-LICENSE-002
#   severity: medium
#   fix: replace the component, add the licence to thresholds.licenses.allow, or record a waiver
#   frameworks: []
deny contains _violation("GATE-LICENSE-002", l, "is not in the list of allowed licences") if {
	_allow != []
	some l in _licensed
	every terms in _choices(l.expression) {
		some term in terms
		not _allowed(term)
	}
}

# METADATA
# title: Unknown licence
# description: >-
#   Components have no licence or one that is no SPDX id, and thresholds.licenses.unknown is neither allow
#   nor warn.
# custom:
#   id: GATE-LICENSE-003
#   severity: medium
#   fix: state the licence in the component's own metadata or in the SBOM, or replace the component
#   frameworks: []
deny contains _unknown_violation("GATE-LICENSE-003") if {
	not settings.is("thresholds.licenses.unknown", "allow")
	not settings.is("thresholds.licenses.unknown", "warn")
	count(_unlicensed) > 0
}

# METADATA
# title: Unknown licence, tolerated
# description: Components have no licence or one that is no SPDX id, and thresholds.licenses.unknown is warn.
# custom:
#   id: GATE-LICENSE-004
#   severity: low
#   fix: state the licence in the component's own metadata or in the SBOM, or replace the component
#   frameworks: []
warn contains _unknown_violation("GATE-LICENSE-004") if {
	settings.is("thresholds.licenses.unknown", "warn")
	count(_unlicensed) > 0
}

# What has a licence, from SBOMs and from licence findings of scanners.
_licensed contains {"name": text.component(c), "expression": c.license} if {
	some c in _delivered
	not _says_nothing(c.license)
}

_licensed contains {"name": _bearer(f), "expression": f.rule, "finding": f.fingerprint} if {
	some f in findings.counted("license")
	not _says_nothing(f.rule)
}

_unlicensed contains text.component(c) if {
	some c in _delivered
	_says_nothing(object.get(c, "license", null))
}

_unlicensed contains _bearer(f) if {
	some f in findings.counted("license")
	_says_nothing(f.rule)
}

_unlicensed contains l.name if {
	some l in _licensed
	_is_unclear(l.expression)
}

# A licence finding often names the package in its title alone.
_bearer(f) := sprintf("%s (%s)", [findings.place(f), f.title])

# CycloneDX's `excluded` is used to build or to test and not handed on, so its licence asks nothing of us.
_delivered contains c if {
	some c in input.components
	object.get(c, "scope", null) != "excluded"
}

_says_nothing(license) if not is_string(license)

_says_nothing(license) if upper(trim_space(license)) in {"", "NOASSERTION", "NONE", "UNKNOWN"}

# No choice is left that is clean, and not because all of them are denied: of that the first rule speaks.
_is_unclear(expression) if {
	choices := _choices(expression)
	every terms in choices {
		some term in terms
		_denied_or_unknown(term)
	}
	some terms in choices
	every term in terms {
		not _denied(term)
	}
}

_denied_or_unknown(term) if _denied(term)

_denied_or_unknown(term) if not _is_known(term)

# Without the list of all SPDX ids: what settings name is known, and what can be an id.
_is_known(term) if {
	some path in ["licenses.known", "thresholds.licenses.allow", "thresholds.licenses.deny"]
	some entry in settings.list(path)
	lower(entry) in {term, _license(term)}
}

_is_known(term) if {
	every id in split(term, " with ") {
		regex.match(`^[a-z0-9][a-z0-9.-]*\+?$`, id)
	}
	not _is_no_id(_license(term))
}

# Private licences; `AGPLv3`; `GPL-2.0-only+`; the end of `AGPL-3.0 or later`; `AGPL` where AGPL-3.0-only is denied.
_is_no_id(id) if regex.match(`^licenseref-|^[a-z]+v\d|-(only|or-later)\+$|^(later|newer|greater)$`, id)

_is_no_id(id) if {
	some entry in _deny
	startswith(lower(entry), id)
	regex.match(`^(-\d+)?\.\d`, substring(entry, count(id), -1))
}

# The choices of an expression in gate's form, `A AND B OR C` without parentheses: [[a, b], [c]], lower case.
# An expression that still has parentheses was not understood: one choice that needs all it names.
_choices(expression) := [regex.split(`\s+(and|or)\s+`, bare)] if {
	regex.match(`[()]`, expression)
	bare := trim_space(regex.replace(lower(expression), `[()]`, " "))
} else := [regex.split(`\s+and\s+`, choice) |
	some choice in regex.split(`\s+or\s+`, lower(trim_space(expression)))
]

# An exception permits more than its licence, so allowing the licence allows both.
_allowed(term) if {
	some entry in _allow
	lower(entry) in {term, _license(term)}
}

# A denial covers the licence with any exception but those that `exceptions` names.
_denied(term) if {
	not _excepted(term)
	some entry in _deny
	lower(entry) in {term, _license(term)}
}

_denied(_) if not is_array(_deny)

_excepted(term) if {
	some entry in settings.list("thresholds.licenses.exceptions")
	lower(entry) == split(term, " with ")[1]
}

_license(term) := split(term, " with ")[0]

_allow := settings.list("thresholds.licenses.allow")

_deny := settings.list("thresholds.licenses.deny")

_violation(id, l, what) := object.union(
	{key: value | some key, value in l; key == "finding"},
	{
		"rule": id,
		"message": sprintf("%s: licence %s %s", [l.name, l.expression, what]),
	},
)

_unknown_violation(id) := {
	"rule": id,
	"message": sprintf("%s without a known licence: %s", [
		text.number(count(_unlicensed), "component", "components"),
		text.listed(_unlicensed),
	]),
}
