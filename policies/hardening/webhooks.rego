# METADATA
# scope: package
# title: Admission webhooks of others
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.webhooks

# METADATA
# title: Webhook lets through what it cannot judge
# description: >-
#   With failurePolicy Ignore whoever makes the webhook fail is let in.
# custom:
#   id: GATE-K8S-115
#   severity: medium
#   fix: set failurePolicy to Fail, and keep the webhook's own namespace and kube-system out of it
#   frameworks: [NSA/CISA Kubernetes Hardening]
warn contains {
	"rule": "GATE-K8S-115",
	"message": sprintf("webhook %q ignores its failures", [object.get(webhook, "name", "")]),
	"path": sprintf("/webhooks/%d/failurePolicy", [index]),
} if {
	some index, webhook in _webhooks
	object.get(webhook, "failurePolicy", "Fail") == "Ignore"
}

# METADATA
# title: Webhook holds up the API server
# description: >-
#   A request waits for every webhook; above ten seconds clients give up before it answers.
# custom:
#   id: GATE-K8S-116
#   severity: low
#   fix: set timeoutSeconds to 10 or less
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-116",
	"message": sprintf("webhook %q may take %d s", [object.get(webhook, "name", ""), webhook.timeoutSeconds]),
	"path": sprintf("/webhooks/%d/timeoutSeconds", [index]),
} if {
	some index, webhook in _webhooks
	object.get(webhook, "timeoutSeconds", 10) > 10
}

_webhooks := object.get(input.object, "webhooks", []) if {
	input.object.kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"]
} else := []
