# Objects that were handed over together, for rules about more than one of them. They are looked up by kind,
# namespace, name and label, so that no rule compares each object with each other one.
package lib.kubernetes.together

# The objects of Kubernetes' own `kind`.
of(kind) := _listed(object.get(_kinds, kind, set()))

# Those of `kind` in a namespace.
in_namespace(kind, space) := _listed(object.get(_places, [[kind, space]], set()))

# The objects of that kind, namespace and name; several where it was given several times.
named(kind, space, text) := _listed(object.get(_names, [[kind, space, text]], set()))

# Whether anything was handed over that runs pods. Without that nothing can be said to lack them.
has_workloads(kinds) if {
	some kind in kinds
	_kinds[kind]
}

# What runs pods and stays.
kinds := {kind | some kind, _ in _templates}

# The workloads of a namespace whose pods have all of `labels`; none for no labels.
running(labels, space) := [o |
	candidates := [object.get(_labels, [[space, key, value]], set()) | some key, value in labels]
	fewest := min([count(those) | some those in candidates])
	some o in _listed([those | some those in candidates; count(those) == fewest][0])
	has_labels(o, labels)
]

# The workloads of a namespace that a label selector of Kubernetes selects: all for {}, none for what is no selector.
selected(selector, space) := [o |
	is_object(selector)
	some o in _candidates(_object(object.get(selector, "matchLabels", {})), space)
	every one in _list(object.get(selector, "matchExpressions", [])) {
		_holds(one.operator, object.get(pod_labels(o), one.key, null), _list(object.get(one, "values", [])))
	}
]

# The autoscalers of `o`, which decide how many pods it has.
autoscalers(o) := _listed(object.get(_scalers, [[object.get(o, "kind", ""), namespace(o), name(o)]], set()))

# Whether the pods of `o` have all of `labels`.
has_labels(o, labels) if {
	given := pod_labels(o)
	every label_, value in labels {
		given[label_] == value
	}
}

# The labels of the pods of `o`; a Pod's are its own.
pod_labels(o) := _object(object.get(o, array.concat(_template(o), ["metadata", "labels"]), {}))

# The spec of the pods of `o`.
pod_spec(o) := _object(object.get(o, array.concat(_template(o), ["spec"]), {}))

# The containers of the pods of `o` that stay: init containers end, but for those that are restarted.
containers(o) := array.concat(
	[container | some container in _list(object.get(pod_spec(o), "containers", [])); is_object(container)],
	[container |
		some container in _list(object.get(pod_spec(o), "initContainers", []))
		container.restartPolicy == "Always"
	],
)

# How many pods `o` asks for: 1 where it does not say, null for what is no number.
replicas(o) := 1 if {
	object.get(o, ["spec", "replicas"], null) == null
} else := o.spec.replicas if {
	is_number(o.spec.replicas)
} else := null

# The namespace as it is written; empty where it is not, which here is one like any other.
namespace(o) := _text(object.get(o, ["metadata", "namespace"], ""))

# The name of `o`; empty where it has none.
name(o) := _text(object.get(o, ["metadata", "name"], ""))

# How a message names `o`: `Deployment/prod/web`.
label(o) := concat("/", [part | some part in [_text(object.get(o, "kind", "")), namespace(o), name(o)]; part != ""])

_candidates(labels, space) := running(labels, space) if {
	count(labels) > 0
} else := [o |
	some kind in kinds
	some o in in_namespace(kind, space)
]

_holds("In", value, values) if value in values

_holds("NotIn", value, values) if not value in values

_holds("Exists", value, _) if value != null

_holds("DoesNotExist", null, _)

# The objects behind a set of numbers, which hash faster than whole objects.
_listed(numbers_) := [_own[i] | some i in numbers_]

_kinds[kind] contains i if {
	some i, o in _own
	kind := o.kind
}

_places[[kind, space]] contains i if {
	some i, o in _own
	kind := o.kind
	space := namespace(o)
}

_names[[kind, space, text]] contains i if {
	some i, o in _own
	kind := o.kind
	space := namespace(o)
	text := name(o)
}

_labels[[space, key, value]] contains i if {
	some i, o in _own
	_templates[o.kind]
	space := namespace(o)
	some key, value in pod_labels(o)
}

_scalers[[kind, space, text]] contains i if {
	some i, o in _own
	o.kind == "HorizontalPodAutoscaler"
	space := namespace(o)
	kind := o.spec.scaleTargetRef.kind
	text := o.spec.scaleTargetRef.name
}

# Kubernetes' own workloads, Services, claims, budgets and autoscalers: the groups of custom resources have a dot.
_own[i] := entry.object if {
	some i, entry in input.objects
	is_string(entry.object.kind)
	not _is_custom(entry.object)
}

_is_custom(o) if {
	is_string(o.apiVersion)
	contains(o.apiVersion, ".")
}

_templates := {
	"DaemonSet": ["spec", "template"],
	"Deployment": ["spec", "template"],
	"Pod": [],
	"ReplicaSet": ["spec", "template"],
	"ReplicationController": ["spec", "template"],
	"StatefulSet": ["spec", "template"],
}

_template(o) := object.get(_templates, object.get(o, "kind", ""), ["spec", "template"])

_object(value) := value if {
	is_object(value)
} else := {}

_list(value) := value if {
	is_array(value)
} else := []

_text(value) := value if {
	is_string(value)
} else := ""
