# Eleven rules about the Pod of an AdmissionReview, as clusters have them: what the engines are timed on.
package bench.pods

_pod := input.request.object

_containers := array.concat(object.get(_pod.spec, "containers", []), object.get(_pod.spec, "initContainers", []))

deny contains sprintf("container %q is privileged", [c.name]) if {
	some c in _containers
	c.securityContext.privileged == true
}

deny contains sprintf("container %q may gain privileges", [c.name]) if {
	some c in _containers
	not c.securityContext.allowPrivilegeEscalation == false
}

deny contains sprintf("container %q adds capability %s", [c.name, capability]) if {
	some c in _containers
	some capability in c.securityContext.capabilities.add
	not capability in {"NET_BIND_SERVICE"}
}

deny contains sprintf("container %q does not drop all capabilities", [c.name]) if {
	some c in _containers
	not "ALL" in object.get(c, ["securityContext", "capabilities", "drop"], [])
}

deny contains sprintf("container %q may run as root", [c.name]) if {
	some c in _containers
	not c.securityContext.runAsNonRoot == true
	not _pod.spec.securityContext.runAsNonRoot == true
}

deny contains sprintf("container %q may write to its own file system", [c.name]) if {
	some c in _containers
	not c.securityContext.readOnlyRootFilesystem == true
}

deny contains sprintf("volume %q is a path of the host", [v.name]) if {
	some v in _pod.spec.volumes
	v.hostPath
}

deny contains sprintf("the pod shares the host's %s", [namespace]) if {
	some namespace in ["hostNetwork", "hostPID", "hostIPC"]
	_pod.spec[namespace] == true
}

deny contains sprintf("container %q uses port %d of the host", [c.name, port.hostPort]) if {
	some c in _containers
	some port in c.ports
	port.hostPort > 0
}

deny contains sprintf("container %q: image %q is not from registry.example, or has no digest", [c.name, c.image]) if {
	some c in _containers
	not regex.match(`^registry\.example/[a-z0-9/._-]+(:[\w.-]+)?@sha256:[0-9a-f]{64}$`, c.image)
}

deny contains sprintf("container %q has no limit of %s", [c.name, resource]) if {
	some c in _containers
	some resource in ["cpu", "memory"]
	not c.resources.limits[resource]
}
