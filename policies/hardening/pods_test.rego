package policy.kubernetes.hardening_test

import data.lib.kubernetes.builders
import data.policy.kubernetes.hardening

# Changes of a good pod, each with the one rule it makes speak.
_of_pods := [
	["GATE-K8S-132", {"securityContext": {"fsGroup": 0}}],
	["GATE-K8S-132", {"securityContext": {"supplementalGroups": [1000, 0]}}],
	["GATE-K8S-133", {"tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]}],
	["GATE-K8S-133", {"tolerations": [{"operator": "Exists"}]}],
	["GATE-K8S-133", {"tolerations": [{"key": "", "operator": "Exists", "effect": "NoSchedule"}]}],
	["GATE-K8S-133", {"nodeSelector": {"node-role.kubernetes.io/control-plane": ""}}],
	["GATE-K8S-134", {"automountServiceAccountToken": null}],
	["GATE-K8S-134", {"automountServiceAccountToken": "false", "serviceAccountName": "", "serviceAccount": "default"}],
	["GATE-K8S-136", {"volumes": [{"image": {"reference": "registry.example/a:1", "pullPolicy": "Never"}}]}],
	["GATE-K8S-137", {"volumes": [{"image": {"reference": "acme/web:1"}}]}],
	["GATE-K8S-134", {"automountServiceAccountToken": true, "serviceAccountName": "default"}],
	["GATE-K8S-135", {"shareProcessNamespace": true}],
]

# Changes of a good container, each with the one rule it makes speak, in every kind and list.
_of_containers := [
	["GATE-K8S-129", {"securityContext": {"readOnlyRootFilesystem": false}}],
	["GATE-K8S-129", {"securityContext": {"readOnlyRootFilesystem": null}}],
	["GATE-K8S-132", {"securityContext": {"runAsGroup": 0}}],
	["GATE-K8S-136", {"imagePullPolicy": "Never"}],
	["GATE-K8S-137", {"image": "web:1"}],
	["GATE-K8S-137", {"image": "acme/web:1"}],
	["GATE-K8S-137", {"image": "acme/registry.example/web@sha256:abc"}],
	["GATE-K8S-138", {"securityContext": {"capabilities": {"drop": ["NET_RAW"]}}}],
	["GATE-K8S-138", {"securityContext": {"capabilities": null}}],
	["GATE-K8S-138", {"securityContext": {"capabilities": {"drop": "ALL"}}}],
	["GATE-K8S-221", {"ports": [{"containerPort": 22}]}],
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

test_windows_has_no_capabilities_and_no_read_only_root if {
	_ids(_pod({"os": {"name": "windows"}, "containers": [object.remove(_container({}), ["securityContext"])]})) == set()
}

test_what_hardens_nothing_passes if {
	_ids(_pod({"serviceAccount": "web", "automountServiceAccountToken": true})) == set()
	_ids(_pod({"serviceAccountName": "web", "serviceAccount": "default", "automountServiceAccountToken": true})) == set()
	_ids(_pod({"tolerations": [{"key": "gpu", "operator": "Exists"}, {"operator": "Exists", "effect": "NoExecute"}]})) == set()
	_ids(_pod({"securityContext": {"fsGroup": 1000, "supplementalGroups": [], "runAsGroup": null}})) == set()
	_ids(_pod({"containers": [_container({"imagePullPolicy": "IfNotPresent", "ports": [{"containerPort": 2222}]})]})) == set()
	_ids(_pod({"containers": [_container({"image": "localhost:5000/web"})]})) == set()
	_ids(_pod({"containers": [_container({"securityContext": {"capabilities": {"drop": ["all"]}}})]})) == set()
}

test_a_container_without_security_context_is_told_everything if {
	bare := object.remove(_container({}), ["securityContext"])
	_ids(_pod({"containers": [bare]})) == {"GATE-K8S-129", "GATE-K8S-138"}
	_ids(_pod({"containers": [object.union(bare, {"securityContext": null})]})) == {"GATE-K8S-129", "GATE-K8S-138"}
}

_pod(changes) := builders.pod(object.union({"containers": [_container({})]}, changes))

_container(changes) := builders.container(object.union(
	{"securityContext": {"readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}}},
	changes,
))

_ids(o) := ids if {
	ids := {v.rule | some v in hardening.warn} with input as builders.judged(o, {})
}
