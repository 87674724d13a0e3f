# What is looked at without its place hides nothing that a place would show.
package lib.kubernetes.pods_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.lib.kubernetes.pods
import data.policy.kubernetes.pod_security.baseline.privileges
import data.policy.kubernetes.pod_security.restricted.confinement
import data.policy.kubernetes.pod_security.restricted.users
import data.policy.kubernetes.reliability.names
import data.policy.kubernetes.reliability.volumes

test_what_is_absent_or_no_object_is_a_part_too if {
	o := _pod([{"name": "a"}, {"name": "b", "securityContext": null}, {"name": "c", "securityContext": []}])
	pods.contexts == {{"securityContext": null}, {"securityContext": []}} with input as builders.judged(o, {})
	pods.parts({"securityContext"}) == {{}, {"securityContext": null}, {"securityContext": []}} with input as builders.judged(o, {})
	violations := users.deny with input as builders.judged(o, {})
	{"/spec/containers/0", "/spec/containers/1/securityContext", "/spec/containers/2/securityContext"} == {v.path | some v in violations; v.rule == "GATE-PSS-101"}
}

test_one_bad_container_of_many_that_are_alike_is_found_and_each_of_two if {
	good := {"privileged": false}
	bad := {"privileged": true}
	o := _pod([{"securityContext": good}, {"securityContext": bad}, {"securityContext": good}, {"securityContext": bad}])
	violations := privileges.deny with input as builders.judged(o, {})
	{"/spec/containers/1/securityContext/privileged", "/spec/containers/3/securityContext/privileged"} == {v.path | some v in violations}
}

test_lists_that_are_objects_are_looked_into if {
	o := {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": {"a": {"securityContext": {"privileged": true}}}}}
	violations := privileges.deny with input as builders.judged(o, {})
	{"/spec/containers/a/securityContext/privileged"} == {v.path | some v in violations}
}

test_one_pod_of_two_cannot_answer_for_the_other if {
	context := {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}}
	o := _two({"securityContext": context}, {})
	of_users := users.deny with input as builders.judged(o, {})
	of_confinement := confinement.deny with input as builders.judged(o, {})
	{"/spec/b/containers/0"} == {v.path | some v in of_users; v.rule == "GATE-PSS-102"}
	{"/spec/b/containers/0"} == {v.path | some v in of_confinement; v.rule == "GATE-PSS-105"}
}

test_a_volume_of_another_pod_is_none_of_this_one if {
	mounting := {"name": "a", "image": "a", "volumeMounts": [{"name": "x"}]}
	o := _two({"volumes": [{"name": "x"}], "containers": [mounting]}, {"containers": [mounting]})
	v := lib.only(volumes.deny) with input as builders.judged(o, {})
	v.rule == "GATE-K8S-150"
	v.path == "/spec/b/containers/0/volumeMounts/0/name"
}

test_containers_of_two_pods_may_share_a_name_and_those_of_one_may_not if {
	names.deny == set() with input as builders.judged(_two({}, {}), {})
	twice := [{"name": "a", "image": "a"}, {"name": "a", "image": "a"}]
	v := lib.only(names.deny) with input as builders.judged(_two({}, {"containers": twice}), {})
	v.path == "/spec/b"
}

_pod(containers) := {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": containers}}

# A custom resource with two pods.
_two(a, b) := {
	"apiVersion": "acme.example/v1",
	"kind": "Pair",
	"spec": {"a": object.union(_spec, a), "b": object.union(_spec, b)},
}

_spec := {"containers": [{"name": "a", "image": "a"}]}
