# Debian's OpenArena server on the list, by the agent, and in the terminal browser

openarena_missing() {
    missing /usr/games/openarena-server openarena-server
    missing tmux tmux
}

openarena_build() {
    cargo build -q --workspace --bin metaserve-daemon --bin metaserve-agent \
        --example game_client --example browser
}

screen() { tmux capture-pane -p -t browser; }
shows() { grep -qE "$1" <<<"$(screen)"; }
shows_not() { ! shows "$1"; }

# start_game_server PORT: it takes the next free port from this one, and logs which.
start_game_server() {
    : >"$dir/openarena.log"
    start openarena "${user[@]}" /usr/games/openarena-server \
        +set dedicated 1 +set sv_master1 '' +set fs_homepath "$dir/home" \
        +set net_enabled 1 +set net_ip 127.0.0.1 +set net_port "$1" \
        +set sv_hostname "^1$name" +set sv_maxclients 11 +map oa_dm1
    game_server=$pid
    within 60 logged openarena '^AAS initialized'
}

openarena_run() {
    local daemon fingerprint trust name user=() game_server port row client agent

    # The daemon, on a port that the system chooses.
    start daemon "$built/metaserve-daemon" --listen 127.0.0.1:0 --state-dir "$dir/state"
    within 20 logged daemon '^games connect with'
    daemon=$(sed -n 's/.*listens on \([^ ]*\) (UDP)/\1/p' "$dir/daemon.log")
    fingerprint=$(sed -n 's/^certificate fingerprint (SHA-256): //p' "$dir/daemon.log")
    trust=(--daemon "$daemon" --fingerprint "$fingerprint")

    name="Dusty's Arena $RANDOM"
    mkdir "$dir/home"
    if [ "$(id -u)" = 0 ]; then
        chown nobody "$dir/home"
        user=(setpriv --reuid nobody --regid nogroup --clear-groups)
    fi
    start_game_server $((20000 + RANDOM % 10000))
    port=$(sed -n 's/^Opening IP socket: 127.0.0.1:\([0-9]*\)$/\1/p' "$dir/openarena.log" | tail -n 1)
    row="127\.0\.0\.1:$port +openarena +$name, oa_dm1, 0/11 players"

    start client "$built/examples/game_client" "${trust[@]}" --game openarena
    client=$pid
    start agent "$built/metaserve-agent" "${trust[@]}" --state-dir "$dir/agent" \
        --game openarena --server "quake3://127.0.0.1:$port" --interval 2s
    agent=$pid
    tmux -f /dev/null new-session -d -s browser -x 110 -y 30 \
        "echo before the browser; '$built/examples/browser' ${trust[*]}; echo its exit code is \$?; read"

    check "the game server is listed: name, map, player limit, its own port" \
        within 30 logged client "^\+ $row\$"
    check "the browser shows it" \
        within 10 shows "$name +openarena +0/11 +oa_dm1.* 127\.0\.0\.1:$port"
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

    kill "$agent"
    check "an agent that is told to end takes its server off the list" \
        within 10 logged client "^- $row\$"
    check "it ends well" ended_well "$agent"
    kill -INT "$client"
    check "a game client ends well on Ctrl-C" ended_well "$client"
}
