# METADATA
# scope: package
# title: Jobs and what starts them
# custom:
#   scope: object
#   points: [ci, admission, background]
package policy.kubernetes.reliability.jobs

import data.lib.kubernetes.objects
import data.lib.kubernetes.pods
import data.lib.settings

# METADATA
# title: Runs of a CronJob may overlap
# description: concurrencyPolicy is Allow, its default; a run that hangs is joined by the next, until nothing is left.
# custom:
#   id: GATE-K8S-169
#   severity: low
#   fix: set concurrencyPolicy to Forbid or Replace
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-169",
	"message": "concurrencyPolicy is Allow, so runs may overlap",
	"path": pods.pointer(objects.root, ["spec", "concurrencyPolicy"]),
} if {
	input.object.kind == "CronJob"
	objects.is_native
	not objects.at(["spec", "concurrencyPolicy"]) in {"Forbid", "Replace"}
}

# METADATA
# title: CronJob may miss all its runs
# description: Kubernetes looks for due CronJobs every 10 seconds; a startingDeadlineSeconds below that can miss every one.
# custom:
#   id: GATE-K8S-170
#   severity: medium
#   fix: set startingDeadlineSeconds to 10 or more; 200 leaves room for a restart of the control plane
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-170",
	"message": sprintf("startingDeadlineSeconds is %v, expected 10 or more", [seconds]),
	"path": pods.pointer(objects.root, ["spec", "startingDeadlineSeconds"]),
} if {
	input.object.kind == "CronJob"
	objects.is_native
	seconds := objects.at(["spec", "startingDeadlineSeconds"])
	is_number(seconds)
	seconds < 10
}

# METADATA
# title: CronJob keeps too much or nothing of the past
# description: >-
#   It keeps no failed Job, so nobody can read why it failed, or more finished Jobs than
#   settings.reliability.job_history_max.
# custom:
#   id: GATE-K8S-171
#   severity: low
#   fix: remove failedJobsHistoryLimit (1 is the default) and successfulJobsHistoryLimit (3), or set small numbers
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
#   frameworks: []
warn contains object.union({"rule": "GATE-K8S-171"}, problem) if some problem in _pasts

_pasts contains {
	"message": "failedJobsHistoryLimit is 0, so failures leave no trace",
	"path": pods.pointer(objects.root, ["spec", "failedJobsHistoryLimit"]),
} if {
	input.object.kind == "CronJob"
	objects.is_native
	objects.at(["spec", "failedJobsHistoryLimit"]) == 0
}

_pasts contains {
	"message": sprintf("%s is %v, more than %v", [field, number, limit]),
	"path": pods.pointer(objects.root, ["spec", field]),
} if {
	input.object.kind == "CronJob"
	objects.is_native
	limit := settings.limit("reliability.job_history_max")
	limit != null
	some field in ["failedJobsHistoryLimit", "successfulJobsHistoryLimit"]
	number := objects.at(["spec", field])
	is_number(number)
	number > limit
}

# METADATA
# title: Job without a deadline
# description: Without activeDeadlineSeconds a Job that hangs runs for ever.
# custom:
#   id: GATE-K8S-172
#   severity: low
#   fix: set activeDeadlineSeconds of the Job to a few times what it usually takes
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/job/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-172",
	"message": sprintf("the %s has no activeDeadlineSeconds", [input.object.kind]),
	"path": pods.pointer(objects.root, array.concat(_job, ["activeDeadlineSeconds"])),
} if {
	input.object.kind in {"Job", "CronJob"}
	objects.is_native
	objects.at(array.concat(_job, ["activeDeadlineSeconds"])) == null
	some pod in pods.all
	pods.at(pod, ["activeDeadlineSeconds"]) == null
}

# METADATA
# title: Finished Job stays for ever
# description: Without ttlSecondsAfterFinished the Job and its Pods stay until somebody deletes them; a CronJob deletes its own.
# custom:
#   id: GATE-K8S-173
#   severity: info
#   fix: set ttlSecondsAfterFinished
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-173",
	"message": "the Job has no ttlSecondsAfterFinished",
	"path": pods.pointer(objects.root, ["spec", "ttlSecondsAfterFinished"]),
} if {
	input.object.kind == "Job"
	objects.is_native
	objects.at(["spec", "ttlSecondsAfterFinished"]) == null
	not _has_owner
}

# METADATA
# title: Job is suspended
# description: suspend is set, so nothing runs; a suspended backup looks like a backup.
# custom:
#   id: GATE-K8S-174
#   severity: low
#   fix: remove suspend, or the object
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/job/
#   frameworks: []
warn contains {
	"rule": "GATE-K8S-174",
	"message": sprintf("the %s is suspended", [input.object.kind]),
	"path": pods.pointer(objects.root, ["spec", "suspend"]),
} if {
	input.object.kind in {"CronJob", "Job"}
	objects.is_native
	not objects.at(["spec", "suspend"]) in [false, null]
	not _has_owner
}

# METADATA
# title: Time zone in the schedule
# description: TZ= and CRON_TZ= in the schedule were never supported, and Kubernetes refuses them.
# custom:
#   id: GATE-K8S-175
#   severity: medium
#   fix: name the zone in spec.timeZone
#   docs: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
#   frameworks: []
deny contains {
	"rule": "GATE-K8S-175",
	"message": sprintf("the schedule %q names a time zone", [schedule]),
	"path": pods.pointer(objects.root, ["spec", "schedule"]),
} if {
	input.object.kind == "CronJob"
	objects.is_native
	schedule := objects.at(["spec", "schedule"])
	is_string(schedule)
	contains(schedule, "TZ")
}

# Where the spec of the Job is.
_job := ["spec", "jobTemplate", "spec"] if {
	input.object.kind == "CronJob"
} else := ["spec"]

# What a controller made is the controller's matter: it sets suspend itself, and cleans up.
_has_owner if count(pods.elements(objects.root, ["metadata", "ownerReferences"])) > 0
