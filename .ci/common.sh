# Shared by the set-up scripts: messages, and apt where this user may use it.

say() { echo "floodscope: $*" >&2; }

die() {
  say "$*"
  exit 1
}

may_apt() {
  command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

apt_install() {
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo -n)
  {
    # One broken third-party source must not stop the rest.
    "${sudo[@]}" apt-get update -qq || true
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
  } </dev/null >&2
}
