# The rule of `policy.evidence` that compares what was scanned with what is judged.
package policy.evidence

import data.lib.images

# METADATA
# title: Report about another subject
# description: >-
#   The report names another digest than the subject's. Names are compared only where neither has a digest
#   and an image or a release is judged: the folder a source scan names is no name of the subject.
# custom:
#   id: GATE-EVID-006
#   severity: high
#   fix: scan the very artefact that is judged, by its digest
#   frameworks: []
deny contains {
	"rule": "GATE-EVID-006",
	"message": sprintf("%s is about %s, the subject is %s", [_name(r), _identity(r.subject), _identity(input.subject)]),
} if {
	foreign := {s | some s in {r.subject | some r in input.reports}; is_object(s); _differs(s, input.subject)}
	foreign != set()
	some r in input.reports
	r.subject in foreign
}

_differs(s, t) if {
	is_string(s.digest)
	is_string(t.digest)
	s.digest != t.digest
}

_differs(s, t) if {
	not is_string(s.digest)
	not is_string(t.digest)
	t.type in {"image", "release"}
	not _is_same_image(images.parts(s.name), images.parts(t.name))
}

# `web` names the same image as `registry.example/acme/web:1.2`: tools shorten names, and leave tags out.
_is_same_image(a, b) if {
	_ends_with(a.name, b.name)
	_agree(a.tag, b.tag)
}

_ends_with(a, b) if endswith(sprintf("/%s", [a]), sprintf("/%s", [_short(b)]))

_ends_with(a, b) if endswith(sprintf("/%s", [b]), sprintf("/%s", [_short(a)]))

_short(name) := trim_prefix(trim_prefix(name, "docker.io/"), "library/")

_agree(a, b) if a == b

_agree("", _)

_agree(_, "")

_identity(s) := sprintf("%v@%s", [s.name, s.digest]) if {
	is_string(s.digest)
} else := sprintf("%v", [s.name])
