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
		"metadata": "object",
		"metadata.annotations": "object",
		"spec": "object",
	},
	"pod": {
		"containers": "list of objects",
		"ephemeralContainers": "list of objects",
		"hostIPC": "boolean",
		"hostNetwork": "boolean",
		"hostPID": "boolean",
		"hostUsers": "boolean",
		"initContainers": "list of objects",
		"os": "object",
		"os.name": "string",
		"securityContext.sysctls": "list of objects",
		"volumes": "list of objects",
	},
	"containers": object.union({path: "object" | some path in _calls}, {
		"ports": "list of objects",
		"securityContext.allowPrivilegeEscalation": "boolean",
		"securityContext.capabilities": "object",
		"securityContext.capabilities.add": "list of strings",
		"securityContext.capabilities.drop": "list of strings",
		"securityContext.privileged": "boolean",
		"securityContext.procMount": "string",
	}),
	"levels": {
		"securityContext": "object",
		"securityContext.appArmorProfile": "object",
		"securityContext.runAsNonRoot": "boolean",
		"securityContext.runAsUser": "number",
		"securityContext.seLinuxOptions": "object",
		"securityContext.seccompProfile": "object",
		"securityContext.windowsOptions": "object",
		"securityContext.windowsOptions.hostProcess": "boolean",
	},
}

# Every object on the way to the host of a probe or hook.
_calls := {"lifecycle"} | {concat(".", array.slice(path, 0, n)) |
	some call in [
		["livenessProbe"],
		["readinessProbe"],
		["startupProbe"],
		["lifecycle", "postStart"],
		["lifecycle", "preStop"],
	]
	some action in ["httpGet", "tcpSocket"]
	path := array.concat(call, [action])
	some n in [count(call), count(path)]
}
