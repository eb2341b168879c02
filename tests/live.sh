#!/usr/bin/env bash
# The whole way with a game that knows nothing of us: Debian's OpenArena server is put on the
# list by the sidecar, seen by a game client and in the terminal browser, killed, and started
# again. Then the page in a real Chromium, faults in real networks, and the lobby bridge's accounts
# in Debian's MariaDB (live/mariadb.sh). Installs what is missing with apt-get. Last line:
# `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."

passed=0
failed=0
pids=()
# Where everything logs. The game server runs as nobody, and must reach its home.
dir=$(mktemp -d)
chmod 755 "$dir"

tmux() { command tmux -S "$dir/tmux.sock" "$@"; }

finish() {
    local status=$?
    trap - EXIT
    [ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    [ ! -S "$dir/tmux.sock" ] || tmux kill-server 2>/dev/null || true
    wait
    [ "$failed" = 0 ] || for log in "$dir"/*.log; do
        echo "--- $log"
        tail -n 20 "$log"
    done
    rm -rf "$dir"
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] || exit 1
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

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

# start NAME COMMAND...: runs the command beside us, as $pid, with its output in NAME.log.
start() {
    local name=$1
    shift
    "$@" </dev/null >>"$dir/$name.log" 2>&1 &
    pid=$!
    pids+=("$pid")
}

logged() { grep -qsE "$2" "$dir/$1.log"; }
screen() { tmux capture-pane -p -t browser; }
shows() { grep -qE "$1" <<<"$(screen)"; }
shows_not() { ! shows "$1"; }
ended() { ! kill -0 "$1" 2>/dev/null; }
ended_well() { within 10 ended "$1" && wait "$1"; }

. tests/live/mariadb.sh

# What is needed beside Rust.
missing=($(mariadb_missing))
[ -x /usr/games/openarena-server ] || missing+=(openarena-server)
type -P tmux >/dev/null || missing+=(tmux)
type -P chromium >/dev/null || missing+=(chromium)
type -P chromedriver >/dev/null || missing+=(chromium-driver)
type -P ip >/dev/null || missing+=(iproute2)
type -P nft >/dev/null || missing+=(nftables)
type -P faketime >/dev/null || missing+=(faketime)
if [ "${#missing[@]}" != 0 ]; then
    echo "installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${missing[@]}" >"$dir/apt.log"
fi
cargo build -q -p metaserve-daemon -p metaserve-lobby-bridge
cargo build -q --example game_client --example sidecar --example browser
page=(cargo test -q -p metaserve-tests --features browser --test browser)
"${page[@]}" --no-run
faults=(cargo test -p metaserve-tests --features faults --test faults)
"${faults[@]}" -q --no-run
built=${CARGO_TARGET_DIR:-target}/debug

# The daemon, on a port that the system chooses.
start daemon "$built/metaserve-daemon" --listen 127.0.0.1:0 --state-dir "$dir/state"
within 20 logged daemon '^games connect with'
daemon=$(sed -n 's/.*listens on \([^ ]*\) (UDP)/\1/p' "$dir/daemon.log")
fingerprint=$(sed -n 's/^certificate fingerprint (SHA-256): //p' "$dir/daemon.log")
trust=(--daemon "$daemon" --fingerprint "$fingerprint")

# The game server, which takes the next free port from the one named, and logs which.
name="Dusty's Arena $RANDOM"
user=()
mkdir "$dir/home"
if [ "$(id -u)" = 0 ]; then
    chown nobody "$dir/home"
    user=(setpriv --reuid nobody --regid nogroup --clear-groups)
fi
start_game_server() {
    : >"$dir/openarena.log"
    start openarena "${user[@]}" /usr/games/openarena-server \
        +set dedicated 1 +set sv_master1 '' +set fs_homepath "$dir/home" \
        +set net_enabled 1 +set net_ip 127.0.0.1 +set net_port "$1" \
        +set sv_hostname "^1$name" +set sv_maxclients 11 +map oa_dm1
    game_server=$pid
    within 60 logged openarena '^AAS initialized'
}
start_game_server $((20000 + RANDOM % 10000))
port=$(sed -n 's/^Opening IP socket: 127.0.0.1:\([0-9]*\)$/\1/p' "$dir/openarena.log" | tail -n 1)
row="127\.0\.0\.1:$port +openarena +$name, oa_dm1, 0/11 players"

start client "$built/examples/game_client" "${trust[@]}" --game openarena
client=$pid
start sidecar "$built/examples/sidecar" "${trust[@]}" \
    --game quake3 --list-as openarena --server "127.0.0.1:$port" --interval 2s
sidecar=$pid
tmux -f /dev/null new-session -d -s browser -x 110 -y 30 \
    "echo before the browser; '$built/examples/browser' ${trust[*]}; echo its exit code is \$?; read"

check "the game server is listed: name, map, player limit, its own port" \
    within 30 logged client "^\+ $row\$"
check "the browser shows it" within 10 shows "$name +openarena +0/11 +oa_dm1.* 127\.0\.0\.1:$port"
check "the browser shows its details" shows "Heartbeat +[0-9]+ bytes"
check "the browser is live" shows "1 server, 0 players +● live"

kill -KILL "$game_server"
{ wait "$game_server" || true; } 2>/dev/null
check "a killed game server leaves the list" within 40 logged client "^- $row\$"
check "it leaves the browser" within 10 shows "no server is listed"

: >"$dir/client.log" # It is appended to.
start_game_server "$port"
check "a game server that is back is on the list again" within 40 logged client "^\+ $row\$"
check "it is back in the browser" within 10 shows "$name"

tmux send-keys -t browser q
check "q leaves the browser with success" within 10 shows '^its exit code is 0'
check "the terminal is as it was before" shows '^before the browser'
check "nothing of the browser is left on it" shows_not "metaserve |$name"

kill "$sidecar"
check "a sidecar that is told to end takes its server off the list" \
    within 10 logged client "^- $row\$"
check "it ends well" ended_well "$sidecar"
kill -INT "$client"
check "a game client ends well on Ctrl-C" ended_well "$client"

mapfile -t page_tests < <("${page[@]}" -- --list 2>/dev/null | sed -n 's/: test$//p')
page_test() { "${page[@]}" -- --exact "$1" >>"$dir/page.log" 2>&1; }
check "the page has tests" [ "${#page_tests[@]}" != 0 ]
for name in "${page_tests[@]}"; do
    check "in Chromium: ${name//_/ }" page_test "$name"
done

# All at once, each in a network of its own: they mostly wait.
mapfile -t fault_tests < <("${faults[@]}" -- --list 2>/dev/null | sed -n 's/: test$//p')
"${faults[@]}" -- --nocapture --test-threads 64 >"$dir/faults.log" 2>&1 || true
fault_passed() { grep -qxF "test $1 ... ok" "$dir/faults.log"; }
check "there are tests of faults" [ "${#fault_tests[@]}" != 0 ]
for name in "${fault_tests[@]}"; do
    words=${name//::/, }
    check "faults: ${words//_/ }" fault_passed "$name"
done
sed -n 's/^figure: /        /p' "$dir/faults.log"

mariadb_parts
