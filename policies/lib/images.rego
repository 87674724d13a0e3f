# Image references taken apart as container runtimes do it.
package lib.images

# `{"name", "tag", "digest"}` of a reference: the name with its registry, lower case;
# tag and digest empty where there is none, or where it is not a whole sha256 or sha512.
parts(reference) := {"name": _hub(_full(name)), "tag": tag, "digest": _digest(reference)} if {
	segments := split(split(reference, "@")[0], "/")
	last := count(segments) - 1
	[bare, tag] := _tagged(segments[last])
	name := lower(concat("/", array.concat(array.slice(segments, 0, last), [bare])))
}

# Whether a reference has the digest that `parts` gives.
is_pinned(reference) if regex.match(`^[^@]*@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})(@|$)`, reference)

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
	regex.match(`^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$`, digest)
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
