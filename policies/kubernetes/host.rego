# METADATA
# scope: package
# title: What pods may reach of their node
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.host

import data.lib.kubernetes.pods

# METADATA
# title: Pod shares a namespace of the host
# description: hostNetwork, hostPID and hostIPC let a pod see and reach the node's own processes and traffic.
# custom:
#   id: GATE-K8S-011
#   severity: high
#   fix: remove the field, and publish ports through a Service
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks:
#     - PSS baseline
#     - CIS Kubernetes v1.8 5.2.3
#     - CIS Kubernetes v1.8 5.2.4
#     - CIS Kubernetes v1.8 5.2.5
#     - NSA/CISA Kubernetes Hardening
deny contains {
	"rule": "GATE-K8S-011",
	"message": sprintf("the pod sets %s", [field]),
	"path": pods.pointer(pod, [field]),
} if {
	some pod in pods.all
	some field in ["hostNetwork", "hostPID", "hostIPC"]
	not pod.value[field] in {false, null}
}

# METADATA
# title: Pod mounts a path of the host
# description: A hostPath volume reads and often writes the node's files, and with them the other pods' secrets.
# custom:
#   id: GATE-K8S-012
#   severity: high
#   fix: use a persistent volume, emptyDir, configMap or secret
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline, CIS Kubernetes v1.8 5.2.12, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-012",
	"message": sprintf("the volume %v mounts %v of the host", [
		object.get(volume, "name", null),
		object.get(volume, ["hostPath", "path"], "a path"),
	]),
	"path": pods.pointer(pod, ["volumes", i, "hostPath"]),
} if {
	"hostPath" in pods.volume_fields
	some pod in pods.all
	some i, volume in pod.value.volumes
	volume.hostPath != null
}

# METADATA
# title: Container takes a port of the host
# description: A hostPort listens on the node itself, past Services and network policies.
# custom:
#   id: GATE-K8S-013
#   severity: medium
#   fix: remove hostPort, and publish the port through a Service
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline, CIS Kubernetes v1.8 5.2.13]
deny contains {
	"rule": "GATE-K8S-013",
	"message": sprintf("%s takes port %v of the host", [container.label, taken]),
	"path": pods.pointer(container, ["ports", i, "hostPort"]),
} if {
	some ports in pods.ports
	some i, port in ports
	taken := port.hostPort
	not taken in {null, 0}
	some container in pods.containers
	container.value.ports == ports
}

# METADATA
# title: Windows container runs as a process of the host
# description: hostProcess gives a Windows container the rights of the node.
# custom:
#   id: GATE-K8S-014
#   severity: critical
#   fix: remove hostProcess
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline, CIS Kubernetes v1.8 5.2.11]
deny contains {
	"rule": "GATE-K8S-014",
	"message": sprintf("%s sets hostProcess", [level.label]),
	"path": pods.pointer(level, ["securityContext", "windowsOptions", "hostProcess"]),
} if {
	some part in pods.level_contexts
	not part.securityContext.windowsOptions.hostProcess in {false, null}
	some level in pods.having(pods.levels, part)
}

# METADATA
# title: Probe or hook calls another host
# description: The kubelet makes these requests from the node, so a host field lets a pod reach through the node.
# custom:
#   id: GATE-K8S-015
#   severity: medium
#   fix: remove the host field; the probe then asks the pod itself
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline]
deny contains {
	"rule": "GATE-K8S-015",
	"message": sprintf("%s: %s calls the host %v", [handler.label, concat(".", handler.call), host]),
	"path": pods.pointer(handler, [action, "host"]),
} if {
	some call in pods.calls
	some action in ["httpGet", "tcpSocket"]
	host := call[action].host
	not host in {null, ""}
	some handler in pods.handlers
	handler.value == call
}
