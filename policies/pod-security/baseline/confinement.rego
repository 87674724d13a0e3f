# METADATA
# scope: package
# title: Pod Security baseline, what the kernel keeps containers from
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.pod_security.baseline.confinement

import data.lib.kubernetes.pod_security
import data.lib.kubernetes.pods

# METADATA
# title: Seccomp is switched off
# description: >-
#   A profile that is neither RuntimeDefault nor Localhost leaves every system call open. Below v1.19 the
#   standard reads the annotations that clusters of that time used, and not the fields.
# custom:
#   id: GATE-PSS-010
#   severity: high
#   fix: "set seccompProfile {type: RuntimeDefault}"
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline, CIS Kubernetes v1.8 5.7.2, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-PSS-010",
	"message": sprintf("%s has the seccomp profile %v", [profile.label, profile.value]),
	"path": profile.path,
} if {
	some profile in _foreign_seccomp
}

# METADATA
# title: AppArmor is switched off
# description: A profile that is neither RuntimeDefault nor Localhost, by field or by the older annotation.
# custom:
#   id: GATE-PSS-011
#   severity: high
#   fix: "remove it, or set appArmorProfile {type: RuntimeDefault}"
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-PSS-011",
	"message": sprintf("%s has the AppArmor profile %v", [profile.label, profile.value]),
	"path": profile.path,
} if {
	some profile in _foreign_apparmor
}

# METADATA
# title: SELinux options are changed
# description: Another user or role, or a type that is none of the container types, escapes the confinement.
# custom:
#   id: GATE-PSS-012
#   severity: high
#   fix: remove seLinuxOptions, or keep to the level and the container types
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-PSS-012",
	"message": sprintf("%s has the SELinux %s %v", [level.label, option, value]),
	"path": pods.pointer(level, ["securityContext", "seLinuxOptions", option]),
} if {
	some part in pods.level_contexts
	options := part.securityContext.seLinuxOptions
	some minor in pod_security.minors("baseline")
	some option, allowed in {"type": _selinux_types(minor), "user": set(), "role": set()}
	value := options[option]
	not value in ({null, ""} | allowed)
	some level in pods.having(pods.levels, part)
}

# METADATA
# title: Unsafe kernel parameter
# description: The pod sets a sysctl that is not among those the selected version of the standard calls safe.
# custom:
#   id: GATE-PSS-013
#   severity: medium
#   fix: remove the sysctl, or set it on the node
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline]
deny contains {
	"rule": "GATE-PSS-013",
	"message": sprintf("the pod sets the sysctl %v", [name]),
	"path": pods.pointer(pod, ["securityContext", "sysctls", i, "name"]),
} if {
	some pod in pods.all
	some i, sysctl in pod.value.securityContext.sysctls
	is_object(sysctl)
	name := object.get(sysctl, "name", null)
	some minor in pod_security.minors("baseline")
	not name in _safe_sysctls(minor)
}

_foreign_seccomp contains {
	"label": level.label,
	"value": pods.at(level, path),
	"path": pods.pointer(level, path),
} if {
	path := ["securityContext", "seccompProfile", "type"]
	some part in pods.level_contexts
	part.securityContext.seccompProfile != null
	not object.get(part, path, null) in {"RuntimeDefault", "Localhost"}
	pod_security.reaches("baseline", 19)
	some level in pods.having(pods.levels, part)
}

_foreign_seccomp contains annotation if {
	some annotation in _annotations(_seccomp)
	not regex.match(`^((runtime|docker)/default$|localhost/)`, annotation.value)
	some minor in pod_security.minors("baseline")
	minor < 19
}

_foreign_apparmor contains {
	"label": level.label,
	"value": pods.at(level, path),
	"path": pods.pointer(level, path),
} if {
	path := ["securityContext", "appArmorProfile", "type"]
	some part in pods.level_contexts
	part.securityContext.appArmorProfile != null
	not object.get(part, path, null) in {"RuntimeDefault", "Localhost"}
	some level in pods.having(pods.levels, part)
}

_foreign_apparmor contains annotation if {
	some annotation in _annotations(_apparmor)
	not regex.match(`^(|runtime/default)$|^localhost/`, annotation.value)
}

_seccomp := ["seccomp.security.alpha.kubernetes.io/", "container.seccomp.security.alpha.kubernetes.io/"]

_apparmor := ["container.apparmor.security.beta.kubernetes.io/"]

_has_annotations if {
	some template in pods.templates
	annotations := template.value.metadata.annotations
	is_object(annotations)
	strings.any_prefix_match(object.keys(annotations), [
		"seccomp.security.alpha.kubernetes.io/",
		"container.seccomp.security.alpha.kubernetes.io/",
		"container.apparmor.security.beta.kubernetes.io/",
	])
}

# The pod's annotations whose name begins with one of `prefixes`, as text.
_annotations(prefixes) := {{"label": label, "value": value, "path": pods.pointer(template, path)} |
	_has_annotations
	some template in pods.templates
	annotations := template.value.metadata.annotations
	is_object(annotations)
	some name, given in annotations
	strings.any_prefix_match(name, prefixes)
	label := sprintf("the annotation %s", [name])
	value := {true: given, false: sprintf("%v", [given])}[is_string(given)]
	path := ["metadata", "annotations", name]
}

_selinux_types(minor) := {type |
	some type, since in {
		"container_engine_t": 31,
		"container_init_t": 0,
		"container_kvm_t": 0,
		"container_t": 0,
	}
	minor >= since
}

_safe_sysctls(minor) := {name |
	some name, since in {
		"kernel.shm_rmid_forced": 0,
		"net.ipv4.ip_local_port_range": 0,
		"net.ipv4.ip_local_reserved_ports": 27,
		"net.ipv4.ip_unprivileged_port_start": 0,
		"net.ipv4.ping_group_range": 0,
		"net.ipv4.tcp_fin_timeout": 29,
		"net.ipv4.tcp_keepalive_intvl": 29,
		"net.ipv4.tcp_keepalive_probes": 29,
		"net.ipv4.tcp_keepalive_time": 29,
		"net.ipv4.tcp_notsent_lowat": 37,
		"net.ipv4.tcp_rmem": 32,
		"net.ipv4.tcp_slow_start_after_idle": 37,
		"net.ipv4.tcp_syncookies": 0,
		"net.ipv4.tcp_wmem": 32,
	}
	minor >= since
}
