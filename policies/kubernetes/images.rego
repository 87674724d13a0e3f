# METADATA
# scope: package
# title: Where images come from
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.images

import data.lib.images
import data.lib.kubernetes.pods
import data.lib.settings

# METADATA
# title: Image without a fixed tag
# description: No image, no tag or the tag latest; what runs changes without anybody deciding it.
# custom:
#   id: GATE-K8S-016
#   severity: high
#   fix: name the image by its digest, or at least by a version
#   docs: https://kubernetes.io/docs/concepts/containers/images/
#   frameworks: [NIST SP 800-190 4.2.2]
deny contains {
	"rule": "GATE-K8S-016",
	"message": sprintf("%s: %s", [use.label, _missing(use.parts, use.reference)]),
	"path": use.path,
} if {
	some use in _unpinned
	use.parts.tag in ["", "latest"]
}

# METADATA
# title: Image not pinned by digest
# description: A tag can be pushed again, so the image that was judged need not be the one that runs.
# custom:
#   id: GATE-K8S-017
#   severity: medium
#   fix: name the image by its digest, name:tag@sha256:…
#   docs: https://kubernetes.io/docs/concepts/containers/images/
#   frameworks: [NIST SP 800-190 4.2.2]
warn contains {
	"rule": "GATE-K8S-017",
	"message": sprintf("%s: image %q is not pinned by digest", [use.label, use.reference]),
	"path": use.path,
} if {
	some use in _unpinned
}

# METADATA
# title: Image from a registry that is not allowed
# description: settings.kubernetes.registries is not empty and does not cover the image.
# custom:
#   id: GATE-K8S-018
#   severity: high
#   fix: copy the image to an allowed registry, or add its registry to settings.kubernetes.registries
#   docs: https://kubernetes.io/docs/concepts/containers/images/
#   frameworks: [NIST SP 800-190 4.1.5, CIS Kubernetes v1.8 5.5.1]
deny contains {
	"rule": "GATE-K8S-018",
	"message": sprintf("%s: image %q is of no allowed registry", [use.place.label, use.reference]),
	"path": pods.pointer(use.place, use.path),
} if {
	_registries != []
	some use in _uses
	not _is_allowed(images.parts(use.reference).name)
}

# METADATA
# title: Image reference that nothing pulls
# description: >-
#   The kubelet refuses it (InvalidImageName), so the pod never runs; and tools that are laxer than the kubelet may each
#   read another image in it.
# custom:
#   id: GATE-K8S-022
#   severity: medium
#   fix: write it as [registry[:port]/]name[:tag][@sha256:digest], the name in lower case, without a scheme or spaces
#   docs: https://kubernetes.io/docs/concepts/containers/images/
#   frameworks: [NIST SP 800-190 4.2.2]
deny contains {
	"rule": "GATE-K8S-022",
	"message": sprintf("%s: image %q is no reference that a container runtime pulls", [use.place.label, use.reference]),
	"path": pods.pointer(use.place, use.path),
} if {
	some use in _uses
	use.reference != ""
	not images.is_reference(use.reference)
}

_is_allowed(name) if {
	some registry in _registries
	images.covers(registry, name)
}

_registries := settings.list("kubernetes.registries")

# Images of containers, and of volumes that mount one.
_unpinned contains {
	"label": use.place.label,
	"path": pods.pointer(use.place, use.path),
	"reference": use.reference,
	"parts": images.parts(use.reference),
} if {
	_is_any_unpinned
	some use in _uses
	not images.is_pinned(use.reference)
}

# Whether places need be looked for.
_is_any_unpinned if {
	some container in pods.bare
	not images.is_pinned(_text(object.get(container, "image", null)))
}

_is_any_unpinned if "image" in pods.volume_fields

_uses contains {"place": container, "path": ["image"], "reference": reference} if {
	some container in pods.containers
	reference := _text(object.get(container.value, "image", null))
}

_uses contains {"place": pod, "path": ["volumes", i, "image", "reference"], "reference": reference} if {
	some pod in pods.all
	some i, volume in pod.value.volumes
	volume.image != null
	reference := _text(object.get(volume, ["image", "reference"], null))
}

# Kubernetes refuses what is no text; here it is an image without a name.
_text(value) := value if {
	is_string(value)
} else := ""

_missing(_, "") := "no image is named"

_missing(parts, reference) := sprintf("image %q has no tag, which means latest", [reference]) if {
	reference != ""
	parts.tag == ""
}

_missing(parts, reference) := sprintf("image %q has the tag latest", [reference]) if parts.tag == "latest"
