#!/usr/bin/env bash
# Puts the tools that check assets/ into .venv/page, at the versions package.json pins. Node itself is a package of .venv.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=.ci/common.sh
source .ci/common.sh

mkdir -p .venv/page
cp package.json .venv/page/
PATH="$PWD/.venv/bin:$PATH" .venv/bin/npm install --prefix .venv/page --no-package-lock --no-audit --no-fund --no-update-notifier \
  --loglevel=error </dev/null >&2 || die "the tools of package.json could not be installed: see npm's message above"
