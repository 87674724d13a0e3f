# Four rules in conftest's way, for `manifests`.
package main

_containers := object.get(input, ["spec", "template", "spec", "containers"], [])

deny contains sprintf("container %q is privileged", [c.name]) if {
	some c in _containers
	c.securityContext.privileged == true
}

deny contains sprintf("container %q uses the tag latest", [c.name]) if {
	some c in _containers
	endswith(c.image, ":latest")
}

deny contains sprintf("container %q has no memory limit", [c.name]) if {
	some c in _containers
	not c.resources.limits.memory
}

deny contains "the pod shares the host's network" if {
	input.spec.template.spec.hostNetwork == true
}
