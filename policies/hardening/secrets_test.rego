package policy.kubernetes.secrets_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.secrets

test_a_secret_with_values_is_denied_once_for_each_field if {
	o := _secret({"data": {"a/b": "aGk=", "c": "aGk="}, "stringData": {"c": "hi", "empty": "", "none": null}})
	vs := {[v.rule, v.path, v.message] | some v in secrets.deny} with input as builders.judged(o, {})
	vs == {
		["GATE-K8S-124", "/data", "2 values in plain sight: a/b, c"],
		["GATE-K8S-124", "/stringData", "1 value in plain sight: c"],
	}
}

test_a_secret_of_any_type_and_version_is_denied if {
	every type in ["Opaque", "kubernetes.io/tls", "helm.sh/release.v1", "kubernetes.io/service-account-token", null] {
		"GATE-K8S-124" in _ids(_secret({"type": type, "data": {"a": "aGk="}}))
	}
	every version in [null, "", "v2"] {
		_ids(object.union(_secret({"data": {"a": "aGk="}}), {"apiVersion": version})) == {"GATE-K8S-124"}
	}
}

test_the_value_is_never_in_the_message if {
	every o in [
		_secret({"data": {"a": "aHVudGVyMg=="}, "stringData": {"b": "hunter2"}}),
		_map({"password": "hunter2"}),
		builders.running({"args": ["--password=hunter2"]}),
	] {
		vs := secrets.deny with input as builders.judged(o, {})
		count(vs) > 0
		every v in vs {
			not regex.match("hunter2|aHVudGVyMg", sprintf("%v", [v]))
		}
	}
}

_sops := "ENC[AES256_GCM,data:Zm9v,iv:YQ==,tag:Yg==,type:str]"

test_an_encrypted_empty_or_referring_secret_passes if {
	every value in [_sops, "${DB_PASSWORD}", "<path:kv/data/db#password>", "<password>", "ref+vault://kv/db#p", "vault:kv/db#p", "$(PASSWORD)"] {
		_ids(_secret({"stringData": {"a": value}})) == set()
		_ids(_secret({"data": {"a": base64.encode(value)}})) == set()
	}
	_ids(_secret({"data": {"a": _sops}})) == set()
	_ids(_secret({})) == set()
	_ids(_secret({"data": null, "stringData": {}})) == set()
	_ids({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "spec": {"encryptedData": {"a": "x"}}}) == set()
}

test_a_value_that_only_begins_like_a_reference_is_denied if {
	every value in ["ENC[hunter2", "ENC[AES256_GCM,data:x]", "${A}hunter2", "<p> hunter2 <q>", "vault:hunter2", "$ecret", 7, {"a": 1}] {
		_ids(_secret({"stringData": {"a": value}})) == {"GATE-K8S-124"}
	}
}

test_a_token_without_an_end_is_warned_of if {
	_ids(_secret({"type": "kubernetes.io/service-account-token"})) == {"GATE-K8S-216"}
	_ids(_secret({"type": "Opaque"})) == set()
}

test_a_projected_token_that_lives_long_is_warned_of if {
	every kind in builders.kinds {
		_ids(builders.workload(kind, _projecting(86401))) == {"GATE-K8S-217"}
	}
	_ids(_projecting(86400)) == set()
	_ids(_projecting(null)) == set()
	v := lib.only(secrets.warn) with input as builders.judged(_projecting(90000), {})
	v.path == "/spec/volumes/0/projected/sources/0/serviceAccountToken/expirationSeconds"
}

test_the_setting_says_how_long_a_token_may_live if {
	lib.rules(secrets.warn) == {"GATE-K8S-217"} with input as builders.judged(_projecting(7200), {"kubernetes": {"token_max_s": 3600}})
	lib.rules(secrets.warn) == {"GATE-K8S-217"} with input as builders.judged(_projecting(600), {"kubernetes": {"token_max_s": "x"}})
	lib.rules(secrets.warn) == set() with input as builders.judged(_projecting(90000), {"kubernetes": {"token_max_s": null}})
}

test_a_config_map_with_a_credential_is_denied if {
	every data_ in [
		{"key.pem": "-----BEGIN RSA PRIVATE KEY-----\nx"}, {"db.password": "hunter2"}, {"API_KEY": "abc"},
		{"github-token": "x"}, {"x": "-----BEGIN PRIVATE KEY-----"}, {"dbPassword": "a"}, {"id_rsa": "-----BEGIN OPENSSH PRIVATE KEY-----"},
		{"password": 12345},
	] {
		_ids(_map(data_)) == {"GATE-K8S-125"}
	}
	every value in [_key, concat("", ["token: ghp_", _36]), concat("", ["AKIA", "ABCDEFGHIJKLMNOP"]), concat("", ["xox", "b-0123456789ab"])] {
		_ids(_map({"a": value})) == {"GATE-K8S-125"}
		_ids(object.union(_map(null), {"binaryData": {"a": base64.encode(value)}})) == {"GATE-K8S-125"}
	}
}

test_a_config_map_without_one_passes if {
	every data_ in [{"ca.crt": "-----BEGIN CERTIFICATE-----"}, {"password": ""}, {"token": "true"}, {"token": "${TOKEN}"}, {"tokenizer": "x"}, {"a": "ghp_short"}, {"a": 1}, {"a": null}] {
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
	every arguments in [
		["--password", "hunter2"], ["-token=abc"], ["--API_KEY=abc"], ["--client-secret", "abc"],
		["-c", "exec app --password=hunter2 --config-file=/x"], ["-c", "app --token 'abc'"], ["sh -c 'app --password=a'"],
	] {
		_ids(builders.running({"args": arguments})) == {"GATE-K8S-127"}
		_ids(builders.running({"command": arguments})) == {"GATE-K8S-127"}
	}
}

test_an_argument_that_only_speaks_of_one_passes if {
	every arguments in [
		["--password-file=/x"], ["--token=$(TOKEN)"], ["--token-ttl=3"], ["--password"], ["password=x"],
		["--password", "--verbose"], ["--password", "$(PASSWORD)"], ["--private-key=/etc/key.pem"], ["--tls-secret=web-tls"],
		["--require-token=true"], ["-c", "app --token \"${TOKEN}\""], ["--tokens=5"], [], null,
	] {
		_ids(builders.running({"args": arguments})) == set()
	}
}

test_the_violation_points_at_the_argument if {
	v := lib.only(secrets.deny) with input as builders.judged(builders.running({"args": ["--token", "abc"]}), {})
	v.path == "/spec/containers/0/args/1"
}

_projecting(seconds) := builders.pod({"volumes": [{
	"name": "token",
	"projected": {"sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": seconds}}]},
}]})

_36 := "0123456789abcdefghijABCDEFGHIJ012345"

# Put together here, so that no scanner takes this file for a key.
_key := concat("", ["-----BEGIN ", "RSA PRIVATE", " KEY-----\nMII"])

_secret(fields) := object.union({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}, fields)

_map(data_) := {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data_}

_ids(o) := ids if {
	ids := {v.rule | some v in secrets.deny | secrets.warn} with input as builders.judged(o, {})
}
