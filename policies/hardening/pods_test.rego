package policy.kubernetes.hardening_test

import data.lib.kubernetes.builders
import data.policy.kubernetes.hardening

_socket := {"volumes": [{"name": "s", "hostPath": {"path": "/var/run/docker.sock"}}]}

# Changes of a good pod, each with the one rule it makes speak.
_of_pods := [
	["GATE-K8S-130", _socket],
	["GATE-K8S-130", {"volumes": [{"name": "s", "hostPath": {"path": "/run/containerd/containerd.sock"}}]}],
	["GATE-K8S-132", {"securityContext": {"fsGroup": 0}}],
	["GATE-K8S-133", {"tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]}],
	["GATE-K8S-134", {"automountServiceAccountToken": true, "serviceAccountName": "default"}],
	["GATE-K8S-135", {"shareProcessNamespace": true}],
]

# Changes of a good container, each with the one rule it makes speak, in every kind and list.
_of_containers := [
	["GATE-K8S-129", {"securityContext": {"readOnlyRootFilesystem": false}}],
	["GATE-K8S-129", {"securityContext": {"readOnlyRootFilesystem": null}}],
	["GATE-K8S-132", {"securityContext": {"runAsGroup": 0}}],
	["GATE-K8S-136", {"image": "registry.example/web:1", "imagePullPolicy": "IfNotPresent"}],
	["GATE-K8S-137", {"image": "web:1", "imagePullPolicy": "Always"}],
	["GATE-K8S-137", {"image": "acme/web:1", "imagePullPolicy": "Always"}],
	["GATE-K8S-138", {"securityContext": {"capabilities": {"drop": ["NET_RAW"]}}}],
	["GATE-K8S-138", {"securityContext": {"capabilities": null}}],
]

test_a_hard_pod_passes if _ids(_pod({})) == set()

test_each_rule_about_pods_fires_in_every_kind if {
	every case in _of_pods {
		every kind in builders.kinds {
			_ids(builders.workload(kind, _pod(case[1]))) == {case[0]}
		}
	}
}

test_each_rule_about_containers_fires_in_every_list if {
	every case in _of_containers {
		every list in ["containers", "initContainers", "ephemeralContainers"] {
			_ids(_pod({list: [_container(case[1])]})) == {case[0]}
		}
	}
}

test_a_path_of_the_node_that_is_mounted_for_writing_is_denied if {
	volume := {"name": "v", "hostPath": {"path": "/data"}}
	_ids(_pod({"volumes": [volume], "containers": [_container({"volumeMounts": [{"name": "v", "mountPath": "/x"}]})]})) == {"GATE-K8S-131"}
	_ids(_pod({"volumes": [volume], "containers": [_container({"volumeMounts": [{"name": "v", "mountPath": "/x", "readOnly": true}]})]})) == set()
	_ids(_pod({"volumes": [{"name": "v", "emptyDir": {}}], "containers": [_container({"volumeMounts": [{"name": "v", "mountPath": "/x"}]})]})) == set()
}

test_a_workload_in_the_default_namespace_is_warned_of if {
	_ids(object.union(_pod({}), {"metadata": {"namespace": "default"}})) == {"GATE-K8S-128"}
	_ids({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default"}}) == set()
}

test_windows_has_no_capabilities_and_no_read_only_root if {
	_ids(_pod({"os": {"name": "windows"}, "containers": [object.remove(_container({}), ["securityContext"])]})) == set()
}

test_a_digest_needs_no_pull_policy if {
	_ids(_pod({"containers": [_container({"imagePullPolicy": "IfNotPresent"})]})) == set()
}

test_a_service_account_that_mounts_its_token_is_warned_of if {
	_ids({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x"}}) == {"GATE-K8S-139"}
	_ids({"apiVersion": "v1", "kind": "ServiceAccount", "automountServiceAccountToken": false}) == set()
}

test_a_namespace_without_a_level_is_warned_of if {
	namespace := {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}
	_ids(namespace) == {"GATE-K8S-140"}
	every level in ["baseline", "restricted"] {
		_ids(object.union(namespace, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": level}}})) == set()
	}
	_ids(object.union(namespace, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}})) == {"GATE-K8S-140"}
}

_pod(changes) := builders.pod(object.union({"containers": [_container({})]}, changes))

_container(changes) := builders.container(object.union(
	{"securityContext": {"readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}}},
	changes,
))

_ids(o) := ids if {
	ids := {v.rule | some v in hardening.deny | hardening.warn} with input as builders.judged(o, {})
}
