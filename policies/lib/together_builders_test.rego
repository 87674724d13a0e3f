# Builders for the tests of rules about several objects.
package lib.kubernetes.together.builders

import data.lib.builders

# The input that holds these objects.
given(objects) := builders.document({"objects": [{"object": o, "source": null} | some o in objects]})

# A workload of `kind` whose pods have the label app=web and the pod spec `pod`.
workload(kind, spec, pod) := {
	"apiVersion": "apps/v1",
	"kind": kind,
	"metadata": {"name": "web", "namespace": "prod"},
	"spec": object.union({"template": {"metadata": {"labels": {"app": "web", "tier": "front"}}, "spec": pod}}, spec),
}

# An object of `kind` in the same namespace.
other(kind, version, spec) := {
	"apiVersion": version,
	"kind": kind,
	"metadata": {"name": "web", "namespace": "prod"},
	"spec": spec,
}

service(spec) := other("Service", "v1", object.union({"selector": {"app": "web"}}, spec))

budget(spec) := other("PodDisruptionBudget", "policy/v1", object.union({"selector": {"matchLabels": {"app": "web"}}}, spec))

# An autoscaler of the Deployment.
scaler(spec) := other("HorizontalPodAutoscaler", "autoscaling/v2", object.union(
	{"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
	spec,
))

kinds := ["DaemonSet", "Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"]
