# METADATA
# scope: package
# title: Credentials in pods
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.credentials

import data.lib.kubernetes.credentials
import data.lib.kubernetes.pods

# METADATA
# title: Credential as plain text in the environment
# description: >-
#   A variable is named like a credential and has a literal value, which everybody who may read the
#   workload or its repository can read. The value is never shown.
# custom:
#   id: GATE-K8S-019
#   severity: high
#   fix: move the value into a Secret and refer to it with valueFrom.secretKeyRef, then change the credential
#   docs: https://kubernetes.io/docs/concepts/security/secrets-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.4.1, NSA/CISA Kubernetes Hardening, CWE-798]
deny contains {
	"rule": "GATE-K8S-019",
	"message": sprintf("%s has a literal value for %s", [container.label, name]),
	"path": pods.pointer(container, ["env", i, "value"]),
} if {
	names := {name | some name in _names; credentials.is_name(name)}
	names != set()
	some container in pods.containers
	some i, variable in container.value.env
	name := variable.name
	name in names
	credentials.is_literal(variable.value)
}

# METADATA
# title: Service account token is mounted
# description: automountServiceAccountToken is not false; who breaks into the container can use the account.
# custom:
#   id: GATE-K8S-020
#   severity: low
#   fix: set automountServiceAccountToken to false where the program does not call the Kubernetes API
#   docs: https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/
#   frameworks: [CIS Kubernetes v1.8 5.1.6, NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-020",
	"message": "the pod mounts a service account token, unless its service account forbids it",
	"path": pods.pointer(pod, ["automountServiceAccountToken"]),
} if {
	some pod in pods.all
	not pod.value.automountServiceAccountToken == false
}

# The names of all variables, each once.
_names := {variable.name | some container in pods.bare; some variable in container.env}
