package policy.kubernetes.webhooks_test

import data.lib.kubernetes.builders
import data.policy.kubernetes.webhooks

test_each_rule_fires_for_what_it_is_about if {
	every kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
		_ids(kind, {"failurePolicy": "Ignore"}) == {"GATE-K8S-115"}
		_ids(kind, {"timeoutSeconds": 30}) == {"GATE-K8S-116"}
		_ids(kind, {"failurePolicy": "Fail", "timeoutSeconds": 10}) == set()
		_ids(kind, {}) == set()
	}
}

test_other_kinds_pass if _ids("Widget", {"failurePolicy": "Ignore"}) == set()

_ids(kind, webhook) := ids if {
	ids := {v.rule | some v in webhooks.warn} with input as builders.judged({
		"apiVersion": "admissionregistration.k8s.io/v1",
		"kind": kind,
		"webhooks": [object.union({"name": "a.b.c"}, webhook)],
	}, {})
}
