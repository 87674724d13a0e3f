# METADATA
# title: The four rules of deployments_conftest.rego in gate's way, for `manifests`
# scope: package
# custom: {scope: object}
package policy.bench

_pod := object.get(input.object, ["spec", "template", "spec"], {})

_containers := object.get(_pod, "containers", [])

# METADATA
# title: Privileged container
# custom: {id: BENCH-1, severity: high}
deny contains _violation("BENCH-1", i, "is privileged") if {
	some i, c in _containers
	c.securityContext.privileged == true
}

# METADATA
# title: Tag latest
# custom: {id: BENCH-2, severity: high}
deny contains _violation("BENCH-2", i, "uses the tag latest") if {
	some i, c in _containers
	endswith(c.image, ":latest")
}

# METADATA
# title: No memory limit
# custom: {id: BENCH-3, severity: high}
deny contains _violation("BENCH-3", i, "has no memory limit") if {
	some i, c in _containers
	not c.resources.limits.memory
}

# METADATA
# title: The host's network
# custom: {id: BENCH-4, severity: high}
deny contains {"rule": "BENCH-4", "message": "the pod shares the host's network"} if {
	_pod.hostNetwork == true
}

_violation(id, index, what) := {
	"rule": id,
	"message": sprintf("container %q %s", [_containers[index].name, what]),
	"path": sprintf("/spec/template/spec/containers/%d", [index]),
}
