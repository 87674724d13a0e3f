package policy.kubernetes.reliability.storage_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.reliability.storage

_claim(modes) := {"metadata": {"name": "data"}, "spec": {"accessModes": modes}}

_set(changes) := object.union(_plain, {"spec": object.union(_plain.spec, changes)})

_plain := builders.workload("StatefulSet", builders.pod({}))

test_a_stateful_set_that_keeps_nothing_is_warned_of if {
	every templates in [null, [], {}] {
		_warned(_set({"volumeClaimTemplates": templates})) == {"GATE-K8S-152"}
	}
	_warned(_plain) == {"GATE-K8S-152"}
}

test_a_stateful_set_with_a_claim_passes if {
	_warned(_set({"volumeClaimTemplates": [_claim(["ReadWriteOnce"])]})) == set()
	mounted := builders.pod({"volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]})
	_warned(builders.workload("StatefulSet", mounted)) == set()
	_warned(builders.workload("Deployment", builders.pod({}))) == set()
}

test_claims_that_are_deleted_are_warned_of if {
	every when in ["whenDeleted", "whenScaled"] {
		every value, expected in {"Delete": {"GATE-K8S-153"}, "Retain": set(), "": {"GATE-K8S-153"}} {
			_warned(_set({
				"persistentVolumeClaimRetentionPolicy": {when: value},
				"volumeClaimTemplates": [_claim(["ReadWriteOnce"])],
			})) == expected
		}
	}
}

test_a_claim_without_a_known_mode_is_denied_wherever_it_is if {
	every modes in [null, [], ["ReadWrite"], "ReadWriteOnce", {}, [null], ["ReadWriteOncePod", "ReadWriteOnce"]] {
		every o in _everywhere(modes) {
			_denied(o) == {"GATE-K8S-154"}
		}
	}
	_denied({"apiVersion": "v1", "kind": "PersistentVolumeClaim"}) == {"GATE-K8S-154"}
}

test_a_claim_with_a_mode_passes if {
	every modes in [["ReadWriteOnce"], ["ReadWriteMany", "ReadOnlyMany"], ["ReadWriteOncePod"]] {
		every o in _everywhere(modes) {
			_denied(o) == set()
		}
	}
}

test_custom_resources_of_the_same_name_are_not_judged if {
	o := object.union(_set({"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}), {"apiVersion": "acme.example/v1"})
	_warned(o) == set()
	_denied({"apiVersion": "acme.example/v1", "kind": "PersistentVolumeClaim"}) == set()
}

_everywhere(modes) := [
	object.union({"apiVersion": "v1", "kind": "PersistentVolumeClaim"}, _claim(modes)),
	_set({"volumeClaimTemplates": [_claim(modes)]}),
	builders.pod({"volumes": [{"name": "a", "ephemeral": {"volumeClaimTemplate": _claim(modes)}}]}),
]

_denied(o) := rules if rules := lib.rules(storage.deny) with input as builders.judged(o, {})

_warned(o) := rules if rules := lib.rules(storage.warn) with input as builders.judged(o, {})
