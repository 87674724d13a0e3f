package lib.images_test

import data.lib.images

_digest := "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

test_a_bare_name_is_docker_hubs_library if {
	images.parts("nginx") == {"name": "docker.io/library/nginx", "tag": "", "digest": ""}
}

test_every_spelling_of_docker_hub_is_one_name if {
	every reference in ["nginx:1", "library/nginx:1", "docker.io/nginx:1", "index.docker.io/library/nginx:1"] {
		images.parts(reference).name == "docker.io/library/nginx"
	}
}

test_an_organisation_has_no_library if images.parts("acme/web:1").name == "docker.io/acme/web"

test_a_port_is_not_a_tag if {
	images.parts("localhost:5000/web") == {"name": "localhost:5000/web", "tag": "", "digest": ""}
}

test_localhost_is_a_registry if images.parts("localhost/web:2").name == "localhost/web"

test_tag_and_digest_are_both_given if {
	reference := concat("", ["Registry.example/acme/web:1.2@", _digest])
	images.parts(reference) == {"name": "registry.example/acme/web", "tag": "1.2", "digest": _digest}
}

test_a_short_digest_is_no_digest if images.parts("web@sha256:abc").digest == ""

test_an_empty_reference_has_no_tag if images.parts("").tag == ""

test_a_registry_covers_what_is_below_it if {
	images.covers("registry.example", "registry.example/acme/web")
	images.covers("registry.example/acme/", "registry.example/acme/web")
	images.covers("Registry.example/acme/**", "registry.example/acme/web")
	images.covers("docker.io", "docker.io/library/nginx")
	images.covers("index.docker.io", "docker.io/library/nginx")
	images.covers("docker.io/acme", "docker.io/acme/web")
	images.covers("acme/web", "docker.io/acme/web")
	images.covers("nginx", "docker.io/library/nginx")
}

test_a_prefix_ends_at_a_segment if {
	not images.covers("registry.example", "registry.example.evil/acme/web")
	not images.covers("registry.example/acme", "registry.example/acme-evil/web")
	not images.covers("registry.example/acme*", "registry.example/acmes/web")
	not images.covers("nginx", "docker.io/evil/nginx")
}

test_an_empty_prefix_covers_nothing if {
	every prefix in ["", "*", "/", "**"] {
		not images.covers(prefix, "docker.io/library/nginx")
	}
}
