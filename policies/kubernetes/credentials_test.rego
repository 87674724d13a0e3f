package policy.kubernetes.credentials_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.credentials

# ------------------------------------------------------------------------------------- environment

test_a_credential_as_plain_text_is_denied_in_every_kind_and_list if {
	every o in builders.everywhere(_env("DB_PASSWORD", "hunter2")) {
		_denied(o) == {"GATE-K8S-019"}
	}
}

test_names_that_end_like_a_credential_are_denied if {
	names := [
		"PASSWORD", "dbPassword", "spring.datasource.password", "MYSQL_PASS", "REDIS_PWD", "SSH_PASSPHRASE",
		"CLIENT_SECRET", "GITHUB_TOKEN", "API_KEY", "apikey", "AWS_SECRET_ACCESS_KEY", "SECRET_KEY_BASE",
		"TLS_PRIVATE_KEY", "GOOGLE_CREDENTIALS",
	]
	every name in names {
		_denied(builders.running(_env(name, "hunter2"))) == {"GATE-K8S-019"}
	}
}

test_names_that_only_mention_one_pass if {
	every name in ["PASSWORD_FILE", "TOKEN_TTL", "SECRET_NAME", "KEY_PATH", "PWD", "MONKEY", "TOKENIZER", "BYPASS"] {
		_denied(builders.running(_env(name, "x"))) == set()
	}
}

test_switches_references_and_empty_values_pass if {
	every value in ["", " ", "true", "False", "yes", "$(OTHER)", null] {
		_denied(builders.running(_env("ALLOW_EMPTY_PASSWORD", value))) == set()
	}
}

test_a_value_that_is_no_text_is_a_literal if {
	_denied(builders.running(_env("DB_PASSWORD", 123456))) == {"GATE-K8S-019"}
}

test_a_value_from_a_secret_passes if {
	reference := {"secretKeyRef": {"name": "db", "key": "password"}}
	_denied(builders.running({"env": [{"name": "DB_PASSWORD", "valueFrom": reference}]})) == set()
}

test_a_variable_without_a_name_passes if _denied(builders.running({"env": [{"value": "hunter2"}]})) == set()

test_the_message_names_the_variable_and_never_its_value if {
	v := lib.only(credentials.deny) with input as builders.judged(builders.running(_env("DB_PASSWORD", "hunter2")), {})
	v.message == `container "web" has a literal value for DB_PASSWORD`
	v.path == "/spec/containers/0/env/0/value"
}

# ------------------------------------------------------------------------------------------- token

test_a_mounted_token_is_warned_of_in_every_kind if {
	every mounted in [true, null, "false"] {
		every kind in builders.kinds {
			_warned(builders.workload(kind, builders.pod({"automountServiceAccountToken": mounted}))) == {"GATE-K8S-020"}
		}
	}
}

test_a_token_that_is_not_mounted_passes if _warned(builders.pod({})) == set()

_env(name, value) := {"env": [{"name": name, "value": value}]}

_denied(o) := rules if rules := lib.rules(credentials.deny) with input as builders.judged(o, {})

_warned(o) := rules if rules := lib.rules(credentials.warn) with input as builders.judged(o, {})
