# METADATA
# scope: package
# title: Objects that can be judged at all
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.workloads

import data.lib.kubernetes.pods

# METADATA
# title: Object cannot be read
# description: >-
#   An object without kind, a list that was not taken apart, or a workload whose pod template, containers or
#   security fields are missing or of another type than Kubernetes gives them. Other rules would see nothing there.
# custom:
#   id: GATE-K8S-001
#   severity: high
#   fix: give the field the type the Kubernetes API says
#   frameworks: []
deny contains object.union({"rule": "GATE-K8S-001"}, problem) if some problem in _problems

# On DELETE the object is null.
_problems contains {"message": "the object has no kind", "path": ""} if {
	input.object != null
	not _has_kind
}

_problems contains {
	"message": sprintf("a %s must be taken apart before its items can be judged", [input.object.kind]),
	"path": "/items",
} if {
	is_string(input.object.kind)
	endswith(input.object.kind, "List")
	"items" in object.keys(input.object)
}

_problems contains {
	"message": "the workload has no containers",
	"path": pods.pointer(pod, ["containers"]),
} if {
	some pod in pods.all
	pods.at(pod, ["containers"]) in [null, []]
}

_problems contains {
	"message": sprintf("%s: %s is %s, expected %s", [place.label, field, type_name(value), expected]),
	"path": pods.pointer(place, path),
} if {
	some shape in _shapes
	some place in shape.places
	some field, expected in shape.fields
	path := split(field, ".")
	value := pods.at(place, path)
	value != null
	not _fits(value, expected)
}

_has_kind if {
	is_string(input.object.kind)
	input.object.kind != ""
}

_shapes := [
	{"places": pods.templates, "fields": {
		"metadata": "object",
		"metadata.annotations": "object",
		"spec": "object",
	}},
	{"places": pods.all, "fields": {
		"automountServiceAccountToken": "boolean",
		"containers": "list of objects",
		"ephemeralContainers": "list of objects",
		"hostIPC": "boolean",
		"hostNetwork": "boolean",
		"hostPID": "boolean",
		"hostUsers": "boolean",
		"initContainers": "list of objects",
		"resources": "object",
		"resources.limits": "object",
		"volumes": "list of objects",
	}},
	{"places": pods.containers, "fields": {
		"env": "list of objects",
		"image": "string",
		"lifecycle": "object",
		"livenessProbe": "object",
		"ports": "list of objects",
		"readinessProbe": "object",
		"resources": "object",
		"resources.limits": "object",
		"startupProbe": "object",
	}},
	{"places": pods.levels, "fields": {
		"securityContext": "object",
		"securityContext.allowPrivilegeEscalation": "boolean",
		"securityContext.appArmorProfile": "object",
		"securityContext.capabilities": "object",
		"securityContext.capabilities.add": "list of strings",
		"securityContext.privileged": "boolean",
		"securityContext.procMount": "string",
		"securityContext.runAsNonRoot": "boolean",
		"securityContext.seLinuxOptions": "object",
		"securityContext.seccompProfile": "object",
		"securityContext.sysctls": "list of objects",
		"securityContext.windowsOptions": "object",
	}},
]

_fits(value, expected) if type_name(value) == expected

_fits(value, "list of objects") if {
	is_array(value)
	every element in value {
		is_object(element)
	}
}

_fits(value, "list of strings") if {
	is_array(value)
	every element in value {
		is_string(element)
	}
}
