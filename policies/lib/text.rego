# Words for messages.
package lib.text

# The names of a set as one phrase, cut after five: `a, b, c, d, e and 7 more`.
listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 5)), count(names) - 5]) if {
	count(names) > 5
} else := concat(", ", sort(names))

# A component as a person knows it: its package URL, or its name and version.
component(c) := c.purl if {
	is_string(c.purl)
} else := name if {
	name := trim_space(concat(" ", [w | some w in [c.name, c.version]; is_string(w)]))
	name != ""
} else := "a component without a name"

# `1 component`, `7 components`.
number(count, one, many) := sprintf("%d %s", [count, word]) if {
	word := {true: one, false: many}[count == 1]
}
