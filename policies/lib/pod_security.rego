# Which versions of the Pod Security Standards hold. `policies.use` says it (`builtin:pod-security/baseline@v1.29`),
# gate writes it into `settings.pod_security`: `{"baseline": "1.29", "restricted": null}`.
#
# A version means its checks as Kubernetes defines them today, whatever release the cluster has; what was added
# to a check without a version of its own (AppArmor fields, image volumes) holds for all of them.
package lib.kubernetes.pod_security

import data.lib.kubernetes.pods
import data.lib.settings

# What a version that is not known yet stands for.
newest := 37

# The minor versions whose `level` must hold. Restricted contains baseline, so there may be two; then both hold.
minors("baseline") := _selected.baseline | _selected.restricted

minors("restricted") := _selected.restricted

# Whether a check of `level` that exists since the minor version `since` must hold.
reaches(level, since) if {
	some minor in minors(level)
	minor >= since
}

# What Linux alone enforces is not asked of pods that run only on Windows. One that merely claims to be
# Windows' is not started on Linux.
is_exempt_on_windows(minor, level) if {
	minor >= 25
	pods.at(pods.of(level), ["os", "name"]) == "windows"
}

# Root of a user namespace is nobody outside of it.
is_exempt_in_user_namespace(minor, level) if {
	minor >= 35
	pods.at(pods.of(level), ["hostUsers"]) == false
}

# Whether baseline lets a container add `capability`; so in all versions.
is_baseline_capability(capability) if {
	capability in {
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
}

# Null and nothing else says that a level was not selected. Where none was, as for a folder of these rules named
# by its path, all of them hold.
_selected := selected if {
	selected := {level: ({_minor(level)} - {null}) | some level in ["baseline", "restricted"]}
	selected != {"baseline": set(), "restricted": set()}
} else := {"baseline": {newest}, "restricted": {newest}}

_minor(level) := settings.minor(concat(".", ["pod_security", level]), newest)
