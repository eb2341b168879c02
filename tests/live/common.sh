# What the parts of live.sh have in common; sourced by it.

passed=0
failed=0
pids=()
# Where everything logs. Servers run as nobody, and must reach their homes.
dir=$(mktemp -d)
chmod 755 "$dir"
built=${CARGO_TARGET_DIR:-target}/debug

finish() {
    local status=$?
    trap - EXIT
    [ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    [ ! -S "$dir/tmux.sock" ] || tmux kill-server 2>/dev/null || true
    # A game's client may ask its player first.
    within 20 all_ended || kill -KILL $(jobs -rp) 2>/dev/null || true
    wait
    [ "$failed" = 0 ] || for log in "$dir"/*.log; do
        [ -e "$log" ] || continue
        echo "--- $log"
        tail -n 40 "$log"
    done
    rm -rf "$dir"
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] || exit 1
}

all_ended() { [ -z "$(jobs -rp)" ]; }

tmux() { command tmux -S "$dir/tmux.sock" "$@"; }

# missing PROGRAM PACKAGE: prints the package if the program is not installed.
missing() { type -P "$1" >/dev/null || echo "$2"; }

# install PACKAGE...: by apt-get.
install() {
    [ "$#" != 0 ] || return 0
    echo "installing $*"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "$@" >"$dir/apt.log"
}

# no_service NAME...: ends services that Debian starts at once; the tests use servers of their own.
no_service() {
    local name
    [ "$(type -t systemctl)" = "" ] || for name in "$@"; do
        systemctl disable -q --now "$name" 2>/dev/null || true
    done
}

# within SECONDS COMMAND...: waits until the command succeeds.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

# check WHAT COMMAND...: counts whether the command succeeds.
check() {
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok      $what"
    else
        failed=$((failed + 1))
        echo "FAILED  $what"
    fi
}

# stopwatch: lets `sees` count from now on.
stopwatch() { began_ms=$(date +%s%3N); }

# sees WHAT COMMAND...: checks it, and prints how long after the last `stopwatch` it was so.
sees() {
    check "$1" within 60 "${@:2}"
    printf '        after %s ms\n' $(($(date +%s%3N) - began_ms))
}

# count LINE: adds what another run has counted, in its last line; a failure if that says nothing.
count() {
    if [[ $1 =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
    else
        failed=$((failed + 1))
    fi
}

# start NAME COMMAND...: runs the command beside us, as $pid, with its output in NAME.log.
start() {
    local name=$1
    shift
    "$@" </dev/null >>"$dir/$name.log" 2>&1 &
    pid=$!
    pids+=("$pid")
}

# code PAGE SECTION LANGUAGE [NUMBER]: a block of code on a page, the first one of its language.
code() {
    awk -v section="## $2" -v fence="\`\`\`$3" -v number="${4:-1}" '
        /^## / { inside = $0 == section }
        /^```$/ { shown = 0 }
        shown { print }
        inside && $0 == fence { shown = ++count == number }' "$1"
}

logged() { grep -qsE "$2" "$dir/$1.log"; }
ended() { ! kill -0 "$1" 2>/dev/null; }
ended_well() { within 60 ended "$1" && wait "$1"; }

# tests_of COMMAND...: the names of the tests that a `cargo test` command runs.
tests_of() { "$@" -- --list 2>/dev/null | sed -n 's/: test$//p'; }

# ignored_of COMMAND...: the names of the tests that it runs only when asked.
ignored_of() { "$@" -- --list --ignored 2>/dev/null | sed -n 's/: test$//p'; }
