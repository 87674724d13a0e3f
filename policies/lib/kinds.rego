# Which API an object belongs to. Rules compare `input.object.kind` themselves, so that the engine can pass over
# those of other kinds, and ask here whether it is that API's kind or only has its name.
package lib.kubernetes.kinds

# Whether the object may be of one of `groups`. A group without a dot is Kubernetes' own and no custom resource's,
# and an apiVersion that cannot be read is no reason to look away.
is_of(groups) if {
	some group in groups
	group == _group
}

is_of(_) if not contains(_group, ".")

# `Role "reader"`, for messages.
label(o) := sprintf("%v %q", [o.kind, _name(o)])

_name(o) := name if {
	name := object.get(o, ["metadata", "name"], null)
	is_string(name)
} else := ""

_group := split(input.object.apiVersion, "/")[0] if {
	is_string(input.object.apiVersion)
	contains(input.object.apiVersion, "/")
} else := ""
