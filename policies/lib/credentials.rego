# What looks like a credential: by its name, and by its value.
package lib.kubernetes.credentials

# The end of the name tells: TOKEN_TTL and PASSWORD_FILE hold no credential.
is_name(name) if {
	is_string(name)
	regex.match(_names, name)
}

_names := concat("|", [
	`(?i)(password|passwd|passphrase|_pass|_pwd|secret|token|credentials?)$`,
	`(api|access|private|secret|encryption|signing)[_.-]?key([_.-]base)?$`,
])

# Switches such as ALLOW_EMPTY_PASSWORD, and references to another variable, are no credentials.
is_literal(value) if {
	value != null
	not regex.match(`(?i)^\s*(|true|false|yes|no|on|off|\$\([A-Za-z0-9_.-]+\))\s*$`, sprintf("%v", [value]))
}

# Whether a text holds a private key, or a token of a form that its maker gives to nothing else.
is_known(value) if {
	is_string(value)
	regex.match(_known, value)
}

_known := concat("|", [
	`-----BEGIN ([A-Z0-9]+ ){0,3}PRIVATE KEY( BLOCK)?-----`,
	`\b(AKIA|ASIA)[A-Z2-7]{16}\b`,
	`\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{82})\b`,
	`\bglpat-[A-Za-z0-9_-]{20}`,
	`\bxox[abprs]-[A-Za-z0-9-]{10,}`,
])

# Which of `arguments` give a credential, as `--password=hunter2` or after one that is `--password`, or somewhere in
# a script; by position. A path or a variable in its place is none, nor is another option.
given(arguments) := {index |
	is_array(arguments)
	regex.match(`(?i)passw|passphrase|secret|token|key`, json.marshal(arguments))
	some index, _ in arguments
	_is_given(arguments, index)
}

_is_given(arguments, index) if {
	argument := arguments[index]
	is_string(argument)
	some found in regex.find_all_string_submatch_n(_assigned, argument, -1)
	_is_value(found[2])
}

_is_given(arguments, index) if {
	index > 0
	before := arguments[index - 1]
	is_string(before)
	regex.match(sprintf(`(?i)^%s$`, [_option]), before)
	_is_value(arguments[index])
}

_assigned := sprintf(`(?i)(?:^|[\s'"])%s(?:=|\s+)["']?([^\s"']+)`, [_option])

_option := concat("", [
	`--?[a-z0-9_.-]*(password|passwd|passphrase|client[_-]?secret|token|`,
	`(?:access|api|encryption|private|secret|signing)[_-]?key)`,
])

_is_value(value) if {
	is_string(value)
	is_literal(value)
	not regex.match(`^([-$/<]|\./|\{\{|(env|file|path):)`, value)
}
