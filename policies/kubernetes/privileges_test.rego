package policy.kubernetes.privileges_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.privileges

test_a_good_pod_passes if {
	_denied(builders.pod({})) == set()
	_warned(builders.pod({})) == set()
}

test_an_othat_is_no_workload_passes if _denied({"apiVersion": "v1", "kind": "Service", "spec": {}}) == set()

# ------------------------------------------------------------------------------------- privileged

test_privileged_is_denied_in_every_kind_and_list if {
	every o in builders.everywhere({"securityContext": {"privileged": true}}) {
		_denied(o) == {"GATE-K8S-002"}
	}
}

test_privileged_false_null_or_absent_passes if {
	every privileged in [false, null] {
		_denied(builders.running({"securityContext": {"privileged": privileged}})) == set()
	}
}

test_privileged_of_another_type_is_not_false if {
	every privileged in ["true", "false", 0, {}] {
		_denied(builders.running({"securityContext": {"privileged": privileged}})) == {"GATE-K8S-002"}
	}
}

test_the_violation_points_at_the_field if {
	o := builders.workload("CronJob", builders.running({"securityContext": {"privileged": true}}))
	v := lib.only(privileges.deny) with input as builders.judged(o, {})
	v.message == `container "web" runs privileged`
	v.path == "/spec/jobTemplate/spec/template/spec/containers/0/securityContext/privileged"
}

# ----------------------------------------------------------------------------------- capabilities

test_a_capability_beyond_the_baseline_is_denied if {
	every capability in ["SYS_ADMIN", "NET_RAW", "ALL", "chown", "CAP_CHOWN", ""] {
		every o in builders.everywhere(_adding([capability])) {
			_denied(o) == {"GATE-K8S-003"}
		}
	}
}

test_capabilities_of_the_baseline_pass if {
	_denied(builders.running(_adding(["NET_BIND_SERVICE", "CHOWN"]))) == set()
	_denied(builders.running(_adding([]))) == set()
	_denied(builders.running(_adding(null))) == set()
}

# -------------------------------------------------------------------------------------- procMount

test_an_unmasked_proc_is_denied if {
	every o in builders.everywhere({"securityContext": {"procMount": "Unmasked"}}) {
		_denied(o) == {"GATE-K8S-004"}
	}
}

test_the_default_proc_or_a_user_namespace_passes if {
	_denied(builders.running({"securityContext": {"procMount": "Default"}})) == set()
	container := builders.container({"securityContext": {"procMount": "Unmasked"}})
	_denied(builders.pod({"hostUsers": false, "containers": [container]})) == set()
	_denied(builders.pod({"hostUsers": true, "containers": [container]})) == {"GATE-K8S-004"}
}

# ------------------------------------------------------------------------------ seccomp, AppArmor

test_seccomp_switched_off_is_denied_at_pod_and_container if {
	every type in ["Unconfined", "unconfined", "", 1] {
		changes := {"securityContext": {"seccompProfile": {"type": type}}}
		_denied(builders.pod(changes)) == {"GATE-K8S-005"}
		every o in builders.everywhere(changes) {
			_denied(o) == {"GATE-K8S-005"}
		}
	}
}

test_a_seccomp_profile_passes if {
	every type in ["RuntimeDefault", "Localhost", null] {
		_denied(builders.pod({"securityContext": {"seccompProfile": {"type": type}}})) == set()
	}
}

test_apparmor_switched_off_is_denied_at_pod_and_container if {
	changes := {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}
	_denied(builders.pod(changes)) == {"GATE-K8S-006"}
	every o in builders.everywhere(changes) {
		_denied(o) == {"GATE-K8S-006"}
	}
}

test_apparmor_switched_off_by_annotation_is_denied if {
	every profile in ["unconfined", "localhost", 1, null] {
		v := lib.only(privileges.deny) with input as builders.judged(_annotated(profile), {})
		v.rule == "GATE-K8S-006"
		v.path == "/metadata/annotations/container.apparmor.security.beta.kubernetes.io~1web"
	}
}

test_an_apparmor_profile_passes if {
	_denied(builders.pod({"securityContext": {"appArmorProfile": {"type": "RuntimeDefault"}}})) == set()
	every profile in ["runtime/default", "localhost/web", ""] {
		_denied(_annotated(profile)) == set()
	}
}

# --------------------------------------------------------------------------------- SELinux, sysctls

test_changed_selinux_options_are_denied_at_pod_and_container if {
	every options in [{"type": "spc_t"}, {"user": "system_u"}, {"role": "system_r"}] {
		changes := {"securityContext": {"seLinuxOptions": options}}
		_denied(builders.pod(changes)) == {"GATE-K8S-007"}
		every o in builders.everywhere(changes) {
			_denied(o) == {"GATE-K8S-007"}
		}
	}
}

test_container_types_and_levels_of_selinux_pass if {
	every options in [{"type": "container_t", "level": "s0"}, {"type": "", "user": "", "role": ""}, {}] {
		_denied(builders.pod({"securityContext": {"seLinuxOptions": options}})) == set()
	}
}

test_an_unsafe_sysctl_is_denied if {
	every sysctl in [{"name": "kernel.msgmax", "value": "1"}, {"name": "net/ipv4/tcp_syncookies"}, {"value": "1"}] {
		_denied(builders.pod({"securityContext": {"sysctls": [sysctl]}})) == {"GATE-K8S-008"}
	}
}

test_a_safe_sysctl_passes if {
	_denied(builders.pod({"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]}})) == set()
}

# ---------------------------------------------------------------------------------------- hardening

test_a_container_that_may_run_as_root_is_warned_of if {
	every said in [false, null, "true"] {
		every o in builders.everywhere({"securityContext": {"runAsNonRoot": said}}) {
			_warned(o) == {"GATE-K8S-009"}
		}
	}
}

test_a_container_inherits_run_as_non_root_from_its_pod if {
	silent := builders.container({"securityContext": {"runAsNonRoot": null}})
	_warned(builders.pod({"securityContext": {"runAsNonRoot": true}, "containers": [silent]})) == set()
	_warned(builders.pod({"securityContext": {"runAsNonRoot": false}, "containers": [silent]})) == {"GATE-K8S-009"}
}

test_a_container_overrides_run_as_non_root_of_its_pod if {
	container := builders.container({"securityContext": {"runAsNonRoot": false}})
	_warned(builders.pod({"securityContext": {"runAsNonRoot": true}, "containers": [container]})) == {"GATE-K8S-009"}
}

test_privilege_escalation_not_forbidden_is_warned_of if {
	every allowed in [true, null, "false"] {
		every o in builders.everywhere({"securityContext": {"allowPrivilegeEscalation": allowed}}) {
			_warned(o) == {"GATE-K8S-010"}
		}
	}
}

test_windows_knows_no_privilege_escalation_flag if {
	container := builders.container({"securityContext": {"allowPrivilegeEscalation": null}})
	_warned(builders.pod({"os": {"name": "windows"}, "containers": [container]})) == set()
}

test_two_pods_of_one_object_do_not_excuse_each_other if {
	silent := {"containers": [builders.container({"securityContext": {"runAsNonRoot": null}})]}
	good := builders.pod(object.union(silent, {"securityContext": {"runAsNonRoot": true}}))
	bad := builders.pod(silent)
	o := {"apiVersion": "template.openshift.io/v1", "kind": "Template", "objects": [good, bad]}
	v := lib.only(privileges.warn) with input as builders.judged(o, {})
	[v.rule, v.path] == ["GATE-K8S-009", "/objects/1/spec/containers/0/securityContext/runAsNonRoot"]
}

_adding(capabilities) := {"securityContext": {"capabilities": {"add": capabilities}}}

_annotated(profile) := json.patch(builders.pod({}), [{
	"op": "add",
	"path": "metadata/annotations",
	"value": {"container.apparmor.security.beta.kubernetes.io/web": profile, "other": "unconfined"},
}])

_denied(o) := rules if rules := lib.rules(privileges.deny) with input as builders.judged(o, {})

_warned(o) := rules if rules := lib.rules(privileges.warn) with input as builders.judged(o, {})
