#!/usr/bin/env bash
# Logs in at a real OpenID provider, which it starts.
set -euo pipefail
penstock=$(realpath "$1")
cd "$(dirname "$0")"
if ! command -v npm >/dev/null; then
  . ../../deploy/setup.sh
  ensure_packages nodejs npm
fi
[ -d node_modules/oidc-provider ] || npm ci --no-audit --no-fund --loglevel=error
node login_test.mjs "$penstock"
