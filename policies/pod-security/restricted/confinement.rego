# METADATA
# scope: package
# title: Pod Security restricted, what containers may do and what the kernel keeps them from
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.pod_security.restricted.confinement

import data.lib.kubernetes.pod_security
import data.lib.kubernetes.pods

# METADATA
# title: Volume of a restricted type
# description: >-
#   A volume that is none of configMap, csi, downwardAPI, emptyDir, ephemeral, image, persistentVolumeClaim,
#   projected and secret: the administrator of the cluster has no say in what it mounts. GATE-PSS-003 denies
#   hostPath.
# custom:
#   id: GATE-PSS-104
#   severity: medium
#   fix: claim a persistent volume
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS restricted, CIS Kubernetes v1.8 5.2.12]
deny contains {
	"rule": "GATE-PSS-104",
	"message": sprintf("the volume %v is of the type %s", [object.get(volume, "name", null), type]),
	"path": pods.pointer(pod, ["volumes", i, type]),
} if {
	pods.volume_fields - _judged_elsewhere - _volume_types != set()
	some pod in pods.all
	some i, volume in pod.value.volumes
	is_object(volume)
	some type in object.keys(volume) - _judged_elsewhere - _volume_types
	volume[type] != null
	pod_security.reaches("restricted", 0)
}

# METADATA
# title: Seccomp is not switched on
# description: >-
#   Neither the container nor its pod has a seccompProfile, so every system call is open. Of the standard from
#   v1.19 on; from v1.25 on not asked of pods that run only on Windows.
# custom:
#   id: GATE-PSS-105
#   severity: medium
#   fix: "set seccompProfile {type: RuntimeDefault}"
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS restricted, CIS Kubernetes v1.8 5.7.2, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-PSS-105",
	"message": sprintf("%s has no seccomp profile", [container.label]),
	"path": pods.pointer(container, ["securityContext", "seccompProfile"]),
} if {
	some part in pods.contexts
	object.get(part, ["securityContext", "seccompProfile"], null) == null
	not _has_seccomp_everywhere
	some container in pods.having(pods.containers, part)
	object.get(container.pod.value, ["securityContext", "seccompProfile"], null) == null
	some minor in pod_security.minors("restricted")
	minor >= 19
	not pod_security.is_exempt_on_windows(minor, container)
}

# METADATA
# title: Container keeps its capabilities
# description: >-
#   capabilities.drop has no ALL, so the container has what its runtime gives. Of the standard from v1.22 on;
#   from v1.25 on not asked of pods that run only on Windows.
# custom:
#   id: GATE-PSS-106
#   severity: medium
#   fix: "set capabilities {drop: [ALL]}"
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS restricted, CIS Kubernetes v1.8 5.2.10, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-PSS-106",
	"message": sprintf("%s does not drop ALL capabilities", [container.label]),
	"path": pods.pointer(container, ["securityContext", "capabilities", "drop"]),
} if {
	some part in pods.contexts
	not "ALL" in object.get(part, ["securityContext", "capabilities", "drop"], [])
	some container in pods.having(pods.containers, part)
	_are_capabilities_restricted(container)
}

# METADATA
# title: Container adds a capability
# description: >-
#   A capability other than NET_BIND_SERVICE is added, one that baseline allows (GATE-PSS-008 denies the others).
#   Of the standard from v1.22 on; from v1.25 on not asked of pods that run only on Windows.
# custom:
#   id: GATE-PSS-107
#   severity: medium
#   fix: remove the capability
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS restricted, CIS Kubernetes v1.8 5.2.9]
deny contains {
	"rule": "GATE-PSS-107",
	"message": sprintf("%s adds the capability %v", [container.label, capability]),
	"path": pods.pointer(container, ["securityContext", "capabilities", "add", i]),
} if {
	some part in pods.contexts
	some i, capability in part.securityContext.capabilities.add
	capability != "NET_BIND_SERVICE"
	pod_security.is_baseline_capability(capability)
	some container in pods.having(pods.containers, part)
	_are_capabilities_restricted(container)
}

# METADATA
# title: Container sees an unmasked /proc in a user namespace
# description: >-
#   Of the restricted standard from v1.35 on, where baseline has begun to allow it (GATE-PSS-009 denies it
#   everywhere else).
# custom:
#   id: GATE-PSS-108
#   severity: high
#   fix: remove procMount
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS restricted]
deny contains {
	"rule": "GATE-PSS-108",
	"message": sprintf("%s has procMount %v", [container.label, mount]),
	"path": pods.pointer(container, ["securityContext", "procMount"]),
} if {
	some part in pods.contexts
	mount := part.securityContext.procMount
	not mount in {null, "Default"}
	some container in pods.having(pods.containers, part)
	some minor in pod_security.minors("restricted")
	pod_security.is_exempt_in_user_namespace(minor, container)
}

# Every pod itself has a profile that its containers share.
_has_seccomp_everywhere if {
	every pod in pods.all {
		pod.value.securityContext.seccompProfile != null
	}
}

_are_capabilities_restricted(container) if {
	some minor in pod_security.minors("restricted")
	minor >= 22
	not pod_security.is_exempt_on_windows(minor, container)
}

_judged_elsewhere := {"name", "hostPath"}

# A volume that has no type at all is an emptyDir.
_volume_types := {
	"configMap",
	"csi",
	"downwardAPI",
	"emptyDir",
	"ephemeral",
	"image",
	"persistentVolumeClaim",
	"projected",
	"secret",
}
