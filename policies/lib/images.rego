# Image references taken apart as container runtimes do it.
package lib.images

# `{"name", "tag", "digest"}` of a reference: the name with its registry, lower case;
# tag and digest empty where there is none, or where it is not a whole sha256, sha384 or sha512.
parts(reference) := {"name": _hub(_full(name)), "tag": tag, "digest": _digest(reference)} if {
	segments := split(split(reference, "@")[0], "/")
	last := count(segments) - 1
	[bare, tag] := _tagged(segments[last])
	name := lower(concat("/", array.concat(array.slice(segments, 0, last), [bare])))
}

# Whether a reference names its image by a digest, and is one that a container runtime pulls.
is_pinned(reference) if {
	regex.match(`@(sha256|sha384|sha512):[0-9a-f]+$`, reference)
	is_reference(reference)
}

# Whether a container runtime pulls `reference`: github.com/distribution/reference 0.6 (`ParseNormalizedNamed`), which
# containerd, CRI-O and the kubelet use. gate/kubernetes/images.py reads the same grammar.
is_reference(reference) if {
	is_string(reference)
	regex.match(_grammar, _whole(reference))
	not regex.match(`^[a-f0-9]{64}$`, reference)
	count(_path(_whole(reference))) <= 255
}

# The first segment is a registry if it could be nothing else.
_whole(reference) := reference if {
	regex.match(`^(localhost|[^/]*[.:A-Z][^/]*)/`, reference)
} else := sprintf("docker.io/%s", [reference]) if {
	contains(reference, "/")
} else := sprintf("docker.io/library/%s", [reference])

# `registry.example:5000/acme/web:1@sha256:…` -> `acme/web`.
_path(whole) := regex.replace(regex.replace(whole, `^[^/]*/`, ""), `(:[^/:@]*)?(@[^@]*)?$`, "")

_grammar := concat("", [
	`^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(:[0-9]+)?`,
	`(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)+`,
	`(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?`,
	`(@(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}))?$`,
])

# Whether a reference says from which registry it is.
has_registry(reference) if {
	segments := split(split(reference, "@")[0], "/")
	count(segments) > 1
	_is_registry(segments[0])
}

# Whether image `name` is `prefix` or lies below it; registry.example does not cover registry.example.evil.
covers(prefix, name) if {
	whole := trim_suffix(trim_right(lower(prefix), "*"), "/")
	startswith(sprintf("%s/", [name]), sprintf("%s/", [_scope(whole)]))
}

# A registry, an organisation (`docker.io/acme`), or a name as an image would give it.
_scope(prefix) := _registry(prefix) if {
	_is_registry(prefix)
} else := _full(prefix) if {
	contains(prefix, "/")
} else := _hub(_full(prefix))

_tagged(segment) := [split(segment, ":")[0], substring(segment, indexof(segment, ":") + 1, -1)] if {
	contains(segment, ":")
} else := [segment, ""]

_digest(reference) := digest if {
	digest := split(reference, "@")[1]
	regex.match(`^(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$`, digest)
} else := ""

# A first segment with a dot or a port is a registry; without one it is Docker Hub.
_full(name) := concat("/", array.concat([_registry(segments[0])], array.slice(segments, 1, count(segments)))) if {
	segments := split(name, "/")
	count(segments) > 1
	_is_registry(segments[0])
} else := sprintf("docker.io/%s", [name])

_is_registry(segment) if regex.match(`^[^/]*[.:][^/]*$`, segment)

_is_registry("localhost")

_registry(segment) := "docker.io" if {
	segment in {"index.docker.io", "registry-1.docker.io"}
} else := segment

# Docker Hub's own images stand below `library`.
_hub(name) := sprintf("docker.io/library/%s", [trim_prefix(name, "docker.io/")]) if {
	regex.match(`^docker\.io/[^/]*$`, name)
} else := name
