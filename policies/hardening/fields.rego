# METADATA
# scope: package
# title: Objects that can be judged for hardening
# custom:
#   scope: object
#   points: [ci, admission, background]
#   kinds:
#     - ConfigMap
#     - PersistentVolume
#     - Secret
#     - Service
#     - ServiceAccount
#     - Gateway.gateway.networking.k8s.io
#     - ReferenceGrant.gateway.networking.k8s.io
#     - Ingress.networking.k8s.io
#     - NetworkPolicy.networking.k8s.io
#     - ClusterRole.rbac.authorization.k8s.io
#     - ClusterRoleBinding.rbac.authorization.k8s.io
#     - Role.rbac.authorization.k8s.io
#     - RoleBinding.rbac.authorization.k8s.io
#     - MutatingWebhookConfiguration.admissionregistration.k8s.io
#     - ValidatingWebhookConfiguration.admissionregistration.k8s.io
#     - ValidatingAdmissionPolicy.admissionregistration.k8s.io
#     - APIService.apiregistration.k8s.io
#     - CustomResourceDefinition.apiextensions.k8s.io
package policy.kubernetes.fields

import data.lib.kubernetes.kinds
import data.lib.kubernetes.pods
import data.lib.kubernetes.shapes

# METADATA
# title: Object that hides from the hardening rules
# description: >-
#   An object without kind, a workload without containers, or a field that the hardening rules read and that has
#   another type than Kubernetes gives it. They would see nothing there.
# custom:
#   id: GATE-K8S-205
#   severity: high
#   fix: give the field the type the Kubernetes API says
#   docs: https://kubernetes.io/docs/reference/kubernetes-api/
#   frameworks: []
deny contains object.union({"rule": "GATE-K8S-205"}, problem) if some problem in _problems

_problems contains problem if some problem in shapes.problems(_of_pods)

_problems contains problem if {
	kinds.is_of(_groups)
	shapes_of := {"object": object.union(_of_all, object.get(_of_kinds, input.object.kind, {}))}
	some problem in shapes.mistyped({"object": [_root]}, shapes_of)
}

_problems contains problem if {
	kinds.is_of(_groups)
	some list, fields in _of_elements[input.object.kind]
	some problem in shapes.mistyped({list: pods.elements(_root, split(list, "."))}, {list: {[]: fields}})
}

# Places are made only where a type is wrong.
_problems contains problem if {
	not shapes.are_well_typed(_values, _of_lists)
	some problem in shapes.mistyped(object.union(
		{"volumes": _elements(pods.all, "volumes")},
		{list: _elements(pods.containers, list) | some list in ["env", "envFrom", "volumeMounts"]},
	), _of_lists)
}

_values := {
	"env": {variable | some container in pods.bare; some variable in container.env; is_object(variable)},
	"envFrom": {source | some container in pods.bare; some source in container.envFrom; is_object(source)},
	"volumeMounts": {mount | some container in pods.bare; some mount in container.volumeMounts; is_object(mount)},
	"volumes": [volume | some pod in pods.all; some volume in pod.value.volumes; is_object(volume)],
}

# The objects of the list `field` of all `places`, as places.
_elements(places, field) := [element |
	some place in places
	some i, value in place.value[field]
	is_object(value)
	element := {"label": place.label, "path": array.concat(place.path, [field, i]), "value": value}
]

_root := {"label": "the object", "path": [], "value": input.object}

_groups := [
	"admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "authorization.openshift.io",
	"gateway.networking.k8s.io", "networking.k8s.io", "rbac.authorization.k8s.io",
]

_of_pods := {
	"template": {
		[]: {
			"metadata": "object",
			"spec": "object",
		},
	},
	"pod": {
		[]: {
			"automountServiceAccountToken": "boolean",
			"containers": "list of objects",
			"ephemeralContainers": "list of objects",
			"initContainers": "list of objects",
			"nodeSelector": "object",
			"os": "object",
			"securityContext": "object",
			"serviceAccount": "string",
			"serviceAccountName": "string",
			"shareProcessNamespace": "boolean",
			"tolerations": "list of objects",
			"volumes": "list of objects",
		},
		["os"]: {"name": "string"},
		["securityContext"]: {
			"fsGroup": "number",
			"runAsGroup": "number",
			"supplementalGroups": "array",
		},
	},
	"containers": {
		[]: {
			"args": "list of strings",
			"command": "list of strings",
			"env": "list of objects",
			"envFrom": "list of objects",
			"image": "string",
			"imagePullPolicy": "string",
			"ports": "list of objects",
			"securityContext": "object",
			"volumeMounts": "list of objects",
		},
		["securityContext"]: {
			"capabilities": "object",
			"readOnlyRootFilesystem": "boolean",
			"runAsGroup": "number",
		},
		["securityContext", "capabilities"]: {"drop": "list of strings"},
	},
}


_of_lists := {
	"env": {[]: {"valueFrom": "object"}},
	"envFrom": {[]: {"secretRef": "object"}},
	"volumeMounts": {[]: {"mountPropagation": "string", "name": "string", "readOnly": "boolean"}},
	"volumes": {
		[]: {"hostPath": "object", "image": "object"},
		["hostPath"]: {"path": "string"},
		["image"]: {"reference": "string"},
	},
}

_of_all := {
	[]: {
		"apiVersion": "string",
		"metadata": "object",
	},
	["metadata"]: {
		"annotations": "object",
		"labels": "object",
		"name": "string",
		"namespace": "string",
	},
}

_of_kinds := {
	"APIService": {
		[]: {"spec": "object"},
		["spec"]: {"insecureSkipTLSVerify": "boolean"},
	},
	"ClusterRole": {
		[]: {"rules": "list of objects"},
	},
	"ClusterRoleBinding": _of_bindings,
	"ConfigMap": {
		[]: {
			"binaryData": "object",
			"data": "object",
		},
	},
	"CustomResourceDefinition": {
		[]: {"spec": "object"},
		["spec"]: {"preserveUnknownFields": "boolean"},
	},
	"Gateway": {
		[]: {"spec": "object"},
		["spec"]: {"listeners": "list of objects"},
	},
	"Ingress": {
		[]: {"spec": "object"},
		["spec"]: {
			"rules": "list of objects",
			"tls": "list of objects",
		},
	},
	"MutatingWebhookConfiguration": {
		[]: {"webhooks": "list of objects"},
	},
	"NetworkPolicy": {
		[]: {"spec": "object"},
		["spec"]: {
			"egress": "list of objects",
			"ingress": "list of objects",
		},
	},
	"PersistentVolume": {
		[]: {"spec": "object"},
	},
	"ReferenceGrant": {
		[]: {"spec": "object"},
		["spec"]: {"to": "list of objects"},
	},
	"Role": {
		[]: {"rules": "list of objects"},
	},
	"RoleBinding": _of_bindings,
	"Secret": {
		[]: {
			"data": "object",
			"stringData": "object",
			"type": "string",
		},
	},
	"Service": {
		[]: {"spec": "object"},
		["spec"]: {
			"externalIPs": "list of strings",
			"loadBalancerSourceRanges": "list of strings",
			"type": "string",
		},
	},
	"ServiceAccount": {
		[]: {"automountServiceAccountToken": "boolean"},
	},
	"ValidatingAdmissionPolicy": {
		[]: {"spec": "object"},
		["spec"]: {"failurePolicy": "string"},
	},
	"ValidatingWebhookConfiguration": {
		[]: {"webhooks": "list of objects"},
	},
}

_of_bindings := {
	[]: {
		"roleRef": "object",
		"subjects": "list of objects",
	},
	["roleRef"]: {"name": "string"},
}

_of_rules := {"rules": {
	"apiGroups": "list of strings",
	"resourceNames": "list of strings",
	"resources": "list of strings",
	"verbs": "list of strings",
}}

_of_subjects := {"subjects": {"kind": "string", "name": "string"}}

_of_webhooks := {"webhooks": {"failurePolicy": "string", "timeoutSeconds": "number"}}

_of_elements := {
	"ClusterRole": _of_rules,
	"ClusterRoleBinding": _of_subjects,
	"Gateway": {"spec.listeners": {"allowedRoutes": "object"}},
	"Ingress": {"spec.rules": {"host": "string"}, "spec.tls": {"hosts": "list of strings"}},
	"MutatingWebhookConfiguration": _of_webhooks,
	"NetworkPolicy": {
		"spec.egress": {"ports": "list of objects", "to": "list of objects"},
		"spec.ingress": {"from": "list of objects", "ports": "list of objects"},
	},
	"ReferenceGrant": {"spec.to": {"kind": "string", "name": "string"}},
	"Role": _of_rules,
	"RoleBinding": _of_subjects,
	"ValidatingWebhookConfiguration": _of_webhooks,
}
