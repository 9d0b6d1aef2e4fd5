#!/usr/bin/env bash
# The same scenario gives the same log and the same report, byte for byte, from two builds: two_builds.sh PENSTOCK OTHER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
run() { "$1" simulate "$here/two_builds.yaml" --log "$out/$2.log" -o json | sed -E 's/"(wallMs|memoryMiB)": *[0-9]+//g' > "$out/$2.json"; }
run "$1" first
run "$2" second
[ -s "$out/first.log" ]
cmp "$out/first.log" "$out/second.log"
cmp "$out/first.json" "$out/second.json"
echo "$(wc -l < "$out/first.log") events, the same from both"
