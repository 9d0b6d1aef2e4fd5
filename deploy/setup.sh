# Shared by ./run and ./test: installs the Debian packages that are missing, and builds.

readonly BUILD_PACKAGES=(
  ca-certificates ccache clang-19 cmake curl libboost-json1.81-dev libboost1.81-dev libcli11-dev
  libcurl4-openssl-dev libfmt-dev libsodium-dev libspdlog-dev libsqlite3-dev libssl-dev libxxhash-dev libyaml-cpp-dev
  mold ninja-build pkg-config prometheus-cpp-dev python3-minimal
)
readonly TEST_PACKAGES=(
  libgtest-dev librapidcheck-dev openssl procps sqlite3
)
readonly SANITIZER_PACKAGES=(libclang-rt-19-dev llvm-19)

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }

# Installs what is missing of the packages named, or prints the one line that would.
ensure_packages() {
  local missing=()
  local package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ "${#missing[@]}" -eq 0 ] && return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      echo "These Debian packages are missing. Install them and start again:" >&2
      echo "  sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo -n)
  fi
  say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  local log
  log=$(mktemp)
  if ! { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update &&
         "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -20 "$log" >&2
    echo "The packages could not be installed; see above." >&2
    return 1
  fi
  rm -f "$log"
}

# Compiled objects are found again in other checkouts of the same code.
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1

# build PRESET [cmake options --] TARGETS…: quiet but for ninja's one line of progress, loud on failure.
build() {
  local preset=$1
  shift
  local options=()
  while [ "${1:-}" != "--" ]; do
    options+=("$1")
    shift
  done
  shift
  cmake --preset "$preset" "${options[@]}" >"/tmp/penstock-cmake-$$.log" 2>&1 || {
    cat "/tmp/penstock-cmake-$$.log" >&2
    rm -f "/tmp/penstock-cmake-$$.log"
    return 1
  }
  rm -f "/tmp/penstock-cmake-$$.log"
  ninja -C "build/$preset" "$@"
}
