# METADATA
# scope: package
# title: Configuration of programs, and their names for others
# custom:
#   scope: object
#   points: [ci, admission, background]
#   kinds: [workloads, ConfigMap]
package policy.kubernetes.reliability.configuration

import data.lib.kubernetes.pods

# METADATA
# title: Variable of the environment given twice
# description: The last one counts, silently, and a later apply may keep the other.
# custom:
#   id: GATE-K8S-187
#   severity: medium
#   fix: remove one of them
#   docs: https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-187",
	"message": sprintf("%s: the variable %v is given %d times", [container.label, name, count(those)]),
	"path": pods.pointer(container, ["env", those[count(those) - 1], "name"]),
} if {
	some variables in {container.env | some container in pods.bare}
	names := [variable.name | some variable in variables]
	distinct := {name | some name in names}
	count(distinct) < count(names)
	some name in distinct
	name != null
	those := [i | some i, variable in variables; variable.name == name]
	count(those) > 1
	some container in pods.containers
	container.value.env == variables
}

# METADATA
# title: Names of other hosts written into the pod
# description: hostAliases stand before DNS, so they stay wrong when an address changes, and can send traffic elsewhere.
# custom:
#   id: GATE-K8S-190
#   severity: low
#   fix: use DNS, a Service of type ExternalName for instance
#   docs: https://kubernetes.io/docs/tasks/network/customize-hosts-file-for-pods/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-190",
	"message": "the pod has hostAliases",
	"path": pods.pointer(pod, ["hostAliases"]),
} if {
	some pod in pods.all
	aliases := pod.value.hostAliases
	not aliases in [[], null]
}

# METADATA
# title: Pod on the host's network cannot resolve Services
# description: With hostNetwork the default dnsPolicy falls back to the node's resolver, which knows no Service.
# custom:
#   id: GATE-K8S-191
#   severity: low
#   fix: set dnsPolicy to ClusterFirstWithHostNet, or to Default where no Service is called
#   docs: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-191",
	"message": "the pod is on the host's network with dnsPolicy ClusterFirst",
	"path": pods.pointer(pod, ["dnsPolicy"]),
} if {
	some pod in pods.all
	network := pod.value.hostNetwork
	not network in [false, null]
	pods.at(pod, ["dnsPolicy"]) in ["ClusterFirst", "", null]
}
