package policy.kubernetes.reliability.names_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.reliability.names

test_the_deprecated_service_account_is_warned_of_in_every_kind if {
	every kind in builders.kinds {
		every pod in [builders.pod({"serviceAccount": "a"}), builders.pod({"serviceAccount": "a", "serviceAccountName": "b"})] {
			_warned(_labelled(builders.workload(kind, pod))) == {"GATE-K8S-181"}
		}
		_warned(_labelled(builders.workload(kind, builders.pod({"serviceAccountName": "a"})))) == set()
		# The API server writes both.
		_warned(_labelled(builders.workload(kind, builders.pod({"serviceAccount": "a", "serviceAccountName": "a"})))) == set()
	}
}

test_a_workload_without_the_label_is_warned_of if {
	every kind in builders.kinds - {"Pod", "PodTemplate", "DaemonSet"} {
		o := builders.workload(kind, builders.pod({}))
		_warned(o) == {"GATE-K8S-182"}
		_warned(object.union(o, {"metadata": {"labels": {"app.kubernetes.io/name": ""}}})) == {"GATE-K8S-182"}
		_warned(_labelled(o)) == set()
		_warned(builders.workload(kind, _labelled(builders.pod({})))) == set()
	}
}

test_the_settings_say_which_labels if {
	o := _labelled(builders.workload("Deployment", builders.pod({})))
	_warned_under(o, {"labels": ["team"]}) == {"GATE-K8S-182"}
	_warned_under(builders.workload("Deployment", builders.pod({})), {"labels": []}) == set()
	_warned_under(builders.workload("Deployment", builders.pod({})), null) == {"GATE-K8S-182"}
}

test_a_workload_among_the_clusters_parts_is_warned_of if {
	every namespace in ["kube-system", "kube-public", "kube-node-lease"] {
		_warned(object.union(builders.pod({}), {"metadata": {"namespace": namespace}})) == {"GATE-K8S-184"}
	}
	_warned({"kind": "ConfigMap", "metadata": {"namespace": "kube-system"}}) == set()
	_warned_under(object.union(builders.pod({}), {"metadata": {"namespace": "kube-system"}}), null) == {"GATE-K8S-184"}
}

test_two_containers_of_one_name_are_denied_in_every_list if {
	every list in ["initContainers", "ephemeralContainers"] {
		_denied(builders.pod({list: [builders.container({})]})) == {"GATE-K8S-185"}
		_denied(builders.pod({list: [builders.container({"name": "other"})]})) == set()
	}
	every kind in builders.kinds {
		_denied(builders.workload(kind, builders.pod({"containers": [builders.container({}), builders.container({})]}))) == {"GATE-K8S-185"}
	}
}

test_the_same_name_in_two_pods_passes if {
	o := {"apiVersion": "acme.example/v1", "kind": "Two", "a": {"spec": builders.pod({}).spec}, "b": {"spec": builders.pod({}).spec}}
	_denied(o) == set()
}

test_a_port_given_twice_is_warned_of if {
	twice := [
		[{"containerPort": 80}, {"containerPort": 80, "protocol": "TCP"}],
		[{"name": "a", "containerPort": 80}, {"name": "a", "containerPort": 81}],
	]
	every ports in twice {
		_warned(builders.running({"ports": ports})) == {"GATE-K8S-186"}
	}
	_warned(builders.running({"ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53}, {}, {}]})) == set()
	_warned(builders.running({"ports": [{"containerPort": 53}]})) == set()
}

_labelled(o) := object.union(o, {"metadata": {"labels": {"app.kubernetes.io/name": "web"}}})

_warned_under(o, settings) := rules if {
	rules := lib.rules(names.warn) with input as builders.judged(o, {"reliability": settings})
}

_denied(o) := rules if rules := lib.rules(names.deny) with input as builders.judged(o, {})

_warned(o) := rules if rules := lib.rules(names.warn) with input as builders.judged(o, {})
