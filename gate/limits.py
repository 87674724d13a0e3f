"""Every bound of gate, with its unit and its source. A number that bounds something stands here."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

REPORT_BYTES: Final = 1 * GIB
"""Largest report read (KUBERNETES.md 4.3: report upload 1 GiB)."""
REPORT_GZIP_RATIO: Final = 100
"""Most bytes one compressed byte may give (THREATS.md B2)."""
STORED_BYTES: Final = 1 * MIB
"""From here on a JSON report is read piece by piece, not held: 10,000 findings have 3.6 MB (docs/adr/0020)."""
STORED_PACKED_BYTES: Final = 8 * KIB
"""Smaller files are not looked at for that: packed with 100 to 1 they give less."""
FINDINGS: Final = 300_000
"""Most findings a decision holds: one takes the engine 5 KB of its `ENGINE_MEMORY_MIB` (103,321 took 471 MiB, docs/adr/0020)."""
REPORTS: Final = 200_000
"""Most files one check reads."""
JSON_DEPTH: Final = 100
"""Nested arrays and objects in a report (the reader's own bound is 200)."""
XML_DEPTH: Final = 100
XML_NODES: Final = 5_000_000
YAML_BYTES: Final = 10 * MIB
"""One document; KUBERNETES.md 4.3, as the next three."""
YAML_DEPTH: Final = 100
YAML_ALIASES: Final = 1_000
YAML_NODES: Final = 1_000_000
"""Counted with aliases expanded."""
MANIFEST_BYTES: Final = 128 * MIB
"""A stream of manifests: a whole cluster's, 100,000 Deployments take 86 MiB (docs/adr/0012)."""
MANIFEST_DOCUMENTS: Final = 200_000
MANIFEST_RATE: Final = 128 * KIB
"""Bytes of manifests a second (a quiet machine reads 4 MiB, of small documents 1), beyond `EVALUATION_TIMEOUT_S`, below which reading them is given up."""
CONFIG_BYTES: Final = 1 * MIB
"""gate.yaml, waivers and baseline files; a baseline of 20,000 fingerprints has about 0.9 MiB."""
BASELINE_BYTES: Final = 64 * MIB
POLICY_BYTES: Final = 1 * MIB
"""One Rego module (KUBERNETES.md 4.3)."""
POLICY_FILES: Final = 5_000
EVALUATION_TIMEOUT_S: Final = 10.0
"""Default of `limits.evaluation_timeout` in CI; admission has its own budget (KUBERNETES.md 4.3)."""
ENGINE_MEMORY_MIB: Final = 2_048
"""Memory of one gate-opa child before it ends itself."""
VIOLATIONS: Final = 100_000
"""Most violations one evaluation may give; more is an error, never a cut list."""
MESSAGE_CHARACTERS: Final = 4_096
"""Longest message or remedy of a rule kept; longer ones are cut with an ellipsis."""
DECISION_DAYS: Final = 7
"""How long a decision counts (THREATS.md G3)."""
PYTHON_POLICY_MIB: Final = 512
"""Address space of the process that runs Python policies."""
REVIEW_BYTES: Final = 8 * MIB
"""Largest AdmissionReview: object and oldObject, each up to about 3 MiB (KUBERNETES.md 4.3)."""
WARNINGS: Final = 12
"""Most warnings in one answer: with `WARNING_CHARACTERS` they stay below a third of what all webhooks share."""
WARNING_CHARACTERS: Final = 120
"""Longest warning; the API server's own advice (k8s.io/api, admission/v1/types.go)."""
ADMISSION_TIMEOUT_S: Final = 4.5
"""Budget of a review that does not say how long it may take (KUBERNETES.md 4.1)."""
ADMISSION_MARGIN_S: Final = 0.5
"""How long before the API server's own deadline the answer is given."""
BREAK_GLASS_HOURS: Final = 4
"""Longest time for which two persons may let a namespace take what the gate denies (SUPPLY_CHAIN.md 5.1)."""
INVENTORY_BYTES: Final = 8 * MIB
"""What an informer holds for `data.inventory`; all of it goes to the engine with each review that looks at it (3 MiB, 10,000 Ingresses, took 0.8 s; docs/cluster.md)."""
SERVICE_BODY_BYTES: Final = 10 * MIB
"""One JSON request to the service (KUBERNETES.md 4.3)."""
SERVICE_UPLOAD_BYTES: Final = 256 * MIB
"""All reports of one request to the service: they are judged in memory."""
SERVICE_AT_ONCE_BYTES: Final = 5 * MIB
"""Reports decided about while the client waits, where it does not say that it would (PRODUCT.md d)."""
SERVICE_FILES: Final = 1_000
"""Reports in one request."""
SERVICE_KNOWN_BYTES: Final = 32 * MIB
"""Reports whose reading is remembered; what they become takes about ten times as much memory."""
SERVICE_KNOWN_FROM_BYTES: Final = 64 * KIB
"""Smaller ones are read sooner than they are looked up."""
SERVICE_IN_FLIGHT: Final = 256
"""Requests worked on at once; more are told to come back (THREATS.md I6)."""
SERVICE_RECEIVE_S: Final = 30.0
"""How long a body may take to arrive, plus a second for every `SERVICE_RECEIVE_RATE` bytes (THREATS.md I1)."""
SERVICE_RECEIVE_RATE: Final = 10 * KIB
"""Bytes a second below which a client is too slow."""
SERVICE_GRACE_S: Final = 25
"""How long a stopping service finishes what it has begun (THREATS.md I9)."""
