# METADATA
# scope: package
# title: What pods may use up
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.resources

import data.lib.kubernetes.pods
import data.lib.settings

# METADATA
# title: Container without a limit
# description: >-
#   A limit that settings.kubernetes.limits names is set neither at the container nor at the pod, so one
#   leak takes the node. Ephemeral containers cannot have limits.
# custom:
#   id: GATE-K8S-021
#   severity: low
#   fix: set resources.limits, memory above what the program was seen to use
#   docs: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-021",
	"message": sprintf("%s has no %v limit", [container.label, resource]),
	"path": pods.pointer(container, ["resources", "limits", resource]),
} if {
	some resource in _limited
	_is_missing(resource)
	some container in pods.containers
	object.get(container.value, ["resources", "limits", resource], null) == null
	object.get(container.pod.value, ["resources", "limits", resource], null) == null
	not "ephemeralContainers" in container.path
}

# Whether places need be looked for.
_is_missing(resource) if {
	some container in pods.bare
	object.get(container, ["resources", "limits", resource], null) == null
}

_limited := names if {
	names := settings.list("kubernetes.limits")
	names != null
} else := ["cpu", "memory"]
