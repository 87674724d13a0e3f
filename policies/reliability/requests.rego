# METADATA
# scope: package
# title: What containers ask of their node
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.reliability.requests

import data.lib.kubernetes.pods
import data.lib.kubernetes.quantities
import data.lib.settings
import data.lib.text

# METADATA
# title: Container without a request
# description: >-
#   A request that settings.reliability.requests names is set neither at the container nor at the pod, and no limit
#   stands in for it. The pod is placed as if it needed nothing, and is among the first to be evicted.
# custom:
#   id: GATE-K8S-145
#   severity: low
#   fix: set resources.requests to what the program was seen to use
#   docs: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-145",
	"message": sprintf("%s has no %s request", [container.label, text.listed(missing)]),
	"path": pods.pointer(container, ["resources", "requests"]),
} if {
	some container in _sized
	missing := {sprintf("%v", [resource]) |
		some resource in _requested
		not _has(container, resource)
		not _has(container.pod, resource)
	}
	count(missing) > 0
}

# METADATA
# title: Limit far above the request
# description: >-
#   The limit is more than settings.reliability.limit_to_request times the request. What lies between is promised
#   to nobody, so several such pods together take their node down.
# custom:
#   id: GATE-K8S-146
#   severity: low
#   fix: raise the request to what the program uses at its busiest, or lower the limit
#   docs: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-146",
	"message": sprintf("%s: the %s limit %v is more than %v times the request %v", [
		level.label,
		resource,
		pods.at(level, ["resources", "limits", resource]),
		most,
		pods.at(level, ["resources", "requests", resource]),
	]),
	"path": pods.pointer(level, ["resources", "limits", resource]),
} if {
	some resource in ["cpu", "memory"]
	most := settings.limit(sprintf("reliability.limit_to_request.%s", [resource]))
	most != null
	some level in pods.levels
	limit := _quantity(level, "limits", resource)
	limit > most * _quantity(level, "requests", resource)
}

# METADATA
# title: Request above the limit
# description: Kubernetes refuses a container that asks for more than it may have; a quantity that is none too.
# custom:
#   id: GATE-K8S-147
#   severity: medium
#   fix: write quantities as Kubernetes does (500m, 64Mi), the request at most the limit
#   docs: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
#   frameworks: []
deny contains object.union({"rule": "GATE-K8S-147"}, problem) if some problem in _impossible

_impossible contains {
	"message": sprintf("%s: the %s request %v is above the limit %v", [
		level.label,
		resource,
		pods.at(level, ["resources", "requests", resource]),
		pods.at(level, ["resources", "limits", resource]),
	]),
	"path": pods.pointer(level, ["resources", "requests", resource]),
} if {
	some level in pods.levels
	some resource in object.keys(_map(level, "requests"))
	_quantity(level, "requests", resource) > _quantity(level, "limits", resource)
}

_impossible contains {
	"message": sprintf("%s: %v is no quantity of %s", [level.label, value, resource]),
	"path": pods.pointer(level, ["resources", list, resource]),
} if {
	some level in pods.levels
	some list in ["limits", "requests"]
	some resource, value in _map(level, list)
	value != null
	quantities.number(value) == null
}

# Ephemeral containers cannot have resources.
_sized contains container if {
	some container in pods.containers
	not "ephemeralContainers" in container.path
}

# A limit without a request is the request too.
_has(level, resource) if {
	some list in ["requests", "limits"]
	pods.at(level, ["resources", list, resource]) != null
}

_quantity(level, list, resource) := number if {
	number := quantities.number(pods.at(level, ["resources", list, resource]))
	number != null
}

_map(level, list) := value if {
	value := pods.at(level, ["resources", list])
	is_object(value)
} else := {}

_requested := names if {
	names := settings.list("reliability.requests")
	names != null
} else := ["cpu", "memory"]
