#!/usr/bin/env bash
# A tour of the command line against a server of its own: usage: tour.sh PENSTOCK_BINARY
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: tour.sh PENSTOCK_BINARY" >&2; exit 2; }
binary=$(realpath "$1")
examples=$(realpath "$(dirname "$0")/../../examples")

place=$(mktemp -d)
chmod 711 "$place"  # tasks run as another user
export HOME=$place XDG_CONFIG_HOME=$place/config
unset PENSTOCK_SERVER PENSTOCK_TOKEN
cd "$place"
dev=

penstock() { "$binary" "$@"; }
fail() { echo "FAILED: $*" >&2; [ -f dev.log ] && tail -20 dev.log >&2; exit 1; }
say() { echo "-- $*"; }

# The shims and tasks of this tour: their state directory stands in the shims' arguments.
shims() { pgrep -f "^[^ ]+ shim $place/" || true; }
tasks() { local shim; for shim in $(shims); do pgrep -P "$shim" || true; done; }
leave() {
  local status=$?
  [ -z "$dev" ] || kill -9 "$dev" 2>/dev/null || true
  local pid
  for pid in $(tasks) $(shims); do kill -9 "$pid" 2>/dev/null || true; done
  [ -z "$dev" ] || wait "$dev" 2>/dev/null || true
  rm -rf "$place"
  [ "$status" -eq 0 ] || echo "the tour ended with status $status" >&2
}
trap leave EXIT

# until_true SECONDS COMMAND…
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || fail "timed out: $*"
    sleep 0.1
  done
}
# expect STATUS COMMAND…: output in out and err.
expect() {
  local wanted=$1 got=0
  shift
  "$@" >out 2>err </dev/null || got=$?
  [ "$got" -eq "$wanted" ] || { cat out err >&2; fail "exit $got instead of $wanted: $*"; }
}
job_field() { penstock get jobs "$1" -o json | python3 -c 'import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1].split("."): value = value[int(key)] if key.isdigit() else value.get(key)
print(value)' "$2"; }
in_phase() { [ "$(job_field "$1" status.phase)" = "$2" ]; }

port=$(python3 -c 'import socket
with socket.socket() as s: s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
start_dev() {
  "$binary" dev --state "$place/state" --listen "127.0.0.1:$port" 2>>dev.log &  # its pid is killed below
  dev=$!
  until_true 30 ready
}
ready() { kill -0 "$dev" && [ "$(penstock whoami -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["role"])')" = operator ]; }

say "a server and an agent in one process"
start_dev

say "both examples"
for example in workstation loughton; do
  expect 0 penstock apply --dry-run -f "$examples/$example/site.yaml" -f "$examples/$example/tenancy.yaml"
  expect 1 penstock describe site "$example"
  expect 0 penstock apply --yes -f "$examples/$example/site.yaml" -f "$examples/$example/tenancy.yaml"
  grep -q "added *Site $example" out || fail "no site $example in the plan"
  expect 0 penstock describe site "$example"
done
expect 0 penstock apply --yes -f "$examples/loughton/site.yaml"
grep -q unchanged out || fail "the same site again is no change"
expect 0 penstock top
grep -q 23,040 out || fail "top does not show the GPUs of Loughton"

say "what an estate claims is checked, and what it can never be is told"
sed 's/from: "busway-{hall}-{row}-b"/from: "busway-{hall}-{row}-a"/' "$examples/loughton/site.yaml" >lie.yaml
expect 1 penstock apply --dry-run -f lie.yaml
grep -q 'spec.halls\[0\].rows\[0\].racks\[0\].redundancy: .*claims 2n' err || { cat err >&2; fail "a false claim is not refused with its path"; }
sed 's/50MW/20MW/g; s/90MW, confidence/30MW, confidence/' "$examples/loughton/site.yaml" >short.yaml
for how in --dry-run --yes; do
  expect 0 penstock apply $how -f short.yaml
  grep -q '^warning: .*short.yaml:.*spec.grid: .*all racks together can never be full' err || { cat err >&2; fail "no warning of too little power"; }
done
expect 0 penstock apply --yes -o json -f "$examples/loughton/site.yaml"
grep -q '"warnings"' out && fail "a warning where all is well"

say "what other programs know of an estate, and want to know"
expect 0 penstock export slurm-topology --site loughton
mv out from-server
expect 0 penstock export slurm-topology -f "$examples/loughton"
cmp out from-server || fail "the server and the files tell two fabrics"
expect 0 penstock export node-labels --site loughton -o json
grep -q 'accelerator.topograph.run/domain' out || fail "no labels of the fabric"
expect 0 penstock import netbox --dir "$examples/../tests/exchange/netbox" --out estate.yaml --report report.json
grep -q "its country is not known" err || fail "the import does not tell what it left out"
expect 0 penstock apply --dry-run -f estate.yaml
expect 2 penstock import netbox

say "the hello job"
expect 0 penstock submit -f "$examples/workstation/hello-job.yaml" --follow
grep -q 148933 out || fail "the job did not count the primes"
expect 0 penstock describe job local/demo/hello
grep -Eq '^Cost +[0-9.]+ USD' out || fail "describe shows no cost"
grep -Eq '^Watts +[0-9.]+k?W demand' out || fail "describe shows no watts"
expect 0 penstock logs local/demo/hello --rank 1
grep -q 'rank 1 of 2' out || fail "no log of rank 1"

say "running work survives a kill of the server and the agent"
cat >sleeper.yaml <<'YAML'
apiVersion: penstock/v1
kind: Job
metadata: {name: local/demo/sleeper}
spec:
  groups:
  - {name: main, replicas: 2, gpus: 1, command: [sleep, "600"]}
  stopGrace: PT2S
YAML
expect 0 penstock submit -f sleeper.yaml
until_true 20 in_phase local/demo/sleeper running
before=$(for rank in 0 1; do job_field local/demo/sleeper "status.tasks.$rank.pid"; job_field local/demo/sleeper "status.tasks.$rank.startTicks"; done)
really() {
  local rank pid
  for rank in 0 1; do
    pid=$(job_field local/demo/sleeper "status.tasks.$rank.pid")
    [ "$(awk '{print $22}' "/proc/$pid/stat")" = "$(job_field local/demo/sleeper "status.tasks.$rank.startTicks")" ] || return 1
  done
}
really || fail "the tasks that are shown are not those that run"
kill -9 "$dev"
wait "$dev" 2>/dev/null || true
start_dev
until_true 20 in_phase local/demo/sleeper running
sleep 1  # one sync
in_phase local/demo/sleeper running || fail "the job did not stay"
after=$(for rank in 0 1; do job_field local/demo/sleeper "status.tasks.$rank.pid"; job_field local/demo/sleeper "status.tasks.$rank.startTicks"; done)
[ "$before" = "$after" ] || fail "other processes than before the kill: $before / $after"
[ "$(job_field local/demo/sleeper status.attempt)" = 1 ] || fail "the job was started again"
really || fail "the tasks did not survive"
expect 0 penstock cancel local/demo/sleeper --wait
in_phase local/demo/sleeper cancelled || fail "the job was not cancelled"
for pid in $(echo "$before" | sed -n '1p;3p'); do
  [ ! -e "/proc/$pid" ] || fail "process $pid outlives its job"
done

say "wrong input is refused with its place, and nothing of it is kept"
cat >good-then-bad.yaml <<'YAML'
apiVersion: penstock/v1
kind: Tenant
metadata: {name: half}
spec: {displayName: Half}
---
apiVersion: penstock/v1
kind: Project
metadata: {name: half/way}
spec:
  quota:
    gpus: many
YAML
printf 'apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: half}\nspec: {displayname: Typo}\n' >typo.yaml
printf 'apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: "Not A Label"}\nspec: {}\n' >name.yaml
printf 'apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: half}\nspec: {\n' >syntax.yaml
printf 'apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: half}\nspec: {}\n---\napiVersion: penstock/v1\nkind: Contract\nmetadata: {name: half/c}\nspec: {class: spot, sites: [nowhere], pricePerGpuHour: 1 USD}\n' >reference.yaml
place_is() { grep -Eq "$1" err || { cat err >&2; fail "no $1 on stderr"; }; }
expect 1 penstock apply --yes -f good-then-bad.yaml; place_is 'good-then-bad\.yaml:11:[0-9]+: spec\.quota\.gpus: '
expect 1 penstock apply --yes -f typo.yaml;          place_is 'typo\.yaml:4:[0-9]+: spec\.displayname: '
expect 1 penstock apply --yes -f name.yaml;          place_is 'name\.yaml:3:[0-9]+: metadata\.name: '
expect 1 penstock apply --yes -f syntax.yaml;        place_is 'syntax\.yaml:[0-9]+:[0-9]+: '
expect 1 penstock apply --yes -f reference.yaml;     place_is 'reference\.yaml:[0-9]+:[0-9]+: spec\.sites'
expect 1 penstock apply --yes -f absent.yaml;        place_is 'absent\.yaml'
expect 1 penstock describe tenant half
cat >two-jobs.yaml <<'YAML'
apiVersion: penstock/v1
kind: Job
metadata: {name: local/demo/fine}
spec: {groups: [{name: main, replicas: 1, gpus: 1, command: ["true"]}]}
---
apiVersion: penstock/v1
kind: Job
metadata: {name: local/demo/wrong}
spec: {groups: [{name: main, replicas: 0, gpus: 1, command: ["true"]}]}
YAML
expect 1 penstock submit -f two-jobs.yaml; place_is 'two-jobs\.yaml:9:[0-9]+: spec\.groups\[0\]\.replicas: '
expect 1 penstock describe job local/demo/fine
expect 1 penstock --token nonsense get jobs

say "the checker: the log of this tour is proved"
expect 0 penstock verify
grep -q '^proved' out

say "usage"
expect 2 penstock
expect 2 penstock nonsense
expect 2 penstock get
expect 2 penstock apply
expect 2 penstock get jobs --limit none
expect 0 penstock --version
expect 2 penstock server --state unused --tls-cert cert.pem
expect 2 penstock server --state unused --listen nowhere
[ ! -e unused ] || fail "a misused command left something behind"
expect 0 penstock completion
bash -n out || fail "the completion script is no bash"
expect 0 penstock completion zsh
expect 0 penstock completion fish

say "the end"
kill "$dev"
status=0
wait "$dev" || status=$?
dev=
[ "$status" -eq 0 ] || fail "the server ended with status $status"
[ -z "$(shims)" ] || fail "shims are left: $(shims)"
echo "tour passed"
