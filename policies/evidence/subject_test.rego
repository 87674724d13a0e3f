package policy.evidence_test

import data.lib.builders
import data.policy.evidence

test_another_digest_is_another_subject if {
	document := _judged(_image("acme/web", builders.digest_a), _scanned("acme/web", builders.digest_b))
	v := builders.only(evidence.deny) with input as document
	v.rule == "GATE-EVID-006"
	contains(v.message, sprintf("is about acme/web@%s, the subject is acme/web@%s", [builders.digest_b, builders.digest_a]))
}

test_the_same_digest_is_the_same_subject_whatever_its_name if {
	_passes(_image("acme/web", builders.digest_a), _scanned("other", builders.digest_a))
}

test_names_do_not_count_where_one_side_has_a_digest if {
	_passes(_image("acme/web", builders.digest_a), _scanned("other", null))
	_passes(_image("acme/web", null), _scanned("other", builders.digest_a))
}

test_without_digests_names_count_for_images_and_releases if {
	every type in ["image", "release"] {
		_fails(object.union(_image("acme/web", null), {"type": type}), _scanned("acme/api", null))
		_passes(object.union(_image("acme/web", null), {"type": type}), _scanned("acme/web", null))
	}
}

test_the_folder_of_a_source_scan_is_no_name if {
	every type in ["source", "manifests"] {
		_passes(object.union(_image("acme/web", null), {"type": type}), _scanned("debian:12", null))
	}
}

test_a_shortened_name_is_the_same_image if {
	every name in ["web", "acme/web", "registry.example/acme/web:1.2", "web:1.2"] {
		_passes(_image("registry.example/acme/web:1.2", null), _scanned(name, null))
		_passes(_image(name, null), _scanned("registry.example/acme/web:1.2", null))
	}
	_passes(_image("docker.io/library/debian:12", null), _scanned("debian:12", null))
}

test_another_tag_or_a_longer_name_is_another_image if {
	every name in ["registry.example/acme/web:1.3", "eb:1.2", "evil-web", "evil/web", "registry.example/acme/web/x", ""] {
		_fails(_image("registry.example/acme/web:1.2", null), _scanned(name, null))
	}
}

test_a_report_without_a_subject_is_about_no_other if {
	_passes(_image("acme/web", builders.digest_a), builders.report({"subject": null}))
}

test_of_many_reports_each_foreign_one_is_named if {
	reports := [
		object.union(_scanned("acme/web", builders.digest_b), {"scanner": "grype"}),
		object.union(_scanned("acme/web", builders.digest_b), {"scanner": "trivy"}),
		_scanned("acme/web", builders.digest_a),
		builders.report({"subject": null}),
	]
	document := builders.document({"subject": _image("acme/web", builders.digest_a), "reports": reports})
	violations := evidence.deny with input as document
	count(violations) == 2
}

_image(name, digest) := {"type": "image", "name": name, "digest": digest}

_scanned(name, digest) := builders.report({"subject": {"name": name, "digest": digest}})

_judged(subject, report) := builders.document({"subject": subject, "reports": [report]})

_passes(subject, report) if builders.rules(evidence.deny) == set() with input as _judged(subject, report)

_fails(subject, report) if builders.rules(evidence.deny) == {"GATE-EVID-006"} with input as _judged(subject, report)
