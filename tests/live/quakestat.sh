# Every kind of question that Debian's quakestat asks a master, for servers announced over HTTP

quakestat_missing() {
    missing quakestat qstat
    missing curl curl
    missing jq jq
}

quakestat_build() {
    cargo build -q --workspace --bin metaserve-daemon --bin metaserve-lobby-bridge
}

# The kinds by the game of the list that answers them. Those that name only a protocol which many
# games have, 68, are answered with Quake III.
declare -A kinds=(
    [q3m]=quake3 [reactionm]=quake3 [smokingunsm]=quake3 [iourtm]=urbanterror
    [openarenam]=openarena [tremulousm]=tremulous [tremulousgppm]=tremulousgpp
    [rwm]=rtcw [woetm]=et [zeq2litem]=zeq2lite [unvanquishedm]=unvanquished
    [codm]=cod [cod2m]=cod2 [cod4m]=cod4 [sof2m]=sof2 [sof2m1.0]=sof2-old
    [nexuizm]=nexuiz [xonoticm]=xonotic [doombringerm]=doombringer [warsowm]=warsow
    [wopm]=wop [q3rallym]=q3rally [turtlearenam]=turtlearena
    [qwm]=quakeworld
)

# Games that the bridge does not know by itself, or in another way.
own_games=(
    'tremulousgpp name=Tremulous protocol=70 heartbeat=Tremulous-1'
    'zeq2lite name=ZEQ2Lite protocol=75 heartbeat=ZEQ2Lite-1'
    'unvanquished name=UNVANQUISHED protocol=86 heartbeat=Unvanquished-1'
    'cod name=CoD protocol=5 heartbeat=COD-1'
    'cod2 name=CoD2 protocol=118 heartbeat=COD-2'
    'cod4 name=CoD4 protocol=6 heartbeat=COD-4'
    'sof2 name=SoF2 protocol=2004 heartbeat=SOF2MP-1'
    'sof2-old name=SoF2 protocol=2002 heartbeat=SOF2MP-0'
)

are_listed() { [ "$(rows | wc -l)" = "$1" ]; }

# finds KIND MASTER SERVER: whether the master names the server, by their ports. No server answers.
finds() {
    grep -qF "127.0.0.1:$3 " <<<"$(inside timeout 60 quakestat -nh -retry 1 "-$1" "127.0.0.1:$2")"
}

quakestat_run() {
    . tests/live/lists.bash
    local enter bridge fingerprint trusted bridge_options kind master own=()
    local -A game=() port=() asking=()
    for kind in "${own_games[@]}"; do own+=(--quake3-game "$kind"); done
    open_lists --quake3 127.0.0.1:27950 --quakeworld 127.0.0.1:27000 --quake3-addresses any \
        --quake3-lists 1000 "${own[@]}"
    for kind in "${!kinds[@]}"; do
        [ -z "${port[${kinds[$kind]}]:-}" ] || continue
        port[${kinds[$kind]}]=$((29000 + ${#port[@]}))
        # Neither empty nor full: some kinds do not ask for those.
        native "${kinds[$kind]}/${port[${kinds[$kind]}]}" '{"name":"Native","players":1,"max_players":4}'
    done
    check "a server of each game is announced" within 60 are_listed "${#port[@]}"
    for kind in "${!kinds[@]}"; do
        master=27950
        [ "$kind" != qwm ] || master=27000
        within 60 finds "$kind" "$master" "${port[${kinds[$kind]}]}" &
        asking[$kind]=$!
    done
    for kind in $(printf '%s\n' "${!kinds[@]}" | sort); do
        check "quakestat -$kind finds a server of ${kinds[$kind]}" wait "${asking[$kind]}"
    done
}
