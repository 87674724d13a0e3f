# METADATA
# scope: package
# title: Pods that can be judged at all
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.pod_security.baseline.shapes

import data.lib.kubernetes.shapes

# METADATA
# title: Pod cannot be judged
# description: >-
#   An object without kind, a list that was not taken apart, or a workload whose pod template, containers or a
#   field that the Pod Security Standards read is missing or of another type than Kubernetes gives it. The other
#   rules would see nothing there.
# custom:
#   id: GATE-PSS-001
#   severity: high
#   fix: give the field the type the Kubernetes API says
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline]
deny contains object.union({"rule": "GATE-PSS-001"}, problem) if some problem in shapes.problems(_shapes)

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
			"containers": "list of objects",
			"ephemeralContainers": "list of objects",
			"hostIPC": "boolean",
			"hostNetwork": "boolean",
			"hostPID": "boolean",
			"hostUsers": "boolean",
			"initContainers": "list of objects",
			"os": "object",
			"securityContext": "object",
			"volumes": "list of objects",
		},
		["os"]: {"name": "string"},
		["securityContext"]: {
			"appArmorProfile": "object",
			"runAsNonRoot": "boolean",
			"runAsUser": "number",
			"seLinuxOptions": "object",
			"seccompProfile": "object",
			"sysctls": "list of objects",
			"windowsOptions": "object",
		},
		["securityContext", "windowsOptions"]: {"hostProcess": "boolean"},
	},
	"containers": {
		[]: {
			"lifecycle": "object",
			"livenessProbe": "object",
			"ports": "list of objects",
			"readinessProbe": "object",
			"securityContext": "object",
			"startupProbe": "object",
		},
		["lifecycle"]: {
			"postStart": "object",
			"preStop": "object",
		},
		["securityContext"]: {
			"allowPrivilegeEscalation": "boolean",
			"appArmorProfile": "object",
			"capabilities": "object",
			"privileged": "boolean",
			"procMount": "string",
			"runAsNonRoot": "boolean",
			"runAsUser": "number",
			"seLinuxOptions": "object",
			"seccompProfile": "object",
			"windowsOptions": "object",
		},
		["securityContext", "capabilities"]: {
			"add": "list of strings",
			"drop": "list of strings",
		},
		["securityContext", "windowsOptions"]: {"hostProcess": "boolean"},
	},
	"handlers": {
		[]: {
			"httpGet": "object",
			"tcpSocket": "object",
		},
	},
}
