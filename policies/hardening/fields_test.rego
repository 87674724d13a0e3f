package policy.kubernetes.fields_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.fields

test_every_kind_of_workload_can_be_read if {
	every kind in builders.kinds {
		_paths(builders.workload(kind, builders.pod({}))) == set()
	}
}

test_fields_of_their_own_type_can_be_read if {
	_paths(builders.pod({
		"securityContext": {"fsGroup": 1000, "supplementalGroups": [1000], "runAsGroup": 1000},
		"tolerations": [{"key": "gpu"}],
		"volumes": [{"name": "v", "hostPath": {"path": "/data"}}, {"name": "i", "image": {"reference": "a"}}],
		"nodeSelector": {"a": "b"},
		"shareProcessNamespace": true,
	})) == set()
	_paths(builders.running({
		"args": ["a"],
		"env": [{"name": "A", "valueFrom": {}}],
		"volumeMounts": [{"name": "v", "mountPath": "/x", "readOnly": true}],
		"securityContext": {"readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}},
	})) == set()
}

test_a_field_of_a_pod_of_another_type_is_denied_in_every_kind_and_list if {
	every changes in [
		{"args": "--password=a"}, {"command": [1]}, {"env": {"A": "b"}}, {"envFrom": {"secretRef": {}}},
		{"envFrom": [{"secretRef": "s"}]}, {"volumeMounts": {"v": "/x"}}, {"volumeMounts": [{"name": 1}]}, {"ports": 22},
		{"securityContext": {"readOnlyRootFilesystem": "true"}}, {"securityContext": {"capabilities": {"drop": "ALL"}}},
		{"securityContext": {"runAsGroup": "0"}}, {"imagePullPolicy": ["Never"]},
	] {
		every o in builders.everywhere(changes) {
			count(_paths(o)) == 1
		}
	}
	every changes in [
		{"volumes": {"v": {"hostPath": {"path": "/"}}}}, {"volumes": [{"hostPath": "/run/docker.sock"}]},
		{"volumes": [{"hostPath": {"path": ["/run"]}}]}, {"tolerations": {"operator": "Exists"}}, {"nodeSelector": ["a"]},
		{"securityContext": {"fsGroup": "0"}}, {"securityContext": {"supplementalGroups": 0}}, {"serviceAccountName": 1},
		{"shareProcessNamespace": "true"}, {"containers": {"web": {}}},
	] {
		every kind in builders.kinds {
			count(_paths(builders.workload(kind, builders.pod(changes)))) > 0
		}
	}
}

# What another type would hide in other kinds, with where it stands.
_cases := [
	["rbac.authorization.k8s.io/v1", "ClusterRole", {"rules": {"a": {"verbs": ["*"]}}}, "/rules"],
	["rbac.authorization.k8s.io/v1", "Role", {"rules": ["*"]}, "/rules"],
	["rbac.authorization.k8s.io/v1", "ClusterRole", {"rules": [{"verbs": "*"}]}, "/rules/0/verbs"],
	["rbac.authorization.k8s.io/v1", "ClusterRole", {"rules": [{"resourceNames": [1]}]}, "/rules/0/resourceNames"],
	["rbac.authorization.k8s.io/v1", "RoleBinding", {"subjects": {"name": "system:masters"}}, "/subjects"],
	["rbac.authorization.k8s.io/v1", "RoleBinding", {"subjects": [{"name": ["system:masters"]}]}, "/subjects/0/name"],
	["rbac.authorization.k8s.io/v1", "ClusterRoleBinding", {"roleRef": "cluster-admin"}, "/roleRef"],
	["v1", "Service", {"spec": "NodePort"}, "/spec"],
	["v1", "Service", {"spec": {"type": ["NodePort"]}}, "/spec/type"],
	["v1", "Service", {"spec": {"externalIPs": "192.0.2.1"}}, "/spec/externalIPs"],
	["v1", "Service", {"metadata": {"annotations": ["a"]}}, "/metadata/annotations"],
	["networking.k8s.io/v1", "Ingress", {"spec": {"rules": {"host": ""}}}, "/spec/rules"],
	["networking.k8s.io/v1", "Ingress", {"spec": {"tls": [{"hosts": "a"}]}}, "/spec/tls/0/hosts"],
	["networking.k8s.io/v1", "NetworkPolicy", {"spec": {"ingress": {}}}, "/spec/ingress"],
	["networking.k8s.io/v1", "NetworkPolicy", {"spec": {"egress": [{"to": {}}]}}, "/spec/egress/0/to"],
	["v1", "Secret", {"data": ["aGk="]}, "/data"],
	["v1", "Secret", {"stringData": "hi"}, "/stringData"],
	["v1", "ConfigMap", {"data": [{"password": "a"}]}, "/data"],
	["v1", "ServiceAccount", {"automountServiceAccountToken": "false"}, "/automountServiceAccountToken"],
	["v1", "Namespace", {"metadata": {"labels": "enforce"}}, "/metadata/labels"],
	["admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", {"webhooks": {}}, "/webhooks"],
	["admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", {"webhooks": [{"failurePolicy": 1}]}, "/webhooks/0/failurePolicy"],
	["apiregistration.k8s.io/v1", "APIService", {"spec": {"insecureSkipTLSVerify": "no"}}, "/spec/insecureSkipTLSVerify"],
	["gateway.networking.k8s.io/v1", "Gateway", {"spec": {"listeners": {}}}, "/spec/listeners"],
	["gateway.networking.k8s.io/v1", "ReferenceGrant", {"spec": {"to": "Secret"}}, "/spec/to"],
	[1, "Role", {"rules": []}, "/apiVersion"],
]

test_a_field_of_another_type_is_denied_where_it_stands if {
	every case in _cases {
		_paths(object.union({"apiVersion": case[0], "kind": case[1]}, case[2])) == {case[3]}
	}
}

test_what_is_absent_or_null_can_be_read if {
	every case in [c | some c in _cases; is_string(c[0])] {
		every o in [{}, {"spec": null, "rules": null, "subjects": null, "webhooks": null, "data": null, "metadata": null}] {
			_paths(object.union({"apiVersion": case[0], "kind": case[1]}, o)) == set()
		}
	}
}

test_an_object_that_is_none_is_denied_or_absent if {
	every o in [{}, [], "Pod", 1, {"kind": 1}] {
		count(_paths(o)) > 0
	}
	_paths(null) == set()
}

test_kinds_of_other_groups_are_not_judged if {
	_paths({"apiVersion": "acme.example/v1", "kind": "Role", "rules": "all"}) == set()
	_paths({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "spec": {"type": 1}}) == set()
}

test_the_message_names_field_and_type if {
	o := {"apiVersion": "v1", "kind": "Service", "spec": {"type": 1}}
	v := lib.only(fields.deny) with input as builders.judged(o, {})
	[v.rule, v.message] == ["GATE-K8S-205", "the object: spec.type is number, expected string"]
}

_paths(o) := paths if {
	paths := {v.path | some v in fields.deny} with input as builders.judged(o, {})
}
