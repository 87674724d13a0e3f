# The object itself as a place, for rules about what is no pod.
package lib.kubernetes.objects

# The object as a place that `pods.at`, `pods.elements` and `pods.pointer` read; empty on DELETE.
root := {"label": "the object", "path": [], "value": input.object} if {
	is_object(input.object)
} else := {"label": "the object", "path": [], "value": {}}

# Whether it is one of Kubernetes' own workloads, claims, budgets and so on, whose groups have no dot as those of
# custom resources have. Rules compare `input.object.kind` themselves, which lets the engine pass over the others.
is_native if not _is_custom

# Whether it is one of Kubernetes' own `kinds`.
is_one_of(kinds) if {
	object.get(root.value, "kind", null) in kinds
	is_native
}

# The value at `path` of the object; null where it is absent.
at(path) := object.get(root.value, path, null)

# How many pods it asks for: 1 where it does not say, null for what is no number.
replicas := 1 if {
	at(["spec", "replicas"]) == null
} else := number if {
	number := at(["spec", "replicas"])
	is_number(number)
} else := null

_is_custom if {
	is_string(object.get(root.value, "apiVersion", null))
	contains(root.value.apiVersion, ".")
}
