# METADATA
# scope: package
# title: Pod Security restricted, whose rights containers have
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.pod_security.restricted.users

import data.lib.kubernetes.pod_security
import data.lib.kubernetes.pods

# METADATA
# title: Process may gain privileges
# description: >-
#   allowPrivilegeEscalation is not false, so a setuid program gives its caller more than it had. Of the standard
#   from v1.8 on; from v1.25 on not asked of pods that run only on Windows.
# custom:
#   id: GATE-PSS-101
#   severity: medium
#   fix: set allowPrivilegeEscalation to false
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS restricted, CIS Kubernetes v1.8 5.2.6, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-PSS-101",
	"message": sprintf("%s does not set allowPrivilegeEscalation to false", [container.label]),
	"path": pods.pointer(container, ["securityContext", "allowPrivilegeEscalation"]),
} if {
	some part in pods.contexts
	not part.securityContext.allowPrivilegeEscalation == false
	some container in pods.having(pods.containers, part)
	some minor in pod_security.minors("restricted")
	minor >= 8
	not pod_security.is_exempt_on_windows(minor, container)
}

# METADATA
# title: Container may run as root
# description: >-
#   runAsNonRoot is true neither at the container nor, where it says nothing, at the pod; or the pod says false.
#   From v1.35 on not asked of pods with a user namespace of their own.
# custom:
#   id: GATE-PSS-102
#   severity: medium
#   fix: set runAsNonRoot to true, and a numeric user in the image
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS restricted, CIS Kubernetes v1.8 5.2.7, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-PSS-102",
	"message": sprintf("%s may run as root", [level.label]),
	"path": pods.pointer(level, ["securityContext", "runAsNonRoot"]),
} if {
	some part in pods.level_contexts
	not part.securityContext.runAsNonRoot == true
	not _is_silent_everywhere(part)
	some level in pods.having(pods.levels, part)
	not _is_silent(level)
	some minor in pod_security.minors("restricted")
	not pod_security.is_exempt_in_user_namespace(minor, level)
}

# METADATA
# title: Container runs as root
# description: >-
#   runAsUser is 0. Of the standard from v1.23 on; from v1.35 on not asked of pods with a user namespace of
#   their own.
# custom:
#   id: GATE-PSS-103
#   severity: high
#   fix: set runAsUser to another number, or remove it and set a numeric user in the image
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS restricted, CIS Kubernetes v1.8 5.2.7, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-PSS-103",
	"message": sprintf("%s runs as user 0", [level.label]),
	"path": pods.pointer(level, ["securityContext", "runAsUser"]),
} if {
	some part in pods.level_contexts
	part.securityContext.runAsUser == 0
	some level in pods.having(pods.levels, part)
	some minor in pod_security.minors("restricted")
	minor >= 23
	not pod_security.is_exempt_in_user_namespace(minor, level)
}

# The context says nothing, and where a container has it, so has a pod that says something: no place need be looked at.
_is_silent_everywhere(part) if {
	object.get(part, ["securityContext", "runAsNonRoot"], null) == null
	every pod in pods.all {
		pod.value.securityContext.runAsNonRoot != null
	}
}

# A pod may leave it to its containers, and a container to its pod; what the pod then says is judged there.
_is_silent(level) if {
	object.get(level.value, ["securityContext", "runAsNonRoot"], null) == null
	_may_be_silent(level)
}

_may_be_silent(pod) if not pod.pod

_may_be_silent(container) if container.pod.value.securityContext.runAsNonRoot != null
