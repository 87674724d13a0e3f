# Builders for the tests: a whole policy input and whole findings, so that a test shows only what differs.
package lib.builders

# The policy input with `changes`; objects are merged, lists and values replaced.
document(changes) := object.union(_document, changes)

# The input that holds these findings and, merged over the shipped settings, `settings_changes`.
found(findings, settings_changes) := document({"findings": findings, "settings": settings_changes})

# A finding with nothing known but what the model requires, and `changes`.
finding(changes) := object.union(_finding, changes)

component(changes) := object.union(_component, changes)

report(changes) := object.union(_report, changes)

# The ids of the rules that spoke.
rules(violations) := {v.rule | some v in violations}

# The one violation of a set, so that two of them fail the test.
only(violations) := v if {
	count(violations) == 1
	some v in violations
}

digest_a := "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

digest_b := "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

waived := {"waiver": "w-2026-014", "expires": "2026-12-06T00:00:00Z"}

_document := {
	"version": 1,
	"now": "2026-11-22T12:00:00Z",
	"point": "ci",
	"project": "acme/web",
	"environment": null,
	"subject": {
		"type": "source",
		"name": "acme/web",
		"digest": null,
		"repository": null,
		"commit": null,
		"branch": null,
		"author": null,
		"claimed": true,
	},
	"reports": [],
	"findings": [],
	"components": [],
	"objects": [],
	"attestations": [],
	"approvals": [],
	"settings": settings,
}

_finding := {
	"fingerprint": "6f1c9e0a00000000000000000000cafe",
	"kind": "vulnerability",
	"rule": "CVE-2026-31415",
	"title": "a flaw",
	"severity": "info",
	"severity_raw": null,
	"aliases": [],
	"cwes": [],
	"cvss": [],
	"epss": null,
	"kev": null,
	"purl": null,
	"version": null,
	"fixed_versions": [],
	"fix_state": "unknown",
	"location": {"file": null, "line": null, "column": null, "resource": null, "image": null, "url": null},
	"scanners": ["trivy"],
	"confidence": null,
	"state": "new",
	"first_seen": null,
	"vex": null,
	"waived": null,
}

_component := {
	"purl": "pkg:pypi/requests@2.32.0",
	"name": "requests",
	"version": "2.32.0",
	"license": "Apache-2.0",
	"direct": null,
	"scope": null,
	"hashes": {},
	"supplier": "Python Software Foundation",
}

_report := {
	"format": "trivy-json",
	"scanner": "trivy",
	"scanner_version": null,
	"status": "ok",
	"sha256": "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
	"created": "2026-11-22T11:00:00Z",
	"subject": null,
	"findings": 0,
	"kinds": ["image"],
}

# What policies/settings.yaml says; tests/test_policies.py compares the two.
settings := {
	"thresholds": {
		"vulnerabilities": {
			"critical": 0,
			"high": 0,
			"medium": null,
			"low": null,
			"unknown": 0,
			"kev": 0,
			"epss": null,
			"only": "fixable",
		},
		"malware": 0,
		"code": {
			"critical": 0,
			"high": 0,
			"medium": null,
			"low": null,
			"unknown": 0,
		},
		"secrets": 0,
		"dast": {
			"critical": 0,
			"high": 0,
			"medium": null,
			"low": null,
			"unknown": 0,
		},
		"misconfigurations": {
			"critical": 0,
			"high": 0,
			"medium": null,
			"low": null,
			"unknown": null,
		},
		"licenses": {
			"deny": [
				"AGPL-1.0",
				"AGPL-1.0-only",
				"AGPL-1.0-or-later",
				"AGPL-3.0",
				"AGPL-3.0+",
				"AGPL-3.0-only",
				"AGPL-3.0-or-later",
				"SSPL-1.0",
			],
			"allow": [],
			"exceptions": [],
			"unknown": "warn",
		},
	},
	"vulnerabilities": {
		"trust_vex": false,
		"max_age_days": {
			"critical": null,
			"high": null,
			"medium": null,
			"low": null,
			"info": null,
			"unknown": null,
		},
	},
	"evidence": {
		"require": [],
		"max_age_s": null,
	},
	"licenses": {"known": [
		"LicenseRef-Apache-License-2.0",
		"LicenseRef-BSD",
		"LicenseRef-BSD-License",
		"LicenseRef-License-OSI-Approved-Apache-Software-License",
		"LicenseRef-License-OSI-Approved-BSD-License",
		"LicenseRef-License-OSI-Approved-ISC-License-ISCL",
		"LicenseRef-License-OSI-Approved-MIT-License",
		"LicenseRef-License-OSI-Approved-Python-Software-Foundation-License",
		"LicenseRef-License-OSI-Approved-Zope-Public-License",
		"LicenseRef-MIT-License",
	]},
	"sbom": {
		"may_lack_percent": {
			"version": 0,
			"supplier": 0,
			"identifier": 0,
		},
	},
	"reliability": {
		"requests": [
			"cpu",
			"memory",
		],
		"limit_to_request": {
			"memory": 4,
			"cpu": null,
		},
		"grace_s_max": 3600,
		"job_history_max": 20,
		"labels": [
			"app.kubernetes.io/name",
		],
		"system_namespaces": [
			"kube-system",
			"kube-public",
			"kube-node-lease",
		],
	},
	"kubernetes": {
		"registries": [],
		"limits": [
			"memory",
		],
		"internal_load_balancers": [
			"cloud.google.com/load-balancer-type=Internal",
			"networking.gke.io/load-balancer-type=Internal",
			"service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type=intranet",
			"service.beta.kubernetes.io/aws-load-balancer-internal=true",
			"service.beta.kubernetes.io/aws-load-balancer-scheme=internal",
			"service.beta.kubernetes.io/azure-load-balancer-internal=true",
			"service.beta.kubernetes.io/oci-load-balancer-internal=true",
			"service.beta.kubernetes.io/openstack-internal-load-balancer=true",
			"service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type=private",
		],
		"tls_annotations": [
			"alb.ingress.kubernetes.io/certificate-arn",
			"appgw.ingress.kubernetes.io/appgw-ssl-certificate",
			"ingress.gcp.kubernetes.io/pre-shared-cert",
			"networking.gke.io/managed-certificates",
		],
		"node_keys": [
			"/etc/kubernetes",
			"/etc/rancher",
			"/etc/shadow",
			"/etc/ssh",
			"/home",
			"/root",
			"/var/lib/etcd",
			"/var/lib/kubelet",
			"/var/lib/rancher",
		],
		"token_max_s": 86400,
		"webhook_timeout_s": 10,
	},
}
