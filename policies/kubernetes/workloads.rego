# METADATA
# scope: package
# title: Objects that can be judged at all
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.workloads

import data.lib.kubernetes.shapes

# METADATA
# title: Object cannot be read
# description: >-
#   An object without kind, a list that was not taken apart, or a workload whose pod template, containers or
#   security fields are missing or of another type than Kubernetes gives them. Other rules would see nothing there.
# custom:
#   id: GATE-K8S-001
#   severity: high
#   fix: give the field the type the Kubernetes API says
#   docs: https://kubernetes.io/docs/reference/kubernetes-api/
#   frameworks: []
deny contains object.union({"rule": "GATE-K8S-001"}, problem) if some problem in shapes.problems(_shapes)

_shapes := {
	"template": {
		[]: {
			"metadata": "object",
			"spec": "object",
		},
		["metadata"]: {"annotations": "object"},
	},
	"pod": {
		[]: {
			"automountServiceAccountToken": "boolean",
			"containers": "list of objects",
			"ephemeralContainers": "list of objects",
			"hostIPC": "boolean",
			"hostNetwork": "boolean",
			"hostPID": "boolean",
			"hostUsers": "boolean",
			"initContainers": "list of objects",
			"resources": "object",
			"securityContext": "object",
			"volumes": "list of objects",
		},
		["resources"]: {"limits": "object"},
		["securityContext"]: {
			"allowPrivilegeEscalation": "boolean",
			"appArmorProfile": "object",
			"capabilities": "object",
			"privileged": "boolean",
			"procMount": "string",
			"runAsNonRoot": "boolean",
			"seLinuxOptions": "object",
			"seccompProfile": "object",
			"sysctls": "list of objects",
			"windowsOptions": "object",
		},
		["securityContext", "capabilities"]: {"add": "list of strings"},
	},
	"containers": {
		[]: {
			"env": "list of objects",
			"image": "string",
			"lifecycle": "object",
			"livenessProbe": "object",
			"ports": "list of objects",
			"readinessProbe": "object",
			"resources": "object",
			"securityContext": "object",
			"startupProbe": "object",
		},
		["resources"]: {"limits": "object"},
		["securityContext"]: {
			"allowPrivilegeEscalation": "boolean",
			"appArmorProfile": "object",
			"capabilities": "object",
			"privileged": "boolean",
			"procMount": "string",
			"runAsNonRoot": "boolean",
			"seLinuxOptions": "object",
			"seccompProfile": "object",
			"sysctls": "list of objects",
			"windowsOptions": "object",
		},
		["securityContext", "capabilities"]: {"add": "list of strings"},
	},
}
