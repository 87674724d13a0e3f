package policy.kubernetes.reliability.jobs_test

import data.lib.builders as lib
import data.lib.kubernetes.builders
import data.policy.kubernetes.reliability.jobs

test_a_good_job_passes if {
	_warned(_cron({})) == set()
	_warned(_job({})) == set()
	_denied(_cron({})) == set()
}

test_runs_that_may_overlap_are_warned_of if {
	every policy in ["Allow", null, "", "forbid"] {
		_warned(_cron({"concurrencyPolicy": policy})) == {"GATE-K8S-169"}
	}
	_warned(_cron({"concurrencyPolicy": "Replace"})) == set()
}

test_a_starting_deadline_below_ten_seconds_is_warned_of if {
	_warned(_cron({"startingDeadlineSeconds": 9})) == {"GATE-K8S-170"}
	_warned(_cron({"startingDeadlineSeconds": 10})) == set()
}

test_too_much_or_nothing_of_the_past_is_warned_of if {
	_warned(_cron({"failedJobsHistoryLimit": 0})) == {"GATE-K8S-171"}
	_warned(_cron({"failedJobsHistoryLimit": 21})) == {"GATE-K8S-171"}
	_warned(_cron({"successfulJobsHistoryLimit": 21})) == {"GATE-K8S-171"}
	_warned(_cron({"failedJobsHistoryLimit": 20, "successfulJobsHistoryLimit": 0})) == set()
}

test_without_settings_no_past_is_short_enough if {
	document := builders.judged(_cron({"successfulJobsHistoryLimit": 1}), {"reliability": null})
	lib.rules(jobs.warn) == {"GATE-K8S-171"} with input as document
}

test_a_job_without_a_deadline_is_warned_of if {
	_warned(_job({"activeDeadlineSeconds": null})) == {"GATE-K8S-172"}
	_warned(_cron({"jobTemplate": {"spec": {"template": builders.pod({})}}})) == {"GATE-K8S-172"}
	_warned(_job({"activeDeadlineSeconds": null, "template": builders.pod({"activeDeadlineSeconds": 60})})) == set()
}

test_a_job_that_stays_is_warned_of if {
	_warned(_job({"ttlSecondsAfterFinished": null})) == {"GATE-K8S-173"}
	_warned(_job({"ttlSecondsAfterFinished": 0})) == set()
}

test_a_suspended_job_is_warned_of if {
	every value in [true, "true", 1] {
		_warned(_job({"suspend": value})) == {"GATE-K8S-174"}
		_warned(_cron({"suspend": value})) == {"GATE-K8S-174"}
	}
	_warned(_job({"suspend": false})) == set()
}

test_what_a_controller_made_is_its_matter if {
	owned := {"metadata": {"ownerReferences": [{"kind": "CronJob"}]}}
	_warned(object.union(_job({"suspend": true, "ttlSecondsAfterFinished": null}), owned)) == set()
}

test_a_time_zone_in_the_schedule_is_denied if {
	every schedule in ["TZ=Europe/Berlin 0 0 * * *", "CRON_TZ=UTC 0 0 * * *"] {
		_denied(_cron({"schedule": schedule})) == {"GATE-K8S-175"}
	}
	_denied(_cron({"schedule": "@daily", "timeZone": "Europe/Berlin"})) == set()
}

test_other_kinds_are_not_judged if {
	spec := {
		"concurrencyPolicy": "Allow", "startingDeadlineSeconds": 1, "failedJobsHistoryLimit": 0, "suspend": true,
		"successfulJobsHistoryLimit": 99, "schedule": "TZ=UTC 0 0 * * *", "template": builders.pod({}),
	}
	every o in [
		{"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec},
		{"apiVersion": "acme.example/v1", "kind": "CronJob", "spec": spec},
		{"apiVersion": "acme.example/v1", "kind": "Job", "spec": spec},
	] {
		_warned(o) == set()
		_denied(o) == set()
	}
}

test_fields_of_another_type_are_left_to_the_rule_about_shapes if {
	_warned(_cron({"successfulJobsHistoryLimit": "99", "startingDeadlineSeconds": "1"})) == set()
	_denied(_cron({"schedule": 5})) == set()
}

test_null_is_no_limit if {
	document := builders.judged(_cron({"successfulJobsHistoryLimit": 99}), {"reliability": {"job_history_max": null}})
	said := lib.rules(jobs.warn) with input as document
	said == set()
}

_cron(changes) := {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "a"}, "spec": object.union(_cron_spec, changes)} if {
	not changes.jobTemplate
} else := {"apiVersion": "batch/v1", "kind": "CronJob", "spec": object.union(object.remove(_cron_spec, ["jobTemplate"]), changes)}

_cron_spec := {
	"concurrencyPolicy": "Forbid",
	"jobTemplate": {"spec": {"activeDeadlineSeconds": 60, "template": builders.pod({})}},
	"schedule": "@daily",
}

_job(changes) := {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}, "spec": object.union(_job_spec, changes)}

_job_spec := {"activeDeadlineSeconds": 60, "template": builders.pod({}), "ttlSecondsAfterFinished": 60}

_denied(o) := rules if rules := lib.rules(jobs.deny) with input as builders.judged(o, {})

_warned(o) := rules if rules := lib.rules(jobs.warn) with input as builders.judged(o, {})
