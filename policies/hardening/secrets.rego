# METADATA
# scope: package
# title: Credentials where they do not belong
# custom:
#   scope: object
#   points: [ci, admission, background]
#   kinds: [workloads, Secret, ConfigMap]
package policy.kubernetes.secrets

import data.lib.kubernetes.credentials
import data.lib.kubernetes.kinds
import data.lib.kubernetes.pods
import data.lib.settings
import data.lib.text

# METADATA
# title: Secret in a manifest
# description: >-
#   base64 is no encryption: whoever reads the repository has the credential, also after it was removed. Values that
#   SOPS encrypted, and names that a secret store replaces (`<path:…>`, `ref+vault://…`, `${…}`), are none. In a
#   cluster a Secret has its value, so the rule speaks in CI only.
# custom:
#   id: GATE-K8S-124
#   severity: high
#   fix: keep it in a secret store, or encrypt it (SealedSecret, SOPS, ExternalSecret)
#   docs: https://kubernetes.io/docs/concepts/security/secrets-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.4.2, CWE-312]
#   points: [ci]
deny contains {
	"rule": "GATE-K8S-124",
	"message": sprintf("%s in plain sight: %s", [text.number(count(keys), "value", "values"), text.listed(keys)]),
	"path": pods.pointer({"path": []}, [field]),
} if {
	input.object.kind == "Secret"
	kinds.is_of([])
	some field in ["data", "stringData"]
	keys := {sprintf("%v", [key]) |
		some key, value in object.get(input.object, field, null)
		not value in ["", null]
		not _is_reference(_plain("Secret", field, value))
	}
	count(keys) > 0
}

# METADATA
# title: Credential in a ConfigMap
# description: >-
#   A ConfigMap is read by whoever may read configuration, and shown in logs and tools without a second thought. Its
#   key is named like a credential, or its value holds a private key or a token of a known form. The value is never
#   shown.
# custom:
#   id: GATE-K8S-125
#   severity: high
#   fix: move it to a Secret from a secret store, then change the credential
#   docs: https://kubernetes.io/docs/concepts/configuration/configmap/
#   frameworks: [CIS Kubernetes v1.8 5.4.1, CWE-312]
deny contains {
	"rule": "GATE-K8S-125",
	"message": sprintf("key %q looks like a credential", [key]),
	"path": pods.pointer({"path": []}, [field, key]),
} if {
	input.object.kind == "ConfigMap"
	kinds.is_of([])
	some field in ["data", "binaryData"]
	some key, value in object.get(input.object, field, null)
	_is_credential(key, _plain("ConfigMap", field, value))
}

# METADATA
# title: Secret in the environment
# description: >-
#   The environment is inherited by every child process and printed by crash reports; a file is not.
# custom:
#   id: GATE-K8S-126
#   severity: low
#   fix: mount the secret as a file
#   docs: https://kubernetes.io/docs/concepts/security/secrets-good-practices/
#   frameworks: [CIS Kubernetes v1.8 5.4.1]
warn contains {
	"rule": "GATE-K8S-126",
	"message": sprintf("%s takes a secret into its environment", [container.label]),
	"path": pods.pointer(container, path),
} if {
	some [container, path] in _taken
}

# METADATA
# title: Credential on a command line
# description: >-
#   Arguments are seen by every process of the node and stand in the pod's description. The value is never shown.
# custom:
#   id: GATE-K8S-127
#   severity: high
#   fix: read it from a file or a Secret, then change the credential
#   docs: https://kubernetes.io/docs/concepts/security/secrets-good-practices/
#   frameworks: [NSA/CISA Kubernetes Hardening, CWE-214]
deny contains {
	"rule": "GATE-K8S-127",
	"message": sprintf("%s: argument %d holds a credential", [container.label, index]),
	"path": pods.pointer(container, [field, index]),
} if {
	some field in ["args", "command"]
	some arguments in {container[field] | some container in pods.bare}
	some index in credentials.given(arguments)
	some container in pods.containers
	container.value[field] == arguments
}

# METADATA
# title: Token that never ends
# description: >-
#   A Secret of this type holds a token of a service account that stays valid until somebody deletes it.
# custom:
#   id: GATE-K8S-216
#   severity: medium
#   fix: use the token that a pod gets by itself, or ask for a short one with the TokenRequest API
#   docs: https://kubernetes.io/docs/concepts/security/service-accounts/
#   frameworks: [CIS Kubernetes v1.8 5.1.6]
warn contains {
	"rule": "GATE-K8S-216",
	"message": "the secret is a token of a service account without an end",
	"path": "/type",
} if {
	input.object.kind == "Secret"
	kinds.is_of([])
	object.get(input.object, "type", null) == "kubernetes.io/service-account-token"
}

# METADATA
# title: Token that lives long
# description: >-
#   A projected token lives longer than settings.kubernetes.token_max_s seconds, so a stolen one can be used so long.
# custom:
#   id: GATE-K8S-217
#   severity: low
#   fix: lower expirationSeconds; the kubelet renews the token by itself
#   docs: https://kubernetes.io/docs/concepts/storage/projected-volumes/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-217",
	"message": sprintf("the pod's token lives %v s", [seconds]),
	"path": pods.pointer(pod, ["volumes", i, "projected", "sources", j, "serviceAccountToken", "expirationSeconds"]),
} if {
	"projected" in pods.volume_fields
	some pod in pods.all
	some i, volume in pod.value.volumes
	some j, source in volume.projected.sources
	seconds := source.serviceAccountToken.expirationSeconds
	limit := settings.limit("kubernetes.token_max_s")
	limit != null
	seconds > limit
}

# A value as a program sees it. What should be base64 and is not is looked at as it is.
_plain(kind, field, value) := base64.decode(value) if {
	_is_encoded[kind] == field
	is_string(value)
	base64.is_valid(value)
} else := value

_taken contains [container, ["env", i, "valueFrom", "secretKeyRef"]] if {
	_has_secret_variables
	some container in pods.containers
	some i, variable in container.value.env
	variable.valueFrom.secretKeyRef != null
}

_taken contains [container, ["envFrom", i, "secretRef"]] if {
	_has_env_from
	some container in pods.containers
	some i, source in container.value.envFrom
	source.secretRef != null
}

# Whether places need be looked for.
_has_secret_variables if {
	some container in pods.bare
	some variable in container.env
	variable.valueFrom.secretKeyRef != null
}

_has_env_from if {
	some container in pods.bare
	container.envFrom
}

_is_encoded := {"ConfigMap": "binaryData", "Secret": "data"}

# Encrypted by SOPS, or the whole value is a name of something that a tool puts there later.
_is_reference(value) if {
	is_string(value)
	regex.match(
		concat("|", [
			`^ENC\[AES256_GCM,data:[^,\]]+,iv:[^,\]]+,tag:[^,\]]+,type:[a-z]+\]$`,
			`^<[a-zA-Z][a-zA-Z0-9_-]*(:[^<>\s]+)?>$`,
			`^ref\+[a-z0-9]+://\S+$`,
			`^vault:[A-Za-z0-9_/.-]+#\S+$`,
			`^\$\{[A-Za-z_][A-Za-z0-9_.-]*\}$`,
			`^\$\([A-Za-z_][A-Za-z0-9_.-]*\)$`,
		]),
		trim_space(value),
	)
}

_is_credential(_, value) if credentials.is_known(value)

_is_credential(key, value) if {
	credentials.is_name(key)
	credentials.is_literal(value)
	not _is_reference(value)
}
