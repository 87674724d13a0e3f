package policy.kubernetes.webhooks_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.webhooks

_kinds := {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}

test_each_rule_about_webhooks_fires if {
	every kind in _kinds {
		_ids(_webhook(kind, {"failurePolicy": "Ignore"})) == {"GATE-K8S-115"}
		_ids(_webhook(kind, {"timeoutSeconds": 11})) == {"GATE-K8S-116"}
		_ids(_webhook(kind, {"failurePolicy": "Fail", "timeoutSeconds": 10})) == set()
		_ids(_webhook(kind, {})) == set()
	}
}

test_defaults_of_the_beta_were_lax if {
	every kind in _kinds {
		beta := {"apiVersion": "admissionregistration.k8s.io/v1beta1"}
		_ids(object.union(_webhook(kind, {}), beta)) == {"GATE-K8S-115", "GATE-K8S-116"}
		_ids(object.union(_webhook(kind, {"failurePolicy": "Fail", "timeoutSeconds": 5}), beta)) == set()
	}
}

test_the_setting_says_how_long_a_webhook_may_take if {
	o := _webhook("ValidatingWebhookConfiguration", {"timeoutSeconds": 5})
	lib.rules(webhooks.warn) == {"GATE-K8S-116"} with input as builders.judged(o, {"kubernetes": {"webhook_timeout_s": 3}})
	lib.rules(webhooks.warn) == {"GATE-K8S-116"} with input as builders.judged(o, {"kubernetes": {"webhook_timeout_s": "x"}})
	lib.rules(webhooks.warn) == set() with input as builders.judged(o, {"kubernetes": {"webhook_timeout_s": null}})
}

test_a_policy_that_ignores_its_failures_is_warned_of if {
	every kind in ["MutatingAdmissionPolicy", "ValidatingAdmissionPolicy"] {
		policy := {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "spec": {"failurePolicy": "Ignore"}}
		_ids(policy) == {"GATE-K8S-115"}
		_ids(object.union(policy, {"spec": {"failurePolicy": "Fail"}})) == set()
	}
}

test_an_api_server_that_is_not_verified_is_denied if {
	every value in [true, "true", 1] {
		_ids(_service(value)) == {"GATE-K8S-214"}
	}
	every value in [false, null] {
		_ids(_service(value)) == set()
	}
}

test_custom_resources_of_any_shape_are_warned_of if {
	_ids(_definition("v1", {"preserveUnknownFields": true})) == {"GATE-K8S-215"}
	_ids(_definition("v1", {})) == set()
	_ids(_definition("v1beta1", {})) == {"GATE-K8S-215"}
	_ids(_definition("v1beta1", {"preserveUnknownFields": false})) == set()
}

test_it_points_at_the_webhook if {
	o := _webhook("ValidatingWebhookConfiguration", {"failurePolicy": "Ignore"})
	v := lib.only(webhooks.warn) with input as builders.judged(o, {})
	[v.path, v.message] == ["/webhooks/0/failurePolicy", `webhook "a.b.c" ignores its failures`]
}

test_other_kinds_and_groups_pass if {
	_ids(_webhook("Widget", {"failurePolicy": "Ignore"})) == set()
	other := {"apiVersion": "acme.example/v1"}
	_ids(object.union(_webhook("ValidatingWebhookConfiguration", {"failurePolicy": "Ignore"}), other)) == set()
}

_webhook(kind, changes) := {
	"apiVersion": "admissionregistration.k8s.io/v1",
	"kind": kind,
	"webhooks": [object.union({"name": "a.b.c"}, changes)],
}

_service(value) := {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "spec": {"insecureSkipTLSVerify": value}}

_definition(version, spec) := {
	"apiVersion": sprintf("apiextensions.k8s.io/%s", [version]),
	"kind": "CustomResourceDefinition",
	"spec": spec,
}

_ids(o) := ids if {
	ids := {v.rule | some v in webhooks.deny | webhooks.warn} with input as builders.judged(o, {})
}
