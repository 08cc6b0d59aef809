#!/usr/bin/env bash
# Prints the path of a Chromium for the browser tests, installing one by apt where it is missing and we may.
# Without one: fails where CI is set, so that CI never passes by skipping; elsewhere prints nothing and the tests skip.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=.ci/common.sh
source .ci/common.sh

# Run each candidate: Ubuntu's chromium package may be a stub that asks for a snap.
find_browser() {
  local candidate path
  for candidate in "${FLOODSCOPE_BROWSER:-}" chromium-headless-shell chromium /usr/bin/chromium chromium-browser google-chrome google-chrome-stable; do
    path="$(command -v "${candidate:-none}" 2>/dev/null)" || continue
    if "$path" --version </dev/null >/dev/null 2>&1; then
      echo "$path"
      return
    fi
  done
  return 1
}

find_browser && exit
if may_apt; then
  say "no Chromium was found: installing it by apt"
  # The same engine without windows: it takes a tenth less of the processor, and is quicker to install.
  apt_install chromium-headless-shell || apt_install chromium || true
  find_browser && exit
fi
message="no Chromium was found, so the browser tests cannot run: apt install chromium, or name one:"
message="$message FLOODSCOPE_BROWSER=/path/to/chrome make test"
[ -z "${CI:-}" ] || die "$message"
say "$message (they are skipped)"
