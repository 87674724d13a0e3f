package policy.kubernetes.pod_security.baseline.privileges_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.pod_security.baseline.privileges

test_a_good_pod_passes if _denied(builders.pod({})) == set()

# -------------------------------------------------------------------------------------- privileged

test_privileged_is_denied_in_every_kind_and_list if {
	every value in [true, "false", 1] {
		every o in builders.everywhere({"securityContext": {"privileged": value}}) {
			_denied(o) == {"GATE-PSS-007"}
		}
	}
}

test_privileged_false_or_null_passes if {
	every value in [false, null] {
		_denied(builders.running({"securityContext": {"privileged": value}})) == set()
	}
}

test_the_violation_points_at_the_field if {
	o := builders.workload("CronJob", builders.running({"securityContext": {"privileged": true}}))
	v := lib.only(privileges.deny) with input as builders.standards(o, "1.37", null)
	v.message == `container "web" runs privileged`
	v.path == "/spec/jobTemplate/spec/template/spec/containers/0/securityContext/privileged"
}

# ------------------------------------------------------------------------------------ capabilities

test_a_capability_beyond_the_baseline_is_denied if {
	every capability in ["SYS_ADMIN", "NET_RAW", "ALL", "chown", "CAP_CHOWN", ""] {
		every o in builders.everywhere(_adding(["CHOWN", capability])) {
			_denied(o) == {"GATE-PSS-008"}
		}
	}
}

test_capabilities_of_the_baseline_pass if {
	every added in [null, [], ["NET_BIND_SERVICE"], _all_of_them] {
		_denied(builders.running(_adding(added))) == set()
	}
}

# --------------------------------------------------------------------------------------- procMount

test_an_unmasked_proc_is_denied_in_every_kind_and_list if {
	every mount in ["Unmasked", "", "default", 1] {
		every o in builders.everywhere({"securityContext": {"procMount": mount}}) {
			_denied(o) == {"GATE-PSS-009"}
		}
	}
}

test_the_default_proc_passes if {
	every mount in ["Default", null] {
		_denied(builders.running({"securityContext": {"procMount": mount}})) == set()
	}
}

test_an_unmasked_proc_in_a_user_namespace_passes_from_v1_35_on if {
	o := builders.pod({
		"hostUsers": false,
		"containers": [builders.container({"securityContext": {"procMount": "Unmasked"}})],
	})
	_denied_at(o, "1.34") == {"GATE-PSS-009"}
	_denied_at(o, "1.35") == set()
	_denied_at(o, "1.37") == set()
}

_all_of_them := split(
	"AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT",
	" ",
)

_adding(capabilities) := {"securityContext": {"capabilities": {"add": capabilities}}}

_denied(o) := _denied_at(o, "1.37")

_denied_at(o, version) := rules if rules := lib.rules(privileges.deny) with input as builders.standards(o, version, null)
