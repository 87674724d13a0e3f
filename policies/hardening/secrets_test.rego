package policy.kubernetes.secrets_test

import data.lib.kubernetes.builders
import data.policy.kubernetes.secrets

test_a_secret_with_a_value_is_denied_key_by_key if {
	o := _secret({"data": {"a/b": "aGk="}, "stringData": {"c": "hi", "empty": ""}})
	vs := {[v.rule, v.path] | some v in secrets.deny} with input as builders.judged(o, {})
	vs == {["GATE-K8S-124", "/data/a~1b"], ["GATE-K8S-124", "/stringData/c"]}
}

test_the_value_is_never_in_the_message if {
	every v in secrets.deny {
		not contains(v.message, "aGk=")
	} with input as builders.judged(_secret({"data": {"a": "aGk="}}), {})
}

test_an_encrypted_or_empty_secret_passes if {
	_ids(_secret({"data": {"a": "ENC[AES256_GCM,data:x]"}})) == set()
	_ids(_secret({})) == set()
	_ids({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "spec": {"encryptedData": {"a": "x"}}}) == set()
}

test_a_config_map_with_a_credential_is_denied if {
	every data_ in [
		{"key.pem": "-----BEGIN RSA PRIVATE KEY-----\nx"}, {"db.password": "hunter2"}, {"API_KEY": "abc"},
		{"github-token": "x"}, {"x": "-----BEGIN PRIVATE KEY-----"},
	] {
		_ids(_map(data_)) == {"GATE-K8S-125"}
	}
}

test_a_config_map_without_one_passes if {
	every data_ in [{"ca.crt": "-----BEGIN CERTIFICATE-----"}, {"password": ""}, {"token": "true"}, {"token": "${TOKEN}"}, {"tokenizer": "x"}] {
		_ids(_map(data_)) == set()
	}
}

test_a_secret_in_the_environment_is_warned_of_in_every_list if {
	every o in builders.everywhere({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}) {
		_ids(o) == {"GATE-K8S-126"}
	}
	every o in builders.everywhere({"envFrom": [{"secretRef": {"name": "s"}}]}) {
		_ids(o) == {"GATE-K8S-126"}
	}
	_ids(builders.running({"envFrom": [{"configMapRef": {"name": "s"}}]})) == set()
}

test_a_credential_on_a_command_line_is_denied_in_every_list if {
	every o in builders.everywhere({"args": ["--verbose", "--db-password=hunter2"]}) {
		_ids(o) == {"GATE-K8S-127"}
	}
	every argument in ["--password-file=/x", "--token=$(TOKEN)", "--token-ttl=3", "--password", "password=x"] {
		_ids(builders.running({"args": [argument]})) == set()
	}
}

_secret(fields) := object.union({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}, fields)

_map(data_) := {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data_}

_ids(o) := ids if {
	ids := {v.rule | some v in secrets.deny | secrets.warn} with input as builders.judged(o, {})
}
