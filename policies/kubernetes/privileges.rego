# METADATA
# scope: package
# title: What containers may do
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.privileges

import data.lib.kubernetes.pods

# METADATA
# title: Container runs privileged
# description: A privileged container has the host's devices and all capabilities; leaving it is leaving nothing.
# custom:
#   id: GATE-K8S-002
#   severity: critical
#   fix: remove privileged, and add the one capability that is needed
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline, CIS Kubernetes v1.8 5.2.2, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-002",
	"message": sprintf("%s runs privileged", [container.label]),
	"path": pods.pointer(container, ["securityContext", "privileged"]),
} if {
	some part in pods.contexts
	not part.securityContext.privileged in {false, null}
	some container in pods.having(pods.containers, part)
}

# METADATA
# title: Container adds a dangerous capability
# description: Only the capabilities of the Pod Security baseline may be added, written as there (no CAP_ prefix).
# custom:
#   id: GATE-K8S-003
#   severity: high
#   fix: remove the capability; most programs need NET_BIND_SERVICE at most
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline, CIS Kubernetes v1.8 5.2.9]
deny contains {
	"rule": "GATE-K8S-003",
	"message": sprintf("%s adds the capability %v", [container.label, capability]),
	"path": pods.pointer(container, ["securityContext", "capabilities", "add", i]),
} if {
	some part in pods.contexts
	some i, capability in part.securityContext.capabilities.add
	not capability in _baseline_capabilities
	some container in pods.having(pods.containers, part)
}

# METADATA
# title: Container sees an unmasked /proc
# description: procMount Unmasked shows the kernel's interfaces; allowed only in a user namespace of its own.
# custom:
#   id: GATE-K8S-004
#   severity: high
#   fix: remove procMount, or set hostUsers to false
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline]
deny contains {
	"rule": "GATE-K8S-004",
	"message": sprintf("%s has procMount %v", [container.label, mount]),
	"path": pods.pointer(container, ["securityContext", "procMount"]),
} if {
	some part in pods.contexts
	mount := part.securityContext.procMount
	not mount in {null, "", "Default"}
	some container in pods.having(pods.containers, part)
	not container.pod.value.hostUsers == false
}

# METADATA
# title: Seccomp is switched off
# description: A profile that is neither RuntimeDefault nor Localhost leaves every system call open.
# custom:
#   id: GATE-K8S-005
#   severity: high
#   fix: "set seccompProfile {type: RuntimeDefault}"
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline, CIS Kubernetes v1.8 5.7.2, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-005",
	"message": sprintf("%s has the seccomp profile %v", [level.label, type]),
	"path": pods.pointer(level, ["securityContext", "seccompProfile", "type"]),
} if {
	some part in pods.level_contexts
	type := part.securityContext.seccompProfile.type
	not type in {null, "RuntimeDefault", "Localhost"}
	some level in pods.having(pods.levels, part)
}

# METADATA
# title: AppArmor is switched off
# description: A profile that is neither RuntimeDefault nor Localhost, by field or by the older annotation.
# custom:
#   id: GATE-K8S-006
#   severity: high
#   fix: "remove it, or set appArmorProfile {type: RuntimeDefault}"
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-006",
	"message": sprintf("%s has the AppArmor profile %v", [profile.label, profile.value]),
	"path": profile.path,
} if {
	some profile in _foreign_apparmor
}

# METADATA
# title: SELinux options are changed
# description: Another user or role, or a type that is none of the container types, escapes the confinement.
# custom:
#   id: GATE-K8S-007
#   severity: high
#   fix: remove seLinuxOptions, or keep to the level and the container types
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-K8S-007",
	"message": sprintf("%s has the SELinux %s %v", [level.label, option, value]),
	"path": pods.pointer(level, ["securityContext", "seLinuxOptions", option]),
} if {
	some part in pods.level_contexts
	options := part.securityContext.seLinuxOptions
	some option, allowed in {
		"type": {"container_t", "container_init_t", "container_kvm_t", "container_engine_t"},
		"user": set(),
		"role": set(),
	}
	value := options[option]
	not value in ({null, ""} | allowed)
	some level in pods.having(pods.levels, part)
}

# METADATA
# title: Unsafe kernel parameter
# description: The pod sets a sysctl that is not among those Kubernetes calls safe.
# custom:
#   id: GATE-K8S-008
#   severity: medium
#   fix: remove the sysctl, or set it on the node
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline]
deny contains {
	"rule": "GATE-K8S-008",
	"message": sprintf("the pod sets the sysctl %v", [name]),
	"path": pods.pointer(pod, ["securityContext", "sysctls", i, "name"]),
} if {
	some pod in pods.all
	some i, sysctl in pod.value.securityContext.sysctls
	is_object(sysctl)
	name := object.get(sysctl, "name", null)
	not name in _safe_sysctls
}

# METADATA
# title: Container may run as root
# description: runAsNonRoot is true neither at the container nor, where it says nothing, at the pod.
# custom:
#   id: GATE-K8S-009
#   severity: medium
#   fix: set runAsNonRoot to true, and a numeric user in the image
#   docs: https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
#   frameworks: [PSS restricted, CIS Kubernetes v1.8 5.2.7, NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-009",
	"message": sprintf("%s may run as root", [container.label]),
	"path": pods.pointer(container, ["securityContext", "runAsNonRoot"]),
} if {
	some part in pods.contexts
	not part.securityContext.runAsNonRoot == true
	not _is_non_root_everywhere(part)
	some container in pods.having(pods.containers, part)
	not _is_non_root_by_its_pod(container)
}

# METADATA
# title: Process may gain privileges
# description: allowPrivilegeEscalation is not false, so a setuid program gives its caller more than it had.
# custom:
#   id: GATE-K8S-010
#   severity: medium
#   fix: set allowPrivilegeEscalation to false
#   docs: https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
#   frameworks: [PSS restricted, CIS Kubernetes v1.8 5.2.6, NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-010",
	"message": sprintf("%s does not set allowPrivilegeEscalation to false", [container.label]),
	"path": pods.pointer(container, ["securityContext", "allowPrivilegeEscalation"]),
} if {
	some part in pods.contexts
	not part.securityContext.allowPrivilegeEscalation == false
	some container in pods.having(pods.containers, part)

	# Windows has no such flag; a pod that only claims to be Windows' does not start on Linux.
	not container.pod.value.os.name == "windows"
}

_is_non_root_everywhere(part) if {
	object.get(part, ["securityContext", "runAsNonRoot"], null) == null
	every pod in pods.all {
		pod.value.securityContext.runAsNonRoot == true
	}
}

# A container that says nothing inherits from its pod.
_is_non_root_by_its_pod(container) if {
	container.pod.value.securityContext.runAsNonRoot == true
	object.get(container.value, ["securityContext", "runAsNonRoot"], null) == null
}

# Pod Security Standards, baseline, "Capabilities".
_baseline_capabilities := {
	"AUDIT_WRITE",
	"CHOWN",
	"DAC_OVERRIDE",
	"FOWNER",
	"FSETID",
	"KILL",
	"MKNOD",
	"NET_BIND_SERVICE",
	"SETFCAP",
	"SETGID",
	"SETPCAP",
	"SETUID",
	"SYS_CHROOT",
}

# Pod Security Standards, baseline, "Sysctls", Kubernetes 1.37.
_safe_sysctls := {
	"kernel.shm_rmid_forced",
	"net.ipv4.ip_local_port_range",
	"net.ipv4.ip_local_reserved_ports",
	"net.ipv4.ip_unprivileged_port_start",
	"net.ipv4.ping_group_range",
	"net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_keepalive_intvl",
	"net.ipv4.tcp_keepalive_probes",
	"net.ipv4.tcp_keepalive_time",
	"net.ipv4.tcp_notsent_lowat",
	"net.ipv4.tcp_rmem",
	"net.ipv4.tcp_slow_start_after_idle",
	"net.ipv4.tcp_syncookies",
	"net.ipv4.tcp_wmem",
}

_foreign_apparmor contains {"label": level.label, "value": type, "path": pods.pointer(level, path)} if {
	some part in pods.level_contexts
	type := part.securityContext.appArmorProfile.type
	not type in {null, "RuntimeDefault", "Localhost"}
	some level in pods.having(pods.levels, part)
	path := ["securityContext", "appArmorProfile", "type"]
}

_foreign_apparmor contains {"label": label, "value": profile, "path": pods.pointer(template, path)} if {
	some template in pods.templates
	some key, profile in template.value.metadata.annotations
	is_string(key)
	startswith(key, "container.apparmor.security.beta.kubernetes.io/")
	label := sprintf("container %q", [split(key, "/")[1]])
	path := ["metadata", "annotations", key]
	not regex.match(`^(|runtime/default|localhost/.*)$`, sprintf("%v", [profile]))
}
