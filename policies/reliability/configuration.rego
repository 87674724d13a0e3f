# METADATA
# scope: package
# title: Configuration of programs, and their names for others
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.reliability.configuration

import data.lib.kubernetes.objects
import data.lib.kubernetes.pods

# METADATA
# title: Variable of the environment given twice
# description: The last one counts, silently, and a later apply may keep the other.
# custom:
#   id: GATE-K8S-187
#   severity: medium
#   fix: remove one of them
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-187",
	"message": sprintf("%s: the variable %v is given %d times", [container.label, name, count(those)]),
	"path": pods.pointer(those[count(those) - 1], ["name"]),
} if {
	some container in pods.containers
	variables := pods.elements(container, ["env"])
	some name in {pods.at(variable, ["name"]) | some variable in variables}
	name != null
	those := [variable | some variable in variables; pods.at(variable, ["name"]) == name]
	count(those) > 1
}

# METADATA
# title: Secret in the environment
# description: >-
#   A variable is filled from a Secret. The environment is inherited by every child process and shown in crash
#   reports, and it does not change when the Secret does; a file does.
# custom:
#   id: GATE-K8S-188
#   severity: info
#   fix: mount the Secret as a file
#   frameworks: [CIS Kubernetes v1.8 5.4.1]
warn contains object.union({"rule": "GATE-K8S-188"}, problem) if some problem in _exposed

_exposed contains {
	"message": sprintf("%s: the variable %v is filled from a Secret", [container.label, pods.at(variable, ["name"])]),
	"path": pods.pointer(variable, ["valueFrom", "secretKeyRef"]),
} if {
	some container in pods.containers
	some variable in pods.elements(container, ["env"])
	pods.at(variable, ["valueFrom", "secretKeyRef"]) != null
}

_exposed contains {
	"message": sprintf("%s: the environment is filled from a whole Secret", [container.label]),
	"path": pods.pointer(source, ["secretRef"]),
} if {
	some container in pods.containers
	some source in pods.elements(container, ["envFrom"])
	pods.at(source, ["secretRef"]) != null
}

# METADATA
# title: Key or token in a ConfigMap
# description: >-
#   A value of the ConfigMap holds a private key or a token of a known form, which everybody who may read the
#   namespace can read. The value is never shown.
# custom:
#   id: GATE-K8S-189
#   severity: high
#   fix: move it into a Secret, and change the key, which has been readable
#   frameworks: [CIS Kubernetes v1.8 5.4.1, CWE-312]
deny contains {
	"rule": "GATE-K8S-189",
	"message": sprintf("the key %v holds %s", [key, what]),
	"path": pods.pointer(objects.root, [list, key]),
} if {
	input.object.kind == "ConfigMap"
	objects.is_native
	some list, values in _plain
	some key, plain in values
	some what, pattern in _patterns
	regex.match(pattern, plain)
}

# METADATA
# title: Names of other hosts written into the pod
# description: hostAliases stand before DNS, so they stay wrong when an address changes, and can send traffic elsewhere.
# custom:
#   id: GATE-K8S-190
#   severity: low
#   fix: use DNS, a Service of type ExternalName for instance
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-190",
	"message": "the pod has hostAliases",
	"path": pods.pointer(pod, ["hostAliases"]),
} if {
	some pod in pods.all
	not pods.at(pod, ["hostAliases"]) in [[], null]
}

# METADATA
# title: Pod on the host's network cannot resolve Services
# description: With hostNetwork the default dnsPolicy falls back to the node's resolver, which knows no Service.
# custom:
#   id: GATE-K8S-191
#   severity: low
#   fix: set dnsPolicy to ClusterFirstWithHostNet, or to Default where no Service is called
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-191",
	"message": "the pod is on the host's network with dnsPolicy ClusterFirst",
	"path": pods.pointer(pod, ["dnsPolicy"]),
} if {
	some pod in pods.all
	not pods.at(pod, ["hostNetwork"]) in [false, null]
	pods.at(pod, ["dnsPolicy"]) in ["ClusterFirst", "", null]
}

# Every value as text: those of binaryData are base64.
_plain.data[key] := value if {
	some key, value in objects.at(["data"])
	is_string(value)
}

_plain.binaryData[key] := base64.decode(value) if {
	some key, value in objects.at(["binaryData"])
	is_string(value)
	base64.is_valid(value)
}

_patterns := {
	"a private key": `-----BEGIN ([A-Z0-9]+ ){0,3}PRIVATE KEY( BLOCK)?-----`,
	"an access key of AWS": `\b(AKIA|ASIA)[A-Z2-7]{16}\b`,
	"a token of GitHub": `\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{82})\b`,
	"a token of GitLab": `\bglpat-[A-Za-z0-9_-]{20}`,
	"a token of Slack": `\bxox[abprs]-[A-Za-z0-9-]{10,}`,
}
