#!/bin/sh
# Asks gate about the same small shop twice: once flawed, once mended.
# Exit code 0 if the answers were no (1) and yes (0). GATE=PROGRAM asks another gate.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
gate=${GATE:-$here/../../.venv/bin/gate}
case $gate in /*) ;; */*) gate=$PWD/$gate ;; esac
command -v "$gate" >/dev/null || { echo "no gate at $gate; run 'make run' in the repository first" >&2; exit 2; }
wrong=0

# STATE EXPECTED WHY. `--ci none`: in a pipeline gate would take gate.yaml from the base commit.
judge() {
  printf '\n== %s: exit code %s expected, because %s\n' "$1" "$2" "$3"
  printf '$ cd examples/webshop/%s && gate check --environment staging\n\n' "$1"
  code=0
  (cd "$here/$1" && "$gate" check --environment staging --ci none) || code=$?
  if [ "$code" != "$2" ]; then
    echo "$1: exit code $code, expected $2" >&2
    wrong=1
  fi
}

judge flawed 1 'its code, its dependencies and its manifests have known flaws'
judge fixed 0 'the same tools find nothing more, and all required evidence is there'
exit "$wrong"
