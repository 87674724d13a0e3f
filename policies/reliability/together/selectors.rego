# METADATA
# scope: package
# title: What selects what
# custom:
#   scope: subject
#   points: [ci, background]
package policy.kubernetes.reliability.together.selectors

import data.lib.kubernetes.together
import data.lib.text

# METADATA
# title: Service selects no workload
# description: >-
#   None of the workloads handed over has the labels that the Service selects, in its namespace, so it leads nowhere.
#   Where no workload was handed over nothing is said. Pods that an operator makes are not seen.
# custom:
#   id: GATE-K8S-193
#   severity: low
#   fix: correct the selector, or hand the workload over too
#   docs: https://kubernetes.io/docs/concepts/services-networking/service/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-193",
	"message": sprintf("%s selects %v, which no workload has", [together.label(o), json.marshal(o.spec.selector)]),
} if {
	together.has_workloads(together.kinds)
	some o in together.of("Service")
	_selects_something(o)
	count(_backends(o)) == 0
}

# METADATA
# title: Service leads to a port that nothing has
# description: targetPort is a name, and no container of the selected workloads names a port so; every connection is refused.
# custom:
#   id: GATE-K8S-194
#   severity: medium
#   fix: correct targetPort, or name the port in the container
#   docs: https://kubernetes.io/docs/concepts/services-networking/service/
#   frameworks: []
deny contains {
	"rule": "GATE-K8S-194",
	"message": sprintf("%s: targetPort %q is no port of %s", [together.label(o), port.targetPort, text.listed(names)]),
} if {
	some o in together.of("Service")
	backends := _backends(o)
	count(backends) > 0
	some port in object.get(o, ["spec", "ports"], [])
	is_string(port.targetPort)
	not regex.match(`^[0-9]+$`, port.targetPort)
	# A backend without the port is only left out, as long as another one has it.
	every backend in backends {
		not port.targetPort in _ports(backend)
	}
	names := {together.label(backend) | some backend in backends}
}

# METADATA
# title: Backend of a Service without a readiness probe
# description: Without one a container gets requests from its first moment on, and goes on getting them when it cannot answer.
# custom:
#   id: GATE-K8S-195
#   severity: low
#   fix: add a readinessProbe to the container that answers
#   docs: https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-195",
	"message": sprintf("%s gets requests by %s, and no container of it has a readinessProbe", [
		name,
		text.listed(services),
	]),
} if {
	some name, services in _unasked
}

# METADATA
# title: Disruption budget protects nothing
# description: None of the workloads handed over has the labels that the budget selects, in its namespace.
# custom:
#   id: GATE-K8S-196
#   severity: low
#   fix: correct the selector, or hand the workload over too
#   docs: https://kubernetes.io/docs/tasks/run-application/configure-pdb/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-196",
	"message": sprintf("%s selects no workload", [together.label(o)]),
} if {
	together.has_workloads(together.kinds)
	some o in together.of("PodDisruptionBudget")
	count(together.selected(object.get(o, ["spec", "selector"], null), together.namespace(o))) == 0
}

# METADATA
# title: One object given twice
# description: Two objects of what was handed over have one kind, namespace and name; the one applied last replaces the other.
# custom:
#   id: GATE-K8S-197
#   severity: medium
#   fix: remove one, rename it, or hand over one environment at a time
#   docs: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-197",
	"message": sprintf("%s is given %d times", [concat("/", [part | some part in identity; part != ""]), those]),
} if {
	some identity, those in _given
	those > 1
}

_selects_something(o) if {
	selector := object.get(o, ["spec", "selector"], null)
	is_object(selector)
	selector != {}
}

_backends(o) := together.running(o.spec.selector, together.namespace(o)) if {
	_selects_something(o)
} else := []

# The workloads that nobody asks whether they are ready, with the Services that lead to them.
_unasked[together.label(backend)] contains together.label(o) if {
	some o in together.of("Service")
	some backend in _backends(o)
	not _is_asked(backend)
}

_ports(o) := {port.name |
	some container in together.containers(o)
	some port in object.get(container, "ports", [])
}

_is_asked(o) if {
	some container in together.containers(o)
	is_object(object.get(container, "readinessProbe", null))
}

# How often each group, kind, namespace and name is there; a generated name is no name.
_given[identity] := count(those) if {
	some identity, those in _indices
}

_indices[identity] contains i if {
	some i, entry in input.objects
	identity := _identity(entry.object)
}

_identity(o) := [_group(o), o.kind, together.namespace(o), o.metadata.name] if {
	is_string(o.kind)
	is_string(o.metadata.name)
}

_group(o) := split(o.apiVersion, "/")[0] if {
	is_string(o.apiVersion)
	contains(o.apiVersion, "/")
} else := ""
