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

# build_console: the web console into build/console, where the server finds it. It needs Node 18 and npm.
build_console() {
  command -v npm >/dev/null || ensure_packages nodejs npm || return 1
  # What is built stands as long as nothing has changed.
  if [ -f build/console/index.html ] &&
     [ -z "$(find console -name node_modules -prune -o -type f -newer build/console/index.html -print -quit)" ]; then
    return 0
  fi
  local log home
  log=$(mktemp)
  home=$(mktemp -d)  # npm wants a home it can write to
  local failed=0
  if [ ! -d console/node_modules ] || [ console/package-lock.json -nt console/node_modules ]; then
    HOME=$home npm --prefix console ci --ignore-scripts --no-audit --no-fund --loglevel=error >"$log" 2>&1 || failed=1
  fi
  [ "$failed" -ne 0 ] || HOME=$home npm --prefix console run build >"$log" 2>&1 || failed=1
  [ "$failed" -eq 0 ] || tail -30 "$log" >&2
  sed -n '/^scripts:/p' "$log"
  rm -rf "$log" "$home"
  return "$failed"
}
