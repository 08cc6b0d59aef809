#!/usr/bin/env bash
# Makes .venv: Python 3.11+, every package at the version constraints.txt pins, floodscope itself editable.
#   .ci/setup.sh      set up, or bring up to date
#   .ci/setup.sh uv   print the path of a uv, installing a private one where the machine has none
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=.ci/common.sh
source .ci/common.sh

UV_REQUIREMENT="uv==0.13.9"

is_recent_python() {
  [ -n "$1" ] && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# Run it rather than look for it: a version manager leaves names on the PATH that stand for nothing.
has_uv() {
  uv --version >/dev/null 2>&1
}

find_python() {
  local candidate managed=""
  if has_uv; then
    managed="$(uv python find --no-python-downloads '>=3.11' 2>/dev/null || true)"
  fi
  for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3 python "$managed"; do
    if is_recent_python "$candidate"; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  die "no Python 3.11 or newer was found: install one (Debian 12, Ubuntu 24.04: apt install python3 python3-venv;" \
    "elsewhere: uv python install 3.11), or name it: PYTHON=/path/to/python3.11 make test"
}

can_make_environments() {
  "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

# Print the path of a uv, or nothing where there is none and none can be installed.
find_uv() {
  local python="$1"
  if has_uv; then
    command -v uv
    return
  fi
  if ! .venv-tools/bin/uv --version >/dev/null 2>&1; then
    say "uv is not on the PATH: installing a private one in .venv-tools"
    rm -rf .venv-tools
    if can_make_environments "$python"; then
      { "$python" -m venv .venv-tools && .venv-tools/bin/python -m pip install --quiet "$UV_REQUIREMENT"; } >&2 || return 0
    else
      # Debian splits venv off python3; pip into a plain folder does without it.
      "$python" -m pip install --quiet --target .venv-tools "$UV_REQUIREMENT" >&2 || return 0
    fi
  fi
  if .venv-tools/bin/uv --version >/dev/null 2>&1; then
    echo "$PWD/.venv-tools/bin/uv"
  fi
}

make_environment() {
  local python="$1" uv="$2"
  if can_make_environments "$python"; then
    "$python" -m venv --clear .venv
  elif [ -n "$uv" ]; then
    "$uv" venv --quiet --clear --python "$python" .venv
  else
    die "$python cannot make virtual environments (it has no ensurepip): apt install python3-venv, then try again"
  fi
}

install_packages() {
  local uv="$1"
  if [ -n "$uv" ]; then
    if "$uv" pip install --python .venv/bin/python --constraint constraints.txt --editable '.[dev]'; then
      return
    fi
    say "uv could not install the packages: trying plain pip, which takes some minutes"
  else
    say "no uv here: installing with plain pip, which takes some minutes"
  fi
  .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip --upgrade >/dev/null 2>&1 ||
    die "the packages could not be installed: see uv's message above"
  .venv/bin/python -m pip install --constraint constraints.txt --editable '.[dev]'
}

python="$(find_python)"
if ! can_make_environments "$python" && ! has_uv && may_apt; then
  say "$python has no venv module: installing python3-venv"
  apt_install python3-venv || true
fi
uv="$(find_uv "$python")"
if [ "${1:-}" = uv ]; then
  [ -n "$uv" ] || die "uv could not be installed: pip install uv, then try again"
  echo "$uv"
  exit
fi
if ! is_recent_python .venv/bin/python; then
  say "making .venv with $python"
  make_environment "$python" "$uv"
fi
install_packages "$uv"
