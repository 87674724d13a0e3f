# Time as seconds before `input.now`, the only clock a rule has.
package lib.times

# Seconds from `moment` to now, negative in the future; null where `moment` is no RFC 3339 time.
age_s(moment) := (time.parse_rfc3339_ns(input.now) - time.parse_rfc3339_ns(moment)) / 1000000000 if {
	is_string(moment)
	regex.match(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`, moment)
} else := null

# `seconds` as a person says it: `45 s`, `12 min`, `31 h`, `9 days`, whole units rounded down.
words(seconds) := sprintf("%d days", [floor(seconds / 86400)]) if {
	seconds >= 172800
} else := sprintf("%d h", [floor(seconds / 3600)]) if {
	seconds >= 7200
} else := sprintf("%d min", [floor(seconds / 60)]) if {
	seconds >= 120
} else := sprintf("%d s", [floor(seconds)])
