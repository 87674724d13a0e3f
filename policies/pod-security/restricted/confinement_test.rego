package policy.kubernetes.pod_security.restricted.confinement_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.pod_security.restricted.confinement

test_a_restricted_pod_passes if {
	every version in ["1.0", "1.19", "1.22", "1.37"] {
		_denied_at(builders.running(_good), version) == set()
	}
}

test_where_restricted_is_not_selected_nothing_is_said if {
	rules := lib.rules(confinement.deny) with input as builders.standards(builders.pod({"volumes": [{"nfs": {}}]}), "1.37", null)
	rules == set()
}

# ----------------------------------------------------------------------------------------- volumes

test_a_volume_of_another_type_is_denied_in_every_kind_and_version if {
	every type in ["nfs", "iscsi", "gitRepo", "flexVolume", "awsElasticBlockStore", "brandNew"] {
		every kind in builders.kinds {
			o := builders.workload(kind, _mounting({"name": "a", type: {}}))
			v := lib.only(confinement.deny) with input as builders.standards(o, null, "1.37")
			[v.rule, v.message] == ["GATE-PSS-104", sprintf("the volume a is of the type %s", [type])]
			_denied_at(o, "1.0") == {"GATE-PSS-104"}
		}
	}
}

test_a_second_type_beside_an_allowed_one_is_denied if {
	_denied(_mounting({"name": "a", "emptyDir": {}, "nfs": {}})) == {"GATE-PSS-104"}
}

test_volumes_of_the_allowed_types_pass if {
	every type in [
		"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
	] {
		_denied_at(_mounting({"name": "a", type: {}}), "1.0") == set()
	}
	_denied(_mounting({"name": "a"})) == set()
	_denied(_mounting({"name": "a", "nfs": null})) == set()
}

test_a_path_of_the_host_is_left_to_the_baseline if _denied(_mounting({"name": "a", "hostPath": {}})) == set()

# ----------------------------------------------------------------------------------------- seccomp

test_a_container_without_seccomp_is_denied_from_v1_19_on if {
	every o in builders.everywhere(_changed({"seccompProfile": null})) {
		"GATE-PSS-105" in _denied(o)
		"GATE-PSS-105" in _denied_at(o, "1.19")
		not "GATE-PSS-105" in _denied_at(o, "1.18")
	}
}

test_a_container_has_the_seccomp_profile_of_its_pod if {
	containers := [builders.container(_changed({"seccompProfile": null}))]
	_denied(builders.pod({"securityContext": {"seccompProfile": {"type": "Localhost"}}, "containers": containers})) == set()
}

test_a_profile_that_is_none_is_left_to_the_baseline if {
	_denied(builders.running(_changed({"seccompProfile": {"type": "Unconfined"}}))) == set()
}

# ------------------------------------------------------------------------------------ capabilities

test_a_container_that_keeps_its_capabilities_is_denied_from_v1_22_on if {
	every dropped in [null, [], ["all"], ["NET_RAW", "CAP_ALL"], "ALL"] {
		every o in builders.everywhere(_changed({"capabilities": {"drop": dropped}})) {
			"GATE-PSS-106" in _denied(o)
			"GATE-PSS-106" in _denied_at(o, "1.22")
			not "GATE-PSS-106" in _denied_at(o, "1.21")
		}
	}
	_denied(builders.running(_changed({"capabilities": null}))) == {"GATE-PSS-106"}
	_denied(builders.running(_changed({"capabilities": {"drop": ["NET_RAW", "ALL"]}}))) == set()
}

test_a_capability_of_the_baseline_is_denied_from_v1_22_on if {
	o := builders.running(_changed({"capabilities": {"add": ["NET_BIND_SERVICE", "CHOWN"]}}))
	v := lib.only(confinement.deny) with input as builders.standards(o, null, "1.37")
	[v.rule, v.path] == ["GATE-PSS-107", "/spec/containers/0/securityContext/capabilities/add/1"]
	_denied_at(o, "1.22") == {"GATE-PSS-107"}
	_denied_at(o, "1.21") == set()
}

test_a_capability_beyond_the_baseline_is_left_to_it if {
	_denied(builders.running(_changed({"capabilities": {"add": ["SYS_ADMIN"]}}))) == set()
}

test_the_port_capability_passes if {
	every added in [null, [], ["NET_BIND_SERVICE"]] {
		_denied(builders.running(_changed({"capabilities": {"add": added}}))) == set()
	}
}

# ------------------------------------------------------------------------------ Windows, procMount

test_windows_has_neither_seccomp_nor_capabilities_from_v1_25_on if {
	containers := [builders.container(_changed({"seccompProfile": null, "capabilities": {"drop": [], "add": ["CHOWN"]}}))]
	o := builders.pod({"os": {"name": "windows"}, "containers": containers})
	_denied_at(o, "1.24") == {"GATE-PSS-105", "GATE-PSS-106", "GATE-PSS-107"}
	_denied_at(o, "1.25") == set()
	_denied_at(object.union(o, {"spec": {"os": {"name": "linux"}}}), "1.25") == {"GATE-PSS-105", "GATE-PSS-106", "GATE-PSS-107"}
}

test_an_unmasked_proc_in_a_user_namespace_is_denied_from_v1_35_on if {
	every mount in ["Unmasked", ""] {
		container := builders.container(_changed({"procMount": mount}))
		o := builders.pod({"hostUsers": false, "containers": [container]})
		_denied_at(o, "1.34") == set()
		_denied_at(o, "1.35") == {"GATE-PSS-108"}
	}
}

test_the_default_proc_in_a_user_namespace_passes if {
	containers := [builders.container(_changed({"procMount": "Default"}))]
	_denied(builders.pod({"hostUsers": false, "containers": containers})) == set()
}

test_an_unmasked_proc_elsewhere_is_left_to_the_baseline if {
	_denied(builders.running(_changed({"procMount": "Unmasked"}))) == set()
}

_good := {"securityContext": {
	"capabilities": {"drop": ["ALL"]},
	"seccompProfile": {"type": "RuntimeDefault"},
}}

_changed(changes) := object.union(_good, {"securityContext": changes})

_mounting(volume) := object.union(builders.running(_good), {"spec": {"volumes": [volume]}})

_denied(o) := _denied_at(o, "1.37")

_denied_at(o, version) := rules if rules := lib.rules(confinement.deny) with input as builders.standards(o, null, version)
