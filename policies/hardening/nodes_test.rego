package policy.kubernetes.nodes_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.nodes

# ----------------------------------------------------------------------------------------- sockets

test_a_socket_of_the_runtime_is_denied_in_every_kind if {
	every kind in builders.kinds {
		_ids(builders.workload(kind, _mounting("/var/run/docker.sock"))) == {"GATE-K8S-130"}
	}
}

test_every_spelling_of_a_socket_is_denied if {
	every path in [
		"/run/containerd/containerd.sock", "/var/run/crio/crio.sock", "/run/k3s/containerd/containerd.sock",
		"/run/podman/podman.sock", "//var/run//docker.sock", "/var/./run/docker.sock/", "/srv/docker.sock",
		"/var/run", "/run/", "/var/run/docker", "/run/containerd",
	] {
		_ids(_mounting(path)) == {"GATE-K8S-130"}
	}
}

test_other_paths_are_no_socket if {
	every path in ["/data", "/var/log", "/run/udev", "/var/running", "/data/docker.socket"] {
		_ids(_mounting(path)) == set()
	}
}

# -------------------------------------------------------------------------------------------- keys

test_a_path_that_holds_keys_or_lies_in_one_that_does_is_denied if {
	every path in [
		"/", "//", "/etc", "/etc/", "/etc/kubernetes/pki/ca.key", "/var", "/var/lib", "/var/lib/kubelet", concat("/", ["", "root", ".ssh"]),
	] {
		_ids(_mounting(path)) == {"GATE-K8S-218"}
	}
}

test_a_path_beside_the_keys_passes if {
	every path in ["/etc/localtime", "/etc/kubernetes2", "/var/lib/docker", "/rootless", "/var/log/pods"] {
		_ids(_mounting(path)) == set()
	}
}

test_the_setting_says_where_keys_are_and_without_it_they_are_everywhere if {
	_with(_mounting("/srv/keys"), ["/srv"]) == {"GATE-K8S-218"}
	_with(_mounting("/root"), []) == set()
	every hole in [null, "x", {}] {
		_with(_mounting("/data"), hole) == {"GATE-K8S-218"}
	}
}

# ------------------------------------------------------------------------------------------ mounts

test_a_path_of_the_node_mounted_for_writing_is_denied_in_every_list if {
	every list in ["containers", "initContainers", "ephemeralContainers"] {
		every mount in [{}, {"readOnly": false}, {"readOnly": null}, {"readOnly": "true"}] {
			container := builders.container({"volumeMounts": [object.union({"name": "v", "mountPath": "/x"}, mount)]})
			_ids(builders.pod({list: [container], "volumes": [_volume("/data")]})) == {"GATE-K8S-131"}
		}
	}
}

test_a_mount_that_cannot_write_to_the_node_passes if {
	_ids(_with_mount({"name": "v", "mountPath": "/x", "readOnly": true})) == set()
	_ids(_with_mount({"name": "other", "mountPath": "/x"})) == set()
	_ids(builders.pod({
		"volumes": [{"name": "v", "emptyDir": {}}],
		"containers": [builders.container({"volumeMounts": [{"name": "v", "mountPath": "/x"}]})],
	})) == set()
}

test_a_mount_that_reaches_back_is_denied_in_every_kind_and_list if {
	mount := {"name": "v", "mountPath": "/x", "mountPropagation": "Bidirectional"}
	every o in builders.everywhere({"volumeMounts": [mount]}) {
		_ids(o) == {"GATE-K8S-219"}
	}
	every good in ["None", "HostToContainer", null] {
		_ids(builders.running({"volumeMounts": [object.union(mount, {"mountPropagation": good})]})) == set()
	}
}

# ----------------------------------------------------------------------------------------- volumes

test_a_persistent_volume_of_a_path_of_the_node_is_warned_of if {
	volume := {"apiVersion": "v1", "kind": "PersistentVolume", "spec": {"hostPath": {"path": "/data"}}}
	_ids(volume) == {"GATE-K8S-220"}
	_ids(object.union(volume, {"spec": {"hostPath": {}}})) == {"GATE-K8S-220"}
	_ids(object.union(volume, {"spec": null})) == set()
	_ids({"apiVersion": "v1", "kind": "PersistentVolume", "spec": {"local": {"path": "/data"}}}) == set()
}

test_the_violation_points_at_the_path if {
	v := lib.only(nodes.deny) with input as builders.judged(_mounting("/run/docker.sock"), {})
	[v.path, v.message] == ["/spec/volumes/0/hostPath/path", `the pod mounts "/run/docker.sock"`]
}

_volume(path) := {"name": "v", "hostPath": {"path": path}}

_mounting(path) := builders.pod({"volumes": [_volume(path)]})

_with_mount(mount) := builders.pod({
	"volumes": [_volume("/data")],
	"containers": [builders.container({"volumeMounts": [mount]})],
})

_with(o, keys) := ids if {
	ids := lib.rules(nodes.deny) with input as builders.judged(o, {"kubernetes": {"node_keys": keys}})
}

_ids(o) := ids if {
	ids := {v.rule | some v in nodes.deny | nodes.warn} with input as builders.judged(o, {})
}
