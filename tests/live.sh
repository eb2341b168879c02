#!/usr/bin/env bash
# Tests that need Debian packages or root: all parts of them, or those that are named. A part is a
# file of tests/live, and installs what it needs with apt-get. Last line: `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."
# The last lines of a log are shown when something fails: those that say why.
export RUST_BACKTRACE=0

# A part PART is three functions: PART_missing prints the packages to be installed, PART_build
# compiles, PART_run checks.
# Those that take longest come first.
parts=(realm conformance faults cluster realm-browser guide agent recipes c languages browser python mariadb quake3-clients quake3 lists-page ddnet-clients luanti-clients openarena teeworlds ddnet luanti js)

usage() {
    echo "usage: tests/live.sh [PART...]"
    for part in "${parts[@]}"; do
        printf '  %-14s %s\n' "$part" "$(sed -n '1s/^# //p' "tests/live/$part.sh")"
    done
}

for part in "$@"; do
    case $part in
    -h | --help) usage && exit ;;
    esac
    if [[ " ${parts[*]} " != *" $part "* ]]; then
        echo "there is no part '$part'" >&2
        usage >&2
        exit 2
    fi
done
[ "$#" = 0 ] || parts=("$@")

# phase NAME: calls this function of each part. The file is read again each time, so that a part's
# other functions are its own, whatever the other parts call theirs.
phase() {
    local part
    for part in "${parts[@]}"; do
        . "tests/live/$part.sh"
        "${part}_$1"
    done
}

# alone PART: runs the part in a process of its own, and prints what that says once it has ended.
alone() {
    local part=$1 began=$SECONDS
    tests/live.sh "$part" >"$dir/$part.said" 2>&1 || true
    printf '== %s (%s s)\n%s\n' "$part" "$((SECONDS - began))" "$(cat "$dir/$part.said")"
}

# Two parts at a time, since most of them wait more than they compute.
run_all() {
    local part
    for part in "${parts[@]}"; do
        [ "$(jobs -rp | wc -l)" -lt 2 ] || wait -n
        alone "$part" &
        pids+=("$!")
    done
    wait
    for part in "${parts[@]}"; do
        count "$(tail -n 1 "$dir/$part.said")"
    done
}

. tests/live/common.sh
trap finish EXIT
trap 'exit 1' INT TERM HUP

mapfile -t packages < <(phase missing)
install "${packages[@]}"
phase build
if [ "${#parts[@]}" = 1 ]; then phase run; else run_all; fi
