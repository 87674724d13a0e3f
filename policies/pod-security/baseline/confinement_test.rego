package policy.kubernetes.pod_security.baseline.confinement_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.pod_security.baseline.confinement

test_a_good_pod_passes if {
	every version in ["1.0", "1.19", "1.37"] {
		_denied_at(builders.pod({}), version) == set()
	}
}

# ----------------------------------------------------------------------------------------- seccomp

test_seccomp_switched_off_is_denied_at_pod_and_container_from_v1_19_on if {
	every profile in [{"type": "Unconfined"}, {"type": "runtimeDefault"}, {"type": ""}, {}, "RuntimeDefault"] {
		changes := {"securityContext": {"seccompProfile": profile}}
		every o in array.concat([builders.pod(changes)], builders.everywhere(changes)) {
			_denied(o) == {"GATE-PSS-010"}
			_denied_at(o, "1.19") == {"GATE-PSS-010"}
			_denied_at(o, "1.18") == set()
		}
	}
}

test_a_seccomp_profile_passes if {
	every profile in [{"type": "RuntimeDefault"}, {"type": "Localhost", "localhostProfile": "a.json"}, null] {
		_denied(builders.pod({"securityContext": {"seccompProfile": profile}})) == set()
	}
}

test_seccomp_switched_off_by_annotation_is_denied_below_v1_19 if {
	every name in ["seccomp.security.alpha.kubernetes.io/pod", "container.seccomp.security.alpha.kubernetes.io/web"] {
		every profile in ["unconfined", "", "localhost", "xruntime/default", "runtime/default2", null, 1] {
			o := _annotated(name, profile)
			_denied_at(o, "1.18") == {"GATE-PSS-010"}
			_denied_at(o, "1.19") == set()
		}
	}
}

test_a_seccomp_profile_by_annotation_passes if {
	every profile in ["runtime/default", "docker/default", "localhost/a.json"] {
		_denied_at(_annotated("seccomp.security.alpha.kubernetes.io/pod", profile), "1.0") == set()
	}
	_denied_at(_annotated("acme.example/seccomp", "unconfined"), "1.0") == set()
}

# ---------------------------------------------------------------------------------------- AppArmor

test_apparmor_switched_off_is_denied_at_pod_and_container_in_every_version if {
	every profile in [{"type": "Unconfined"}, {"type": ""}, {}, "RuntimeDefault"] {
		changes := {"securityContext": {"appArmorProfile": profile}}
		every o in array.concat([builders.pod(changes)], builders.everywhere(changes)) {
			_denied(o) == {"GATE-PSS-011"}
			_denied_at(o, "1.0") == {"GATE-PSS-011"}
		}
	}
}

test_apparmor_switched_off_by_annotation_is_denied_in_every_kind if {
	every kind in builders.kinds {
		o := builders.workload(kind, _annotated(_apparmor, "unconfined"))
		v := lib.only(confinement.deny) with input as builders.standards(o, "1.37", null)
		v.rule == "GATE-PSS-011"
		v.message == concat(" ", ["the annotation", _apparmor, "has the AppArmor profile unconfined"])
		endswith(v.path, "/metadata/annotations/container.apparmor.security.beta.kubernetes.io~1web")
	}
	every profile in ["localhost", "runtime/defaults", " ", 1, ["localhost/a"]] {
		_denied(_annotated(_apparmor, profile)) == {"GATE-PSS-011"}
	}
}

test_an_apparmor_profile_passes if {
	every profile in [{"type": "RuntimeDefault"}, {"type": "Localhost"}, null] {
		_denied(builders.pod({"securityContext": {"appArmorProfile": profile}})) == set()
	}
	every profile in ["runtime/default", "localhost/web", ""] {
		_denied(_annotated(_apparmor, profile)) == set()
	}
}

# ----------------------------------------------------------------------------------------- SELinux

test_changed_selinux_options_are_denied_at_pod_and_container if {
	every options in [{"type": "spc_t"}, {"user": "system_u"}, {"role": "system_r"}, {"type": 1}] {
		changes := {"securityContext": {"seLinuxOptions": options}}
		every o in array.concat([builders.pod(changes)], builders.everywhere(changes)) {
			_denied(o) == {"GATE-PSS-012"}
		}
	}
}

test_the_container_types_and_a_level_pass if {
	every type in ["container_t", "container_init_t", "container_kvm_t", "", null] {
		options := {"type": type, "user": "", "role": null, "level": "s0:c1"}
		_denied_at(builders.pod({"securityContext": {"seLinuxOptions": options}}), "1.0") == set()
	}
}

test_the_type_of_container_engines_passes_from_v1_31_on if {
	o := builders.pod({"securityContext": {"seLinuxOptions": {"type": "container_engine_t"}}})
	_denied_at(o, "1.30") == {"GATE-PSS-012"}
	_denied_at(o, "1.31") == set()
}

# ----------------------------------------------------------------------------------------- sysctls

test_an_unsafe_sysctl_is_denied_in_every_kind if {
	every sysctl in [{"name": "kernel.msgmax"}, {"name": "net/ipv4/tcp_syncookies"}, {"name": 1}, {}] {
		every kind in builders.kinds {
			_denied(builders.workload(kind, _setting(sysctl))) == {"GATE-PSS-013"}
		}
	}
}

test_a_sysctl_is_safe_from_its_version_on if {
	every name, versions in {
		"kernel.shm_rmid_forced": ["1.0"],
		"net.ipv4.ip_local_port_range": ["1.0"],
		"net.ipv4.ip_local_reserved_ports": ["1.27", "1.26"],
		"net.ipv4.ip_unprivileged_port_start": ["1.0"],
		"net.ipv4.ping_group_range": ["1.0"],
		"net.ipv4.tcp_fin_timeout": ["1.29", "1.28"],
		"net.ipv4.tcp_keepalive_intvl": ["1.29", "1.28"],
		"net.ipv4.tcp_keepalive_probes": ["1.29", "1.28"],
		"net.ipv4.tcp_keepalive_time": ["1.29", "1.28"],
		"net.ipv4.tcp_notsent_lowat": ["1.37", "1.36"],
		"net.ipv4.tcp_rmem": ["1.32", "1.31"],
		"net.ipv4.tcp_slow_start_after_idle": ["1.37", "1.36"],
		"net.ipv4.tcp_syncookies": ["1.0"],
		"net.ipv4.tcp_wmem": ["1.32", "1.31"],
	} {
		_denied_at(_setting({"name": name, "value": "0"}), versions[0]) == set()
		every before in array.slice(versions, 1, 2) {
			_denied_at(_setting({"name": name, "value": "0"}), before) == {"GATE-PSS-013"}
		}
	}
}

test_under_two_versions_both_hold if {
	rules := lib.rules(confinement.deny) with input as builders.standards(_setting({"name": "net.ipv4.tcp_rmem"}), "1.37", "1.20")
	rules == {"GATE-PSS-013"}
}

_apparmor := "container.apparmor.security.beta.kubernetes.io/web"

_setting(sysctl) := builders.pod({"securityContext": {"sysctls": [sysctl]}})

_annotated(name, value) := json.patch(builders.pod({}), [{
	"op": "add",
	"path": "metadata/annotations",
	"value": {name: value},
}])

_denied(o) := _denied_at(o, "1.37")

_denied_at(o, version) := rules if rules := lib.rules(confinement.deny) with input as builders.standards(o, version, null)
