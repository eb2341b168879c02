# Debian's clients of OpenArena and Nexuiz, on a screen in memory, with the list of the lobby bridge

. tests/live/quake3.sh
. tests/live/clients.bash

quake3-clients_missing() {
    missing /usr/games/openarena openarena
    missing /usr/games/openarena-server openarena-server
    missing /usr/games/nexuiz nexuiz
    missing /usr/games/nexuiz-server nexuiz-server
    clients_missing
    missing tmux tmux
    missing python3 python3
    missing jq jq
    missing curl curl
}

quake3-clients_build() {
    cargo build -q --workspace --bin metaserve-daemon --bin metaserve-lobby-bridge \
        --bin metaserve-agent
}

# announce GAME PORT NAME: has a native server listed, which knows nothing of any master.
announce() {
    printf 'Authorization: Bearer %032d\n' "$2" >"$dir/secret-$2.txt"
    "${in_net[@]}" curl -sf -o /dev/null -X PUT -H "@$dir/secret-$2.txt" \
        -H 'Content-Type: application/json' -d "{\"name\":\"$3\"}" \
        "http://127.0.0.1:8080/api/v1/servers/$1/$2"
}

# announce_on GAME PORT NAME: as its operator's script would, as often as the daemon asks for.
announce_on() {
    while sleep 15; do announce "$@"; done
}

# client COMMAND...: runs a game's client on the screen. Its console needs a terminal.
client() {
    tmux -f /dev/null new-session -d -s client -x 160 -y 50 "${in_net[@]}" "${user[@]}" env \
        HOME="$dir/client" TERM=xterm "${on_screen[@]}" "$@"
}

# console COMMAND: types it on the client's console.
console() {
    tmux send-keys -t client -l "$1"
    tmux send-keys -t client Enter
}

told() { grep -qE "$1" "$dir/client/baseoa/qconsole.log" 2>/dev/null; }

# browses: opens the server browser from wherever the client's menus are.
browses() {
    keys Escape Escape Escape Down Return
    told 'servers parsed'
}

# joins: presses the last button of the browser, "fight", from its first, "back".
joins() {
    logged native 'ClientConnect: 0' || keys Down Down Down Down Return
    within 10 logged native 'ClientConnect: 0'
}

# counts MASTER COUNT: asks one of the client's masters, and waits for this many servers.
counts() {
    console "\\globalservers $1 71 empty full"
    within 10 told "servers parsed \(total $2\)"
}

start_openarena() {
    client /usr/games/openarena +set fs_homepath "$dir/client" +set logfile 2 \
        +set net_enabled 3 +set net_port 27960 +set s_initsound 0 +set com_introplayed 1 \
        +set r_mode 3 +set r_fullscreen 0 +set r_picmip 8 +set r_vertexLight 1 \
        +set com_maxfps 10 +set com_maxfpsUnfocused 10 +set ui_setupchecked 1 \
        +set ui_browserMaster 1 +set name LiveGuest \
        +set sv_master1 127.0.0.1:27950 +set sv_master2 '"[::1]:27950"'
    within 60 told 'Common Initialization Complete'
}

start_nexuiz() {
    client /usr/games/nexuiz -nosound -window -condebug +vid_width 640 +vid_height 480 \
        +cl_maxfps 10 +sv_master1 127.0.0.1:27950 +sv_master2 '[::1]:27950'
}

# nexuiz_lists SERVER: asks the masters, and waits for a server in the answer.
nexuiz_lists() {
    console net_slist
    within 5 grep -qsE "$1" "$dir/client/.nexuiz/data/qconsole.log"
}

quake3-clients_run() {
    local began_ms events enter display on_screen
    quake3_network
    enter=("${in_net[@]}")
    mkdir -m 777 "$dir/native" "$dir/client"
    quake3_master --quake3-per-address 1000 --quake3-lists 1000
    start follower "${in_net[@]}" "$built/metaserve-daemon" list --follow --game openarena \
        --daemon 127.0.0.1:4433 --fingerprint "$fingerprint"
    start events "${in_net[@]}" curl -sN 'http://127.0.0.1:8080/api/v1/events?game=openarena'
    events=$pid
    within 60 logged events snapshot

    # `dedicated 1` tells no master.
    start native "${in_net[@]}" "${user[@]}" env HOME="$dir/native" /usr/games/openarena-server \
        +set dedicated 1 +set net_port 27999 +set net_enabled 1 +set fs_homepath "$dir/native" \
        +set sv_hostname '^2Native Arena' +set sv_maxclients 9 +set ttycon 0 +map oa_dm1
    within 60 logged native '^AAS initialized'
    check "old clients do not get a server that tells no master" answered_not 7f0000016d5f
    start_screen 640x480
    start_openarena

    stopwatch
    announce openarena 27999 'Native Arena'
    sees "a server that is announced over HTTP is seen by a QUIC client" \
        logged follower '127.0.0.1:27999.*Native Arena'
    sees "it is in the events of the page" logged events 'Native Arena'
    sees "it is in the answers to old clients" answered 7f0000016d5f
    kill "$events" # It would log every server below.
    announce_on openarena 27999 'Native Arena' &
    pids+=("$!")

    check "OpenArena's client opens its browser, and gets a list from the bridge" within 60 browses
    check "the list has the announced server alone" told '^1 servers parsed \(total 1\)'
    check "the first server of its menu is joined: the game server's own log shows the player" \
        within 60 joins
    check "by its name" within 60 logged native 'LiveGuest.* entered the game'

    start servers "${in_net[@]}" python3 tests/live/quake3_servers.py 27950 30000 449 120
    check "449 servers on IPv4 and 120 on IPv6 are asked by the bridge" within 60 logged servers '^served 569$'
    check "OpenArena's client counts 450 servers in a list of several datagrams" within 60 counts 1 450
    check "it counts 570 in the extended form" within 60 counts 2 570

    tmux kill-session -t client
    nexuiz_server Registered 27970 6 +sv_public 1 +sv_master1 127.0.0.1:27950
    nexuiz_server Published 27971 7 +sv_public 0
    # An engine of DarkPlaces answers one question a second of each address: here the agent and the
    # client have the same one, and an agent that asks each second leaves nothing for the client.
    start agent "${in_net[@]}" "$built/metaserve-agent" --daemon 127.0.0.1:4433 \
        --fingerprint "$fingerprint" --state-dir "$dir/agent" --interval 5s \
        --game nexuiz --server quake3://127.0.0.1:27971
    start_nexuiz
    check "Nexuiz's client lists a server of the bridge: players, limit, name" \
        within 60 nexuiz_lists '0.*/ +6 Registered'
    check "it lists a server that tells no master, and that an agent publishes" \
        within 60 nexuiz_lists '0.*/ +7 Published'
}
