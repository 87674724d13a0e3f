package policy.kubernetes.namespaces_test

import data.lib.kubernetes.builders
import data.policy.kubernetes.namespaces

test_an_object_in_the_namespace_default_is_warned_of if {
	every kind in builders.kinds {
		_ids(object.union(builders.workload(kind, builders.pod({})), {"metadata": {"namespace": "default"}})) == {"GATE-K8S-128"}
	}
	every kind in ["Service", "ConfigMap", "Anything"] {
		_ids({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", "namespace": "default"}}) == {"GATE-K8S-128"}
		_ids({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", "namespace": "web"}}) == set()
		_ids({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}}) == set()
	}
}

test_what_every_cluster_keeps_there_passes if {
	_ids({"kind": "Service", "metadata": {"name": "kubernetes", "namespace": "default"}}) == set()
	_ids({"kind": "ConfigMap", "metadata": {"name": "kubernetes", "namespace": "default"}}) == {"GATE-K8S-128"}
}

test_a_service_account_that_mounts_its_token_is_warned_of if {
	_ids({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x"}}) == {"GATE-K8S-139"}
	_ids({"apiVersion": "v1", "kind": "ServiceAccount", "automountServiceAccountToken": false}) == set()
	_ids({"apiVersion": "v1", "kind": "ServiceAccount", "automountServiceAccountToken": null}) == {"GATE-K8S-139"}
}

test_a_namespace_without_a_level_is_warned_of if {
	namespace := {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}
	_ids(namespace) == {"GATE-K8S-140"}
	every level in ["baseline", "restricted"] {
		_ids(object.union(namespace, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": level}}})) == set()
	}
	every labels in [null, {}, {"pod-security.kubernetes.io/enforce": null}, {"pod-security.kubernetes.io/warn": "baseline"}] {
		_ids(object.union(namespace, {"metadata": {"labels": labels}})) == {"GATE-K8S-140"}
	}
	_ids(object.union(namespace, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}})) == {"GATE-K8S-140"}
}

test_kinds_of_other_groups_pass if {
	every kind in ["Namespace", "ServiceAccount"] {
		_ids({"apiVersion": "acme.example/v1", "kind": kind}) == set()
	}
}

_ids(o) := ids if {
	ids := {v.rule | some v in namespaces.warn} with input as builders.judged(o, {})
}
