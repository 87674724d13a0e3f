# What a person and CI call. A fresh machine needs Python 3.11+ and make, nothing else:
#
#   make run     set up everything, then decide about examples/webshop twice: once no, once yes
#   make test    set up everything, then every test
#   make e2e     a real Kubernetes API server in front of gate; builds it once, in about ten minutes
#   make lint    formats, types, layers, for Python and Go
#   make dev     only set up, for work on the code (a second time it takes no time)
#   make wheels  dist/: gate, and gate-opa for every platform
#   make image   the container image
#   make lock    requirements/*.txt anew; make lock UPGRADE=--upgrade takes newer versions
#
#   make evidence   faults by the thousand, in hours
#   make bench   figures beside their bars (bench/README.md)
#
# make test UPDATE=1 writes golden files; make test PYTEST="-k waiver" narrows.

.DEFAULT_GOAL := dev
.PHONY: run test e2e evidence bench lint dev venv wheels image lock engine-test policy-test clean
.NOTPARALLEL:
.SUFFIXES:

BIN := .venv/bin

# .venv's own Python once there is one, else the first on PATH that is new enough; PYTHON=… names one.
PYTHONS = $(or $(PYTHON),$(BIN)/python python3 python3.14 python3.13 python3.12 python3.11)
NEW_ENOUGH = import sys; sys.exit(sys.version_info < (3, 11))
FOUND = $(shell for python in $(PYTHONS); do "$$python" -c '$(NEW_ENOUGH)' 2>/dev/null && echo "$$python" && break; done)
SET_UP = $(or $(FOUND),$(error no Python 3.11 or later (looked for $(PYTHONS)); install one, or say make PYTHON=…)) tools/setup.py

# Set-up puts a Go into .venv only where PATH has none that is new enough.
GO = $(shell test -x $(BIN)/go && echo $(CURDIR)/$(BIN)/go || echo go)
export CGO_ENABLED := 0
export GOTOOLCHAIN := local

PYTEST ?=
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64

run: venv
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/webshop/run.sh

# pytest closes: whoever reads the last lines reads its count.
test: dev engine-test policy-test
	$(BIN)/pytest -n auto --dist loadgroup --ignore tests/e2e $(PYTEST)

e2e: dev
	$(BIN)/pytest tests/e2e $(PYTEST)

engine-test: venv
	cd engine && $(GO) test ./...

# Through our own engine, so that rules are tested by what runs them.
policy-test: venv
	$(BIN)/gate policy test --python policies

# Hours: kills, cut commits and made-up requests by the thousand (docs/operations.md).
evidence: dev
	GATE_KILLS=250 GATE_CUTS=1000 GATE_EXAMPLES=1000 $(BIN)/pytest tests/service/test_faults.py tests/service/test_schemathesis.py $(PYTEST)

bench: dev
	$(BIN)/python -m bench

lint: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@cd engine && unformatted=$$("$$($(GO) env GOROOT)/bin/gofmt" -l .) && \
	  if [ -n "$$unformatted" ]; then echo "gofmt would change: $$unformatted"; exit 1; fi
	cd engine && $(GO) vet ./...
	cd engine && $(GO) tool -modfile=../tools/staticcheck/go.mod staticcheck ./...

venv:
	@$(SET_UP) default build

dev:
	@$(SET_UP) default build dev

wheels: venv
	rm -rf dist
	$(BIN)/python -m hatchling build --target wheel --directory dist
	for platform in $(PLATFORMS); do (cd engine && GOOS=$${platform%/*} GOARCH=$${platform#*/} \
	  ../$(BIN)/python -m hatchling build --target wheel --directory ../dist) || exit 1; done

image:
	$${CONTAINER_ENGINE:-docker} build --file Containerfile --tag gate .

# Universal: one list for every platform and Python. An index is the machine's business, never the list's.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --only-binary :all: \
	--no-header --no-emit-index-url $(UPGRADE)
lock:
	@$(SET_UP) default build lock
	$(LOCK) pyproject.toml --output-file requirements/default.txt
	$(LOCK) --group build --constraint requirements/default.txt --output-file requirements/build.txt
	$(LOCK) pyproject.toml --extra server --extra postgres --extra otel --constraint requirements/default.txt \
	  --output-file requirements/server.txt
	$(LOCK) pyproject.toml --all-extras --group dev --constraint requirements/server.txt \
	  --constraint requirements/build.txt --output-file requirements/dev.txt
	$(LOCK) --group go --output-file requirements/go.txt
	$(LOCK) --group lock --output-file requirements/lock.txt
	cd tools/staticcheck && $(GO) mod tidy

clean:
	rm -rf dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
