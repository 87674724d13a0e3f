# Builders for the tests: a pod nothing is wrong with, and every way to wrap it.
package lib.kubernetes.builders

import data.lib.builders

# The input of an object rule.
judged(o, settings) := object.union(builders.document({"settings": settings}), {
	"object": o,
	"source": null,
	"request": null,
})

# The same under the Pod Security Standards of two versions, `"1.29"` for instance; null for none.
standards(o, baseline, restricted) := judged(o, {"pod_security": {"baseline": baseline, "restricted": restricted}})

# A pod whose spec differs from a good one by `changes`.
pod(changes) := {
	"apiVersion": "v1",
	"kind": "Pod",
	"metadata": {"name": "web", "namespace": "prod"},
	"spec": object.union(_spec, changes),
}

# A pod with one container that differs from a good one by `changes`.
running(changes) := pod({"containers": [container(changes)]})

container(changes) := object.union(_container, changes)

# The same pod spec in every kind that runs one, and in each list of containers.
everywhere(changes) := array.concat(
	[workload(kind, running(changes)) | some kind, _ in _wrappers],
	[
		pod({"initContainers": [container(changes)]}),
		pod({"ephemeralContainers": [container(changes)]}),
	],
)

# Every kind around one pod.
workload(kind, pod_) := object.union(
	{"apiVersion": _wrappers[kind].version, "kind": kind, "metadata": {"name": "web"}},
	json.patch(_wrappers[kind].frame, [{
		"op": "add",
		"path": _wrappers[kind].template,
		"value": {"metadata": pod_.metadata, "spec": pod_.spec},
	}]),
)

kinds := object.keys(_wrappers)

_wrappers := {
	"Pod": {"version": "v1", "frame": {}, "template": ""},
	"PodTemplate": {"version": "v1", "frame": {}, "template": "template"},
	"ReplicationController": {"version": "v1", "frame": {"spec": {}}, "template": "spec/template"},
	"ReplicaSet": {"version": "apps/v1", "frame": {"spec": {}}, "template": "spec/template"},
	"Deployment": {"version": "apps/v1", "frame": {"spec": {}}, "template": "spec/template"},
	"StatefulSet": {"version": "apps/v1", "frame": {"spec": {}}, "template": "spec/template"},
	"DaemonSet": {"version": "extensions/v1beta1", "frame": {"spec": {}}, "template": "spec/template"},
	"Job": {"version": "batch/v1", "frame": {"spec": {}}, "template": "spec/template"},
	"CronJob": {
		"version": "batch/v1",
		"frame": {"spec": {"jobTemplate": {"spec": {}}}},
		"template": "spec/jobTemplate/spec/template",
	},
}

_spec := {
	"automountServiceAccountToken": false,
	"containers": [_container],
}

_container := {
	"name": "web",
	"image": concat("", ["registry.example/acme/web:1.2@", builders.digest_a]),
	"resources": {"limits": {"memory": "64Mi"}},
	"securityContext": {"runAsNonRoot": true, "allowPrivilegeEscalation": false},
}
