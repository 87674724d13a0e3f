# Reads `input.settings` so that a hole in them is strict, never "no limit".
package lib.settings

# The number at `path`, or null for "no limit"; 0 where it is absent or not a number.
limit(path) := value if {
	value := _at(path)
	_is_limit(value)
} else := 0

# The list at `path`; null where it is absent or not a list, and null allows nothing.
list(path) := value if {
	value := _at(path)
	is_array(value)
} else := null

# Whether the setting at `path` is exactly `value`.
is(path, value) if _at(path) == value

# The minor version at `path`, 29 for "1.29" and at most `newest`; null where it is null, and `newest` where
# it is absent or no version.
minor(path, newest) := null if {
	_at(path) == null
} else := min([newest, to_number(substring(version, 2, -1))]) if {
	version := _at(path)
	is_string(version)
	regex.match(`^1\.(0|[1-9][0-9]{0,5})$`, version)
} else := newest

_is_limit(value) if is_number(value)

_is_limit(null)

# An undefined value may not leave this file: `absent` is no number, no list and not null.
# `input` as a whole is not named: a bundle that may look at all of it is sent all of it.
_at(path) := object.get(input.settings, split(path, "."), "absent") if {
	is_object(input.settings)
} else := "absent"
