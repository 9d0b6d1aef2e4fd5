#!/usr/bin/env bash
# Starts a server, fetches its OpenAPI document as a user would, and lints it.
set -euo pipefail
penstock=$(realpath "$1")
cd "$(dirname "$0")"
if ! command -v npm >/dev/null; then
  . ../../deploy/setup.sh
  ensure_packages nodejs npm
fi
# npm wants a home it can write to; the lock file says what is installed.
[ -d node_modules/@redocly/cli ] || npm ci --no-audit --no-fund --loglevel=error
work=$(mktemp -d)
export HOME=$work
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$penstock" server --state "$work/state" --listen "127.0.0.1:$port" 2>"$work/log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 1 100); do
  curl -sf "http://127.0.0.1:$port/openapi.json" -o "$work/openapi.json" && break
  sleep 0.1
done
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
node_modules/.bin/redocly lint --config redocly.yaml --format=stylish "$work/openapi.json"
operations=$(python3 -c 'import json, sys; print(sum(len(p) for p in json.load(open(sys.argv[1]))["paths"].values()))' "$work/openapi.json")
echo "the OpenAPI document is valid: $operations operations"
