# METADATA
# scope: package
# title: Pod Security baseline, what containers may do
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.pod_security.baseline.privileges

import data.lib.kubernetes.pod_security
import data.lib.kubernetes.pods

# METADATA
# title: Container runs privileged
# description: A privileged container has the host's devices and all capabilities; leaving it is leaving nothing.
# custom:
#   id: GATE-PSS-007
#   severity: critical
#   fix: remove privileged, and add the one capability that is needed
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline, CIS Kubernetes v1.8 5.2.2, NSA/CISA Kubernetes Hardening]
deny contains {
	"rule": "GATE-PSS-007",
	"message": sprintf("%s runs privileged", [container.label]),
	"path": pods.pointer(container, ["securityContext", "privileged"]),
} if {
	some part in pods.contexts
	not part.securityContext.privileged in {false, null}
	some container in pods.having(pods.containers, part)
}

# METADATA
# title: Container adds a dangerous capability
# description: Only those a container runtime gives by itself may be added, without NET_RAW and without a CAP_ prefix.
# custom:
#   id: GATE-PSS-008
#   severity: high
#   fix: remove the capability; most programs need NET_BIND_SERVICE at most
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline, CIS Kubernetes v1.8 5.2.9]
deny contains {
	"rule": "GATE-PSS-008",
	"message": sprintf("%s adds the capability %v", [container.label, capability]),
	"path": pods.pointer(container, ["securityContext", "capabilities", "add", i]),
} if {
	some part in pods.contexts
	some i, capability in part.securityContext.capabilities.add
	not pod_security.is_baseline_capability(capability)
	some container in pods.having(pods.containers, part)
}

# METADATA
# title: Container sees an unmasked /proc
# description: >-
#   procMount Unmasked shows the kernel's interfaces. From v1.35 on the standard allows it in a user namespace
#   of the pod's own.
# custom:
#   id: GATE-PSS-009
#   severity: high
#   fix: remove procMount, or set hostUsers to false
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/
#   frameworks: [PSS baseline]
deny contains {
	"rule": "GATE-PSS-009",
	"message": sprintf("%s has procMount %v", [container.label, mount]),
	"path": pods.pointer(container, ["securityContext", "procMount"]),
} if {
	some part in pods.contexts
	mount := part.securityContext.procMount
	not mount in {null, "Default"}
	some container in pods.having(pods.containers, part)
	some minor in pod_security.minors("baseline")
	not pod_security.is_exempt_in_user_namespace(minor, container)
}
