package policy.kubernetes.images_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.images

_pinned := concat("@", ["registry.example/acme/web", lib.digest_a])

test_a_pinned_image_passes if {
	_denied(_image(_pinned), {}) == set()
	_warned(_image(_pinned)) == set()
}

# ------------------------------------------------------------------------------------- tag, digest

test_an_image_without_a_fixed_tag_is_denied_in_every_kind_and_list if {
	every image in ["nginx", "nginx:latest", "localhost:5000/nginx", "", null] {
		every o in builders.everywhere({"image": image}) {
			_denied(o, {}) == {"GATE-K8S-016"}
		}
	}
}

test_what_only_looks_like_a_tag_or_a_digest_is_none if {
	every image in ["nginx:", "nginx@sha256:abc"] {
		every o in builders.everywhere({"image": image}) {
			_denied(o, {}) == {"GATE-K8S-016", "GATE-K8S-022"}
		}
	}
}

# ------------------------------------------------------------------------------------------ grammar

test_a_reference_that_nothing_pulls_is_denied_in_every_kind_and_list if {
	every image in ["docker://nginx:1", "https://r.io/x:1", "nginx:1 ", " nginx:1", "r.io/UPPER:1", "r.io//x:1", _tagged(129)] {
		every o in builders.everywhere({"image": image}) {
			_denied(o, {}) == {"GATE-K8S-022"}
		}
	}
	_denied(_mounting({"reference": "https://r.io/x:1"}), {}) == {"GATE-K8S-022"}
}

test_a_reference_that_nothing_pulls_is_not_pinned if {
	every image in [
		concat("@", ["nginx:", lib.digest_a]), concat("@", ["docker://nginx", lib.digest_a]),
		concat("", ["@", lib.digest_a]), concat("@", ["nginx", lib.digest_a, lib.digest_a]),
		concat("", ["nginx@", lib.digest_a, " "]),
	] {
		"GATE-K8S-017" in _warned(_image(image))
		"GATE-K8S-022" in _denied(_image(image), {})
	}
}

test_the_longest_tag_passes if _denied(_image(_tagged(128)), {}) == set()

_tagged(length) := concat("", ["r.io/x:", substring(sprintf("%0200d", [1]), 0, length)])

test_a_tag_passes_and_is_warned_of if {
	_denied(_image("nginx:1.27"), {}) == set()
	every o in builders.everywhere({"image": "nginx:1.27"}) {
		_warned(o) == {"GATE-K8S-017"}
	}
}

test_latest_with_a_digest_passes if {
	_denied(_image(concat("@", ["nginx:latest", lib.digest_a])), {}) == set()
}

test_the_message_says_what_is_missing if {
	_message(_image("nginx")) == `container "web": image "nginx" has no tag, which means latest`
	_message(_image("nginx:latest")) == `container "web": image "nginx:latest" has the tag latest`
	_message(_image("")) == `container "web": no image is named`
}

test_a_container_without_an_image_is_denied if {
	container := object.remove(builders.container({}), ["image"])
	_denied(builders.pod({"containers": [container]}), {}) == {"GATE-K8S-016"}
}

test_an_image_that_is_a_volume_is_judged_too if {
	_denied(_mounting({"reference": "data:latest"}), {}) == {"GATE-K8S-016"}
	_denied(_mounting({"pullPolicy": "Always"}), {}) == {"GATE-K8S-016"}
	_denied(_mounting("data"), {}) == {"GATE-K8S-016"}
	_denied(_mounting({"reference": _pinned}), {}) == set()
	_denied(_mounting({"reference": "evil.example/data:1"}), _only_acme) == {"GATE-K8S-018"}
}

# ---------------------------------------------------------------------------------------- registry

test_an_image_of_another_registry_is_denied_in_every_kind_and_list if {
	every image in ["nginx:1", "registry.example.evil/acme/web:1", "registry.example/acmes/web:1"] {
		every o in builders.everywhere({"image": image}) {
			"GATE-K8S-018" in _denied(o, _only_acme)
		}
	}
}

test_an_image_of_an_allowed_registry_passes if {
	_denied(_image("registry.example/acme/web:1"), _only_acme) == set()
}

test_an_empty_list_allows_every_registry if _denied(_image("evil.example/web:1"), _registries([])) == set()

test_a_list_of_registries_that_is_none_allows_nothing if {
	every list in [null, "registry.example", {}] {
		_denied(_image(_pinned), _registries(list)) == {"GATE-K8S-018"}
	}
}

test_without_settings_no_registry_is_allowed if {
	document := object.remove(builders.judged(_image(_pinned), {}), ["settings"])
	denied := lib.rules(images.deny) with input as document
	denied == {"GATE-K8S-018"}
}

_only_acme := _registries(["registry.example/acme"])

_registries(list) := {"kubernetes": {"registries": list}}

_image(image) := builders.running({"image": image})

# As the API server fills in the list, `good` comes first.
_mounting(image) := object.union(builders.pod({}), {"spec": object.union(
	builders.pod({}).spec,
	{"volumes": [{"name": "good", "emptyDir": {}}, {"name": "data", "image": image}]},
)})

_message(o) := v.message if v := lib.only(images.deny) with input as builders.judged(o, {})

_denied(o, settings) := rules if rules := lib.rules(images.deny) with input as builders.judged(o, settings)

_warned(o) := rules if rules := lib.rules(images.warn) with input as builders.judged(o, {})
