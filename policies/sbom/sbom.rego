# The minimum elements of an SBOM (NTIA, July 2021), as far as the policy input carries them: its author and
# the relations between components are judged by the adapter, not here. Excluded components count too.

# METADATA
# scope: package
# title: Completeness of SBOMs
# custom:
#   scope: subject
#   points: [ci, background]
package policy.sbom

import data.lib.settings
import data.lib.text

# METADATA
# title: Components without name or version
# description: More components lack a name or a version than sbom.may_lack_percent.version allows.
# custom:
#   id: GATE-SBOM-001
#   severity: medium
#   fix: let the SBOM generator see the lock file or the installed packages, not the manifest alone
#   frameworks: [NTIA minimum elements]
deny contains _violation("GATE-SBOM-001", "name or version", lacking) if {
	lacking := [c | some c in input.components; not _is_named(c)]
	_too_many(lacking, "version")
}

# METADATA
# title: Components without supplier
# description: More components lack a supplier than sbom.may_lack_percent.supplier allows.
# custom:
#   id: GATE-SBOM-002
#   severity: low
#   fix: use a generator that states suppliers, or raise sbom.may_lack_percent.supplier
#   frameworks: [NTIA minimum elements]
warn contains _violation("GATE-SBOM-002", "supplier", lacking) if {
	lacking := [c | some c in input.components; not _is_text(c.supplier)]
	_too_many(lacking, "supplier")
}

# METADATA
# title: Components without unique identifier
# description: More components have neither package URL nor hash than sbom.may_lack_percent.identifier allows.
# custom:
#   id: GATE-SBOM-003
#   severity: medium
#   fix: use a generator that writes package URLs
#   frameworks: [NTIA minimum elements]
deny contains _violation("GATE-SBOM-003", "package URL or hash", lacking) if {
	lacking := [c | some c in input.components; not _is_identified(c)]
	_too_many(lacking, "identifier")
}

# METADATA
# title: SBOM without date
# description: An SBOM does not say when it was made, so nobody can tell what it describes.
# custom:
#   id: GATE-SBOM-004
#   severity: medium
#   fix: let the generator write the time (CycloneDX metadata.timestamp, SPDX creationInfo.created)
#   frameworks: [NTIA minimum elements]
deny contains {
	"rule": "GATE-SBOM-004",
	"message": sprintf("the %s SBOM %s does not say when it was made", [r.scanner, substring(r.sha256, 0, 19)]),
} if {
	some r in input.reports
	"sbom" in r.kinds
	not _is_text(r.created)
}

# METADATA
# title: No components
# description: These rules are asked about an SBOM, and there is none, or it lists nothing.
# custom:
#   id: GATE-SBOM-005
#   severity: high
#   fix: hand over the SBOM, or look why the generator found nothing
#   frameworks: [NTIA minimum elements]
deny contains {
	"rule": "GATE-SBOM-005",
	"message": "no SBOM lists any component",
} if {
	count(object.get(input, "components", [])) == 0
}

_is_named(c) if {
	_is_text(c.name)
	_is_text(c.version)
}

_is_identified(c) if _is_text(c.purl)

_is_identified(c) if count(c.hashes) > 0

_is_text(value) if {
	is_string(value)
	trim_space(value) != ""
}

_too_many(lacking, element) if {
	limit := settings.limit(sprintf("sbom.may_lack_percent.%s", [element]))
	limit != null
	count(lacking) * 100 > limit * count(input.components)
}

_violation(id, element, lacking) := {
	"rule": id,
	"message": sprintf("%d of %s without %s: %s", [
		count(lacking),
		text.number(count(input.components), "component", "components"),
		element,
		text.listed({text.component(c) | some c in lacking}),
	]),
}
