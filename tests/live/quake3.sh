# Debian's game servers of Quake III and DarkPlaces at the lobby bridge, in a network of their own

quake3_missing() {
    missing /usr/games/openarena-server openarena-server
    missing /usr/lib/ioquake3/ioq3ded ioquake3-server
    missing /usr/games/nexuiz-server nexuiz-server
    missing quakestat qstat
    missing jq jq
    missing python3 python3
    missing curl curl
}

quake3_build() {
    cargo build -q --workspace --bin metaserve-daemon --bin metaserve-lobby-bridge
}

# old GAME ARGUMENT...: the servers that quakestat sees, as `address name map players/most`.
old() {
    "${in_net[@]}" timeout 20 quakestat -nh -u -raw ' ' -retry 3 -"$1" "$2" 2>/dev/null |
        grep -v ' ERROR\| TIMEOUT' || true
}
old_shows() { grep -qE "$3" <<<"$(old "$1" "$2")"; }
# A master that does not answer shows nobody either, so its own line with a number has to be there.
old_shows_not() {
    local said
    said=$(old "$1" "$2")
    grep -qE "^[A-Z0-9]+ $2 [0-9]+$" <<<"$said" && ! grep -qE "$3" <<<"$said"
}

# quakeworld_shows PATTERN: whether quakestat names such a server, which need not answer.
quakeworld_shows() {
    grep -q "$1" <<<"$("${in_net[@]}" timeout 20 quakestat -nh -timeout 2 -qwm 127.0.0.1:27000)"
}

# answered HEX: whether the master's answer for OpenArena has these bytes.
answered() {
    "${in_net[@]}" bash -c 'exec 3<>/dev/udp/127.0.0.1/27950
        printf "\xff\xff\xff\xffgetservers 71 empty full" >&3
        timeout 2 dd bs=2048 count=1 <&3 2>/dev/null' | od -An -v -tx1 | tr -d ' \n' | grep -q "$1"
}
# An empty list is an answer, and silence is none.
answered_not() { answered '^ffffffff676574736572766572735265' && ! answered "$1"; }

# listed: the daemon's list, as `game address name map most` in lines.
listed() {
    "${in_net[@]}" curl -s http://127.0.0.1:8080/api/v1/servers |
        jq -r '.servers[] | "\(.game) \(.address) \(.info.name) \(.info.map) \(.info.max_players)"'
}
list_shows() { grep -qE "$1" <<<"$(listed)"; }
list_shows_not() { ! list_shows "$1"; }

# Removes the network, whatever has happened.
quake3_end() {
    local status=$?
    ip netns pids "$net" | xargs -r kill 2>/dev/null || true
    ip netns del "$net" || true
    (exit "$status") || failed=1
    finish
}

# Makes a network of its own, in which "${in_net[@]}" runs a command, as "${user[@]}" if it is a game.
quake3_network() {
    # Not local: the end of the script needs it.
    net="quake3-$$"
    # An array and not a function: what is started with it has the number of the program itself.
    in_net=(ip netns exec "$net")
    ip netns add "$net"
    trap quake3_end EXIT
    "${in_net[@]}" ip link set lo up
    user=()
    if [ "$(id -u)" = 0 ]; then
        user=(setpriv --reuid nobody --regid nogroup --clear-groups)
    fi
}

# quake3_master ARGUMENT...: starts a daemon, and a bridge that publishes to it; the arguments are
# the bridge's.
quake3_master() {
    local bridge
    # The bridge makes its identity at its first start; the daemon has to know it.
    start bridge "${in_net[@]}" "$built/metaserve-lobby-bridge" --state-dir "$dir/bridge" \
        --vcmi 127.0.0.1:0 --daemon 127.0.0.1:4433
    within 60 logged bridge 'trust-relay'
    bridge=$(sed -n 's/.*--trust-relay //p' "$dir/bridge.log" | head -n 1)
    kill "$pid"
    wait "$pid" || true
    start daemon "${in_net[@]}" "$built/metaserve-daemon" --listen 127.0.0.1:4433 --http 127.0.0.1:8080 \
        --announce on --state-dir "$dir/daemon" --trust-relay "$bridge"
    within 60 logged daemon '^games connect with'
    fingerprint=$(sed -n 's/^certificate fingerprint (SHA-256): //p' "$dir/daemon.log")
    start master "${in_net[@]}" "$built/metaserve-lobby-bridge" --state-dir "$dir/bridge" \
        --quake3 '[::]:27950' --quake3-addresses any "$@" \
        --daemon 127.0.0.1:4433 --fingerprint "$fingerprint"
    within 60 logged master 'the Quake III master is open'
}

# openarena_server: `Live OA` at the port 27961, which registers over both address families.
openarena_server() {
    mkdir -m 777 "$dir/oa"
    start openarena "${in_net[@]}" "${user[@]}" env HOME="$dir/oa" /usr/games/openarena-server \
        +set dedicated 2 +set net_port 27961 +set net_port6 27961 +set net_enabled 3 \
        +set sv_master1 127.0.0.1:27950 +set sv_master2 '[::1]:27950' +set sv_master3 '""' \
        +set sv_master4 '""' +set fs_homepath "$dir/oa" +set rconPassword live \
        +set sv_hostname '^1Live OA' +set sv_maxclients 11 +set ttycon 0 +map oa_dm1
}

# openarena_says COMMAND: to that server.
openarena_says() {
    "${in_net[@]}" bash -c 'printf "\xff\xff\xff\xffrcon live %s" "$1" >/dev/udp/127.0.0.1/27961' - "$1"
}

# ioquake3_server: `LiveIoq3` at the port 27963, in a game of its own.
ioquake3_server() {
    mkdir -m 777 "$dir/ioq3"
    start ioq3 "${in_net[@]}" "${user[@]}" env HOME="$dir/ioq3" /usr/lib/ioquake3/ioq3ded \
        +set com_basegame baseoa +set fs_basepath /usr/lib/openarena-server \
        +set fs_homepath "$dir/ioq3" +set com_homepath .t +set com_standalone 1 \
        +set dedicated 2 +set net_port 27963 +set net_enabled 1 +set com_gamename livegame \
        +set sv_hostname LiveIoq3 +set sv_master1 127.0.0.1:27950 +set sv_master2 '""' \
        +set ttycon 0 +map oa_dm1
}

# nexuiz_server NAME PORT MOST ARGUMENT...: a game server of Nexuiz.
nexuiz_server() {
    mkdir -m 777 -p "$dir/nexuiz"
    start "$1" "${in_net[@]}" "${user[@]}" env HOME="$dir/nexuiz" /usr/games/nexuiz-server \
        +hostname "$1" +port "$2" +maxplayers "$3" "${@:4}"
}

# nexuiz_registers: `LiveNexuiz` at the port 27970, which registers over both address families and
# is commanded through $dir/console.
nexuiz_registers() {
    mkfifo "$dir/console"
    mkdir -m 777 -p "$dir/nexuiz"
    "${in_net[@]}" "${user[@]}" env HOME="$dir/nexuiz" /usr/games/nexuiz-server +port 27970 +sv_public 1 \
        +sv_master1 127.0.0.1:27950 +sv_master2 '[::1]:27950' +hostname LiveNexuiz +maxplayers 6 \
        <>"$dir/console" >"$dir/nexuiz.log" 2>&1 &
    pid=$!
    pids+=("$pid")
}

# The masters of Quake II and GoldSrc. No game server of them runs without the data of a retail game,
# so that servers of a few lines register; quakestat is a real client.
quake3_relatives() {
    start quake2 "${in_net[@]}" python3 tests/live/quake_servers.py quake2 27900 27910
    start goldsrc "${in_net[@]}" python3 tests/live/quake_servers.py goldsrc 27010 27015
    check "a server of Quake II is in the registry" \
        within 60 list_shows '^quake2 127.0.0.1:27910 Live Q2 q2dm1 8$'
    check "a server of GoldSrc is in the registry, with the name that it was asked for" \
        within 60 list_shows '^halflife 127.0.0.1:27015 Live HL crossfire 11$'
    local option
    for option in q2m alienarenam quetoom; do
        check "quakestat -$option finds the server of Quake II through the master" \
            within 60 old_shows $option 127.0.0.1:27900 'Live Q2 q2dm1 8'
    done
    for option in stm stma2s hla2sm stma2s,game=valve; do
        check "quakestat -$option finds the server of GoldSrc through the master" \
            within 60 old_shows $option 127.0.0.1:27010 'Live HL crossfire 11'
    done
    check "a client that asks for another folder does not" \
        old_shows_not stma2s,game=cstrike 127.0.0.1:27010 'Live HL'
    kill "$pid"
    check "a server of GoldSrc that comes to the list over HTTP is in the lists as well" \
        goldsrc_shows_native
}

# A native server need not answer quakestat, which names it all the same.
goldsrc_shows_native() {
    "${in_net[@]}" curl -s -o /dev/null -X PUT -H "@$dir/secret.txt" \
        -H 'Content-Type: application/json' -d '{"name":"Native","players":1,"max_players":4}' \
        http://127.0.0.1:8080/api/v1/servers/counterstrike/27599
    within 60 goldsrc_names 127.0.0.1:27599
}
goldsrc_names() {
    grep -q "$1" <<<"$("${in_net[@]}" timeout 20 quakestat -nh -timeout 1 -retry 1 \
        -stma2s,game=cstrike 127.0.0.1:27010)"
}

quake3_run() {
    local oa began announced
    quake3_network
    quake3_master --quakeworld 127.0.0.1:27000 --quake2 127.0.0.1:27900 --goldsrc 127.0.0.1:27010
    within 60 logged master 'the GoldSrc master is open'
    openarena_server
    oa=$pid
    ioquake3_server
    nexuiz_registers

    check "OpenArena's server is in the registry: game, name without colours, map, limit" \
        within 60 list_shows '^openarena 127.0.0.1:27961 Live OA oa_dm1 11$'
    check "its IPv6 address is an entry of its own" \
        within 60 list_shows '^openarena \[::1\]:27961 Live OA oa_dm1 11$'
    check "ioquake3 with a game name of its own is in that game" \
        within 60 list_shows '^livegame 127.0.0.1:27963 LiveIoq3 oa_dm1 8$'
    check "Nexuiz's server is in the registry" \
        within 90 list_shows '^nexuiz 127.0.0.1:27970 LiveNexuiz [a-z0-9_]+ 6$'
    check "quakestat finds OpenArena's server through the master: name, map, limit" \
        within 60 old_shows openarenam 127.0.0.1:27950 'Live OA.* oa_dm1 .*11'
    check "quakestat finds Nexuiz's server through the master" \
        within 60 old_shows nexuizm 127.0.0.1:27950 'LiveNexuiz'
    check "a client of another game does not get it" \
        old_shows_not openarenam 127.0.0.1:27950 'LiveNexuiz|LiveIoq3'

    # A server that comes to the list over HTTP is in the answers to old clients.
    printf 'Authorization: Bearer %032d\n' 7 >"$dir/secret.txt"
    announced=$("${in_net[@]}" curl -s -o /dev/null -w '%{http_code}' -X PUT -H "@$dir/secret.txt" \
        -H 'Content-Type: application/json' -d '{"name":"Native","players":1,"max_players":4}' \
        http://127.0.0.1:8080/api/v1/servers/openarena/27999)
    check "a server is announced over HTTP" grep -qx "20[01]" <<<"$announced"
    check "it is in the answers to old clients" within 30 answered '7f0000016d5f'

    "${in_net[@]}" curl -s -o /dev/null -X PUT -H "@$dir/secret.txt" \
        -H 'Content-Type: application/json' -d '{"name":"Native","players":1,"max_players":4}' \
        http://127.0.0.1:8080/api/v1/servers/quakeworld/27501
    check "quakestat finds a server of QuakeWorld through the master" \
        within 60 quakeworld_shows '127.0.0.1:27501'

    quake3_relatives
    openarena_says 'map oa_dm2'
    check "a change of map is in the registry within the time of a heartbeat" \
        within 60 list_shows '^openarena 127.0.0.1:27961 Live OA oa_dm2 11$'

    began=$SECONDS
    kill "$oa"
    check "a server that ends leaves the registry 20 s later" \
        within 40 list_shows_not '^openarena .*Live OA'
    check "not much later" [ $((SECONDS - began)) -lt 40 ]
    check "old clients do not see it any longer" \
        old_shows_not openarenam 127.0.0.1:27950 'Live OA'
    echo quit >"$dir/console"
    check "so does Nexuiz's" within 60 list_shows_not '^nexuiz'
}
