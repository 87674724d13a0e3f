# What a Role or ClusterRole grants, rule by rule, read as the API server reads it.
package lib.kubernetes.grants

import data.lib.kubernetes.kinds

# The rules with their position, `[0, {"verbs": …}]`; none for other kinds.
all contains [index, granted] if {
	input.object.kind in {"ClusterRole", "Role"}
	kinds.is_of(["rbac.authorization.k8s.io", "authorization.openshift.io"])
	some index, granted in object.get(input.object, "rules", null)
	is_object(granted)
}

# Whether `granted` is about `resource` of `group`. A wildcard for every resource is not meant: GATE-K8S-101 denies it.
covers(granted, group, resource) if {
	some given in texts(granted, "apiGroups")
	given in {group, "*"}
	names(granted, resource)
}

# A rule without a group is refused by the API server, not harmless.
covers(granted, _, resource) if {
	texts(granted, "apiGroups") == set()
	names(granted, resource)
}

# Whether `granted` names `resource`, in any group; `*/exec` names `pods/exec`.
names(granted, resource) if resource in texts(granted, "resources")

names(granted, resource) if {
	[_, below] := split(resource, "/")
	concat("/", ["*", below]) in texts(granted, "resources")
}

# Whether it grants one of `verbs`.
may(granted, verbs) if count(texts(granted, "verbs") & (verbs | {"*"})) > 0

# Whether it is for all objects, not for those it names.
is_for_all(granted) if texts(granted, "resourceNames") == set()

# The texts of one of its lists.
texts(granted, field) := {text | some text in object.get(granted, field, null); is_string(text)}
