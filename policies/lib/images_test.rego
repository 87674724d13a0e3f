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

# What distribution/reference 0.6 takes and refuses (reference_test.go and normalize_test.go have most of these).
test_what_a_runtime_pulls_is_a_reference if {
	every reference in [
		"nginx", "nginx:1", "acme/web", "r.io/a/b/c:1", "r.io:5000/x", "localhost/x", "localhost:5000/x:1",
		"[2001:db8::1]:5000/x", "UPPER/x:1", "Registry.example/x", "a__b/c-d--e.f_g:A_b.C-1",
		concat("@", ["nginx", _digest]), concat("@", ["r.io/x:1", _digest]), concat("", ["x@sha512:", _zeros(128)]),
		concat("", ["x@sha384:", _zeros(96)]), concat("", ["r.io/", _zeros(255)]),
	] {
		images.is_reference(reference)
	}
}

test_what_a_runtime_refuses_is_none if {
	every reference in [
		"", " ", "nginx:", ":1", "nginx:1:2", "nginx:1 ", "nginx\n", "nginx:1\n", "docker://nginx:1", "https://r.io/x:1",
		"r.io//x:1", "/x:1", "x/:1", "r.io/", "r.io/X:1", "Nginx", "-x", "x-", "a..b", "a___b", "r.io:port/x", "r_io.x/y",
		"$(IMAGE)", "nginx:1@", "nginx@sha256:abc", concat("", ["@", _digest]), concat("", ["nginx:@", _digest]),
		concat("", ["nginx@", upper(_digest)]), concat("", ["x@sha1:", _zeros(40)]), _zeros(64),
		concat("", ["r.io/", _zeros(256)]), concat("", ["x:", _zeros(129)]), "nginx:ä", "nginx\u200b:1", null, 1,
	] {
		not images.is_reference(reference)
	}
}

test_only_a_reference_is_pinned if {
	images.is_pinned(concat("@", ["r.io/x:1", _digest]))
	not images.is_pinned("r.io/x:1")
	not images.is_pinned(concat("", ["nginx:@", _digest]))
	not images.is_pinned(concat("@", ["nginx", _digest, "x"]))
}

_zeros(length) := substring(sprintf("%0300d", [0]), 0, length)
