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
	_is_any_missing
	some container in _sized
	missing := {sprintf("%v", [resource]) |
		some resource in _requested
		not container.value.resources.requests[resource]
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
	some resources, sizes in _sizes
	request := sizes.requests[resource]
	is_number(request)
	sizes.limits[resource] > most * request
	some level in pods.levels
	level.value.resources == resources
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
	some resources, sizes in _sizes
	some resource, request in sizes.requests
	request > sizes.limits[resource]
	sizes.limits[resource] != null
	some level in pods.levels
	level.value.resources == resources
}

_impossible contains {
	"message": sprintf("%s: %v is no quantity of %s", [level.label, value, resource]),
	"path": pods.pointer(level, ["resources", list, resource]),
} if {
	some resources, sizes in _sizes
	some list, numbers in sizes
	some resource, null in numbers
	value := resources[list][resource]
	value != null
	some level in pods.levels
	level.value.resources == resources
}

# Ephemeral containers cannot have resources.
# Whether places need be looked for.
_is_any_missing if {
	some part in pods.parts({"resources"})
	some resource in _requested
	not part.resources.requests[resource]
	not _has({"value": part}, resource)
}

_sized contains container if {
	some container in pods.containers
	not "ephemeralContainers" in container.path
}

# A limit without a request is the request too.
_has(level, resource) if {
	some list in ["requests", "limits"]
	level.value.resources[list][resource] != null
}

# The levels that have resources, with the numbers of their limits and requests; null for what is none.
# The numbers of all resources that pods and containers ask for, each once.
_sizes := {resources: numbers |
	some resources in ({container.resources | some container in pods.bare} | {pod.value.resources | some pod in pods.all})
	numbers := {list: {resource: quantities.number(value) | some resource, value in given} |
		some list in ["limits", "requests"]
		given := resources[list]
		is_object(given)
	}
}

_requested := names if {
	names := settings.list("reliability.requests")
	names != null
} else := ["cpu", "memory"]
