package policy.kubernetes.reliability.volumes_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.reliability.volumes

test_a_folder_without_a_limit_is_warned_of_in_every_kind if {
	every medium, rule in {"Memory": "GATE-K8S-148", "": "GATE-K8S-149"} {
		every kind in builders.kinds {
			_warned(builders.workload(kind, _with([{"name": "a", "emptyDir": {"medium": medium}}]))) == {rule}
		}
	}
	_warned(_with([{"name": "a", "emptyDir": {}}])) == {"GATE-K8S-149"}
}

test_a_limited_folder_passes if {
	_warned(_with([{"name": "a", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "b", "emptyDir": null}])) == set()
	limited := builders.container({"resources": {"limits": {"ephemeral-storage": "1Gi"}}})
	_warned(builders.pod({"containers": [limited], "volumes": [{"emptyDir": {}}]})) == set()
}

test_a_limit_of_some_containers_bounds_nothing if {
	limited := builders.container({"resources": {"limits": {"ephemeral-storage": "1Gi"}}})
	_warned(builders.pod({"containers": [limited, {"name": "b"}], "volumes": [{"emptyDir": {}}]})) == {"GATE-K8S-149"}
}

test_a_mount_of_no_volume_is_denied_in_every_kind_and_list if {
	every list in ["volumeMounts", "volumeDevices"] {
		every o in builders.everywhere({list: [{"name": "gone"}]}) {
			_denied(o) == {"GATE-K8S-150"}
		}
	}
}

test_a_mount_of_a_volume_passes if {
	o := builders.pod({
		"containers": [builders.container({"volumeMounts": [{"name": "a", "mountPath": "/a"}, {"name": "a", "mountPath": "/b"}]})],
		"volumes": [{"name": "a"}],
	})
	_denied(o) == set()
	_warned(o) == set()
}

test_a_claim_template_is_a_volume_of_a_stateful_set_alone if {
	mounting := builders.running({"volumeMounts": [{"name": "data", "mountPath": "/a"}]})
	every kind, expected in {"StatefulSet": set(), "Deployment": {"GATE-K8S-150"}} {
		o := builders.workload(kind, mounting)
		claims := {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}
		_denied(object.union(o, {"spec": object.union(o.spec, claims)})) == expected
	}
}

test_two_mounts_at_one_path_are_denied_in_every_kind if {
	mounts := [{"name": "a", "mountPath": "/a"}, {"name": "b", "mountPath": "/b"}, {"name": "b", "mountPath": "/a"}]
	every kind in builders.kinds {
		o := builders.workload(kind, builders.pod({
			"containers": [builders.container({"volumeMounts": mounts})],
			"volumes": [{"name": "a"}, {"name": "b"}],
		}))
		_denied(o) == {"GATE-K8S-151"}
	}
}

_with(volumes_) := builders.pod({"volumes": volumes_})

_denied(o) := rules if rules := lib.rules(volumes.deny) with input as builders.judged(o, {})

_warned(o) := rules if rules := lib.rules(volumes.warn) with input as builders.judged(o, {})
