package lib.kubernetes.pods_test

import data.lib.kubernetes.builders
import data.lib.kubernetes.pods

test_an_unnamed_container_is_named_so if {
	labels := {c.label | some c in pods.containers} with input as builders.judged(_nameless, {})
	labels == {"an unnamed container", "an unnamed init container"}
}

test_a_pointer_escapes_and_ends_at_what_exists if {
	o := {"apiVersion": "v1", "kind": "Pod", "metadata": {"annotations": {"a/b~c": null}}, "spec": {}}
	document := builders.judged(o, {})
	pods.pointer(pods.template, ["metadata", "annotations", "a/b~c"]) == "/metadata/annotations/a~1b~0c" with input as document
	pods.pointer(pods.template, ["metadata", "labels", "x"]) == "/metadata" with input as document
	pods.pointer(pods.pod, ["containers", 0]) == "/spec" with input as document
}

_nameless := builders.pod({"containers": [{}], "initContainers": [{"name": 1}]})
