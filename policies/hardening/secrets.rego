# METADATA
# scope: package
# title: Credentials where they do not belong
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.secrets

import data.lib.kubernetes.pods

# METADATA
# title: Secret in a manifest
# description: >-
#   base64 is no encryption: whoever reads the repository has the credential, also after it was removed.
# custom:
#   id: GATE-K8S-124
#   severity: high
#   fix: keep it in a secret store, or encrypt it (SealedSecret, SOPS, ExternalSecret)
#   frameworks: [CIS Kubernetes v1.8 5.4.2]
#   points: [ci]
deny contains {
	"rule": "GATE-K8S-124",
	"message": sprintf("key %q holds a value in plain sight", [key]),
	"path": sprintf("/%s/%s", [field, _escaped(key)]),
} if {
	_is_secret
	some field in ["data", "stringData"]
	some key, value in object.get(input.object, field, {})
	not value in ["", null]
	not _is_encrypted(value)
}

# METADATA
# title: Credential in a ConfigMap
# description: >-
#   A ConfigMap is read by whoever may read configuration, and shown in logs and tools without a second
#   thought.
# custom:
#   id: GATE-K8S-125
#   severity: high
#   fix: move it to a Secret from a secret store
#   frameworks: [CIS Kubernetes v1.8 5.4.1]
deny contains {
	"rule": "GATE-K8S-125",
	"message": sprintf("key %q looks like a credential", [key]),
	"path": sprintf("/data/%s", [_escaped(key)]),
} if {
	input.object.kind == "ConfigMap"
	some key, value in object.get(input.object, "data", {})
	_is_credential(key, value)
}

# METADATA
# title: Secret in the environment
# description: >-
#   The environment is inherited by every child process and printed by crash reports; a file is not.
# custom:
#   id: GATE-K8S-126
#   severity: low
#   fix: mount the secret as a file
#   frameworks: [CIS Kubernetes v1.8 5.4.1]
warn contains {
	"rule": "GATE-K8S-126",
	"message": sprintf("%s takes a secret into its environment", [use.label]),
	"path": use.path,
} if {
	some use in _environment
}

# METADATA
# title: Credential on a command line
# description: >-
#   Arguments are seen by every process of the node and stand in the pod's description.
# custom:
#   id: GATE-K8S-127
#   severity: high
#   fix: read it from a file or a Secret
#   frameworks: [NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-127",
	"message": sprintf("%s: argument %d holds a credential", [container.label, index]),
	"path": pods.pointer(container, [field, index]),
} if {
	some container in pods.containers
	some field in ["args", "command"]
	some index, argument in pods.at(container, [field])
	is_string(argument)
	regex.match(`(?i)^--?[a-z0-9_.-]*(password|passwd|secret|token|api-?key|private-?key)=[^$(].+`, argument)
	not regex.match(`(?i)(file|path|name|ttl|dir|url)=`, argument)
}

_is_secret if {
	input.object.kind == "Secret"
	input.object.apiVersion == "v1"
	not object.get(input.object, "type", "") in ["kubernetes.io/service-account-token", "helm.sh/release.v1"]
}

# SOPS leaves the shape and encrypts the values.
_is_encrypted(value) if startswith(value, "ENC[")

_is_credential(_, value) if {
	is_string(value)
	regex.match(`-----BEGIN ([A-Z]+ )?PRIVATE KEY-----`, value)
}

_is_credential(key, value) if {
	is_string(value)
	regex.match(`(?i)(^|[._-])(password|passwd|secret|api[._-]?key|access[._-]?key|private[._-]?key|token)$`, key)
	not trim_space(value) in ["", "true", "false"]
	not regex.match(`^\$[({]`, value)
}

_environment contains {"label": container.label, "path": pods.pointer(container, ["env", index])} if {
	some container in pods.containers
	some index, variable in pods.at(container, ["env"])
	object.get(variable, ["valueFrom", "secretKeyRef"], null) != null
}

_environment contains {"label": container.label, "path": pods.pointer(container, ["envFrom", index])} if {
	some container in pods.containers
	some index, source in pods.at(container, ["envFrom"])
	object.get(source, "secretRef", null) != null
}

_escaped(key) := replace(replace(key, "~", "~0"), "/", "~1")
