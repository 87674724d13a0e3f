# METADATA
# scope: package
# title: Whether containers are well
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.reliability.probes

import data.lib.kubernetes.pods

# METADATA
# title: Liveness probe asks what the readiness probe asks
# description: >-
#   Both probes call the same. A container that is merely busy is then not only left out of its Service but
#   restarted, which makes the others busier.
# custom:
#   id: GATE-K8S-142
#   severity: low
#   fix: let liveness ask only whether the process hangs, or let it wait longer (failureThreshold)
#   docs: https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-142",
	"message": sprintf("%s: livenessProbe and readinessProbe ask the same at the same pace", [container.label]),
	"path": pods.pointer(container, ["livenessProbe"]),
} if {
	_are_both_probed
	some container in _probed
	readiness := container.value.readinessProbe
	liveness := container.value.livenessProbe
	is_object(liveness)
	_meaning(liveness) == _meaning(readiness)
}

# METADATA
# title: One missed answer restarts the container
# description: The liveness probe has failureThreshold 1, so a single slow answer ends the container.
# custom:
#   id: GATE-K8S-143
#   severity: low
#   fix: set failureThreshold to 3 or more, or remove it (3 is the default)
#   docs: https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-143",
	"message": sprintf("%s: livenessProbe has failureThreshold 1", [container.label]),
	"path": pods.pointer(container, ["livenessProbe", "failureThreshold"]),
} if {
	1 in {container.livenessProbe.failureThreshold | some container in pods.bare}
	some container in _probed
	container.value.livenessProbe.failureThreshold == 1
}

# METADATA
# title: Probe asks a port that the container does not name
# description: A probe or hook calls a port by its name, and the container has no port of that name; it always fails.
# custom:
#   id: GATE-K8S-144
#   severity: medium
#   fix: correct the name, or name the port in the container's ports
#   docs: https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
#   frameworks: []
deny contains {
	"rule": "GATE-K8S-144",
	"message": sprintf("%s: %s calls the port %q, which no port of the container is named", [
		handler.label,
		concat(".", handler.call),
		port,
	]),
	"path": pods.pointer(handler, [action, "port"]),
} if {
	_is_any_port_unnamed
	some handler in pods.handlers
	some action in ["httpGet", "tcpSocket"]
	port := handler.value[action].port
	is_string(port)
	not regex.match(`^[0-9]+$`, port)
	not port in {named.name | some named in handler.container.ports}
}

# Ephemeral containers have no probes, init containers only where they stay.
# Whether places need be looked for.
_are_both_probed if {
	some container in pods.bare
	container.livenessProbe != null
	container.readinessProbe
}

_is_any_port_unnamed if {
	some part in pods.parts({"lifecycle", "livenessProbe", "ports", "readinessProbe", "startupProbe"})
	names := {named.name | some named in part.ports}
	some holder in [part, object.get(part, "lifecycle", null)]
	some call in holder
	some action in ["httpGet", "tcpSocket"]
	port := call[action].port
	is_string(port)
	not regex.match(`^[0-9]+$`, port)
	not port in names
}

_probed contains container if {
	some container in pods.containers
	not "ephemeralContainers" in container.path
}

# A probe with the defaults filled in, so that leaving one out is no difference. successThreshold must be 1 for
# liveness, so it tells nothing.
_meaning(probe) := object.union(_defaults, given) if {
	is_object(probe)
	given := {key: value | some key, value in probe; value != null; key != "successThreshold"}
} else := null

_defaults := {"failureThreshold": 3, "initialDelaySeconds": 0, "periodSeconds": 10, "timeoutSeconds": 1}
