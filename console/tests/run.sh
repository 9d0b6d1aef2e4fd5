#!/usr/bin/env bash
# Builds the console and holds it against a server, in Debian's Chromium. Pictures and traces are left in build/console-tests.
set -euo pipefail
penstock=$(realpath "$1")
cd "$(dirname "$0")/../.."
. deploy/setup.sh
command -v chromium >/dev/null || ensure_packages chromium
build_console
PENSTOCK=$penstock npm --prefix console test
