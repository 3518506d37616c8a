# What tests/run and tests/long share: how a part is run, counted, shown and kept. Sourced at the
# root of the tree, with `build` set to the build that the parts use.
# shellcheck shell=bash disable=SC2034
root=$PWD
if [ -d "$root/../shared/data" ]; then
    SY_SHARED_DIR=$(cd "$root/../shared" && pwd)
    export SY_SHARED_DIR
fi
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
export NO_COLOR=1 SY_RELEASE_BIN=$root/build/release/switchyard
export SY_REPORT_DIR=${SY_REPORT_DIR:-$root/build/report}
logs=$root/build/test-logs
mkdir -p "$logs"
tallies=$logs/tallies.$$ # a line a part: parts may run beside each other, and count in one place
: >"$tallies"
trap 'rm -f "$tallies"' EXIT
started=$(date +%s)

say() { printf '%s\n' "$*"; }
tally() { # NAME PASSED FAILED SKIPPED
    echo "$2 $3 $4" >>"$tallies"
    printf '%-34s %6d passed %4d failed %4d skipped   %4d s\n' "$1" "$2" "$3" "$4" $(($(date +%s) - started))
}
totals() { # prints PASSED FAILED SKIPPED
    awk '{p += $1; f += $2; s += $3} END {print p + 0, f + 0, s + 0}' "$tallies"
}
# One command as one test: exit 0 passed, 77 skipped, anything else failed (and shown).
single() { # NAME COMMAND…
    local name=$1 log
    shift
    log=$logs/$(printf '%s' "$name" | tr ' /' '__').log
    "$@" >"$log" 2>&1
    case $? in
    0) tally "$name" 1 0 0 ;;
    77) tail -n 2 "$log"; tally "$name" 0 0 1 ;;
    *) tail -n 60 "$log"; tally "$name" 0 1 0 ;;
    esac
}

needs_build() { # PRESET TARGETS…
    local preset=$1 log=$logs/build-$1.log
    shift
    cmake --preset "$preset" >"$log" 2>&1 || { cat "$log"; return 1; }
    cmake --build --preset "$preset" -j "$(nproc)" ${1:+--target "$@"} >"$log" 2>&1 || { grep -E 'error|warning|FAILED|undefined' "$log" | head -40; return 1; }
}

# ctest counts programs; the test functions inside (cmocka's lines) are what is tallied.
run_ctest() { # NAME BUILD CTEST-ARGS…
    local name=$1 build=$2 log=$logs/ctest-${1// /-}.log ok bad skip programs
    shift 2
    (cd "$build" && ctest -j "$(nproc)" --timeout 600 -V "$@") >"$log" 2>&1
    local code=$?
    ok=$(grep -cE '^[0-9]+: \[ +OK \]' "$log")
    bad=$(grep -cE '^[0-9]+: \[  FAILED  \] [a-z_0-9]+$' "$log")
    skip=$(grep -cE '^[0-9]+: \[  SKIPPED \] [a-z_0-9]+$' "$log")
    programs=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#[0-9]+: .* Passed' "$log")
    [ "$ok" -gt 0 ] || ok=$programs
    if [ "$code" -ne 0 ] || [ "$bad" -gt 0 ]; then
        grep -E '\[  FAILED  \]|\[   LINE   \]|\[  ERROR   \]|ERROR: AddressSanitizer|WARNING: ThreadSanitizer|runtime error|\*\*\*(Failed|Timeout|Exception)' "$log" | head -60
        [ "$bad" -gt 0 ] || bad=1
    fi
    [ "$skip" -eq 0 ] || grep -iE '^[0-9]+: (skip|.*skipped:)' "$log" | head -20
    tally "$name" "$ok" "$bad" "$skip"
}

# A part that hangs ends after `part_seconds`, half an hour if unset, and has failed.
run_node() { # NAME FILES… (and what else node takes)
    local name=$1 log=$logs/node-${1// /-}.log
    shift
    SWITCHYARD_BIN=$build/switchyard SY_BUILD_DIR=$build timeout -k 10 "${part_seconds:-1800}" "$node" --test --test-concurrency=1 --test-reporter=tap "$@" >"$log" 2>&1
    local code=$? ok bad skip
    ok=$(sed -n 's/^# pass //p' "$log" | tail -1)
    bad=$(sed -n 's/^# fail //p' "$log" | tail -1)
    skip=$(sed -n 's/^# skipped //p' "$log" | tail -1)
    if [ "$code" -ne 0 ]; then
        grep -nE '^ *not ok' "$log" | head -40
        grep -E '^ *error: |AddressSanitizer|ThreadSanitizer|runtime error|LeakSanitizer' "$log" | head -40
        [ "${bad:-0}" -gt 0 ] || bad=1
    fi
    [ "${skip:-0}" -eq 0 ] || grep -E '# SKIP' "$log" | head -20
    sed -n 's/^ *# \\\{0,1\}#\{0,1\} *\(|.*|\)$/\1/p' "$log" # tables that a test prints
    tally "$name" "${ok:-0}" "${bad:-0}" "${skip:-0}"
}

needs_node() {
    node=$(command -v node)
    [ -f tests/node_modules/.ready ] && [ tests/package.json -ot tests/node_modules/.ready ] || {
        (cd tests && npm install --no-audit --no-fund --loglevel=error) >"$logs/npm.log" 2>&1 || { tail -n 20 "$logs/npm.log"; return 1; }
        touch tests/node_modules/.ready
    }
    if [ "$("$node" -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
        node=$root/tests/node_modules/node/bin/node
        [ -x "$node" ] || (cd tests && npm install --no-save --no-audit --no-fund node@20 >"$logs/npm-node.log" 2>&1)
    fi
}

# Every fuzz target for so many seconds; the targets are what is tallied.
run_fuzz() { # SECONDS
    local log=$logs/fuzz.log ok bad
    python3 tests/fuzz/run --seconds "$1" >"$log" 2>&1
    local code=$?
    ok=$(sed -n 's/^\([0-9]*\) passed, [0-9]* failed$/\1/p' "$log" | tail -1)
    bad=$(sed -n 's/^[0-9]* passed, \([0-9]*\) failed$/\1/p' "$log" | tail -1)
    if [ "$code" -ne 0 ]; then
        tail -n 60 "$log"
        [ "${bad:-0}" -gt 0 ] || bad=1
    fi
    tally "fuzz ($1 s a target)" "${ok:-0}" "${bad:-0}" 0
}

# A table for docs/reliability.md from lines of TAB-separated cells, the columns' names first; the
# same file that tests/integration/report.mjs writes.
keep_report() { # NAME SECTION TITLE COMMAND TEXT <LINES
    SY_NAME=$1 SY_SECTION=$2 SY_TITLE=$3 SY_COMMAND=$4 SY_TEXT=$5 python3 -c '
import json, os, sys
lines = [line.rstrip("\n").split("\t") for line in sys.stdin]
table = {key: os.environ["SY_" + key.upper()] for key in ("section", "title", "command", "text")}
folder = os.environ["SY_REPORT_DIR"]
os.makedirs(folder, exist_ok=True)
with open(os.path.join(folder, os.environ["SY_NAME"] + ".json"), "w") as f:
    json.dump({**table, "columns": lines[0], "rows": lines[1:]}, f, indent=2)
'
}

finish() {
    local passed failed skipped
    read -r passed failed skipped < <(totals)
    if [ "${CI:-}" = true ] && [ -n "${SY_SHARED_DIR:-}" ] && [ "$skipped" -gt 0 ]; then
        say "CI: $skipped skipped although ../shared is here: counted as failed"
        failed=$((failed + skipped))
    fi
    say "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
    exit
}
