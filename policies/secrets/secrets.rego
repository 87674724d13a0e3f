# METADATA
# scope: package
# title: Secrets in what is delivered
# custom:
#   scope: subject
#   points: [ci, background]
package policy.secrets

import data.lib.findings

# METADATA
# title: Secret found
# description: >-
#   A credential lies in a repository, an image or a file. Its severity does not matter,
#   whoever finds it can use it.
# custom:
#   id: GATE-SECRET-001
#   severity: critical
#   fix: revoke the credential first, then remove it, from the history too
#   frameworks: [CWE-798]
#   threshold: secrets
deny contains {
	"rule": "GATE-SECRET-001",
	"finding": f.fingerprint,
	"message": sprintf("%s: %s (%s)", [findings.place(f), f.title, f.rule]),
} if {
	some f in findings.beyond(findings.counted("secret"), "secrets")
}
