# Debian's game servers at one bridge: on the page in Chromium, in a QUIC client, in old lists

. tests/live/ddnet.sh
. tests/live/luanti.sh
. tests/live/quake3.sh
. tests/live/chromium.bash

lists-page_missing() {
    quake3_missing
    ddnet_missing
    luanti_missing
    chromium_missing
    missing /usr/games/teeworlds-server teeworlds-server
}

lists-page_build() {
    cargo build -q --workspace --bin metaserve-daemon --bin metaserve-lobby-bridge \
        --bin metaserve-agent
    no_service openarena-server minetest-server teeworlds-server
}

# The lists that old clients get: whether one has this text.
in_ddnet() { inside curl -fsS --compressed http://127.0.0.1:8310/ddnet/15/servers.json | grep -qF "$1"; }
in_luanti() { inside curl -fsS --compressed http://127.0.0.1:8310/list | grep -qF "$1"; }
in_quake3() { old openarenam 127.0.0.1:27950 | grep -qF "$1"; }

# Teeworlds 0.7 registers at no list of HTTP; the agent publishes it.
teeworlds_server() {
    game teeworlds /usr/games/teeworlds-server \
        'sv_name Live Seven; sv_port 8304; sv_map dm1; sv_max_clients 7; sv_register 0'
    start agent "${enter[@]}" "$built/metaserve-agent" --daemon 127.0.0.1:4433 \
        --fingerprint "$fingerprint" --state-dir "$dir/agent" --interval 1s \
        --game teeworlds --server teeworlds7://127.0.0.1:8304
    agent=$pid
}

# follow: lists the servers like a game client over QUIC, each line after the time that it came.
follow() {
    "${enter[@]}" "$built/metaserve-daemon" list --follow --daemon 127.0.0.1:4433 \
        --fingerprint "$fingerprint" | while read -r line; do echo "$(date +%s%3N) $line"; done
}
followed_at() { awk -v text="$1" 'index($0, text) { print $1; exit }' "$dir/follower.log"; }

# spreads WHAT ROW TEXT COMMAND...: checks that a change reaches an old list, by the command, the page
# as this row, and a QUIC client by this text; prints when each had it.
spreads() {
    sees "$1: an old list has it" "${@:4}"
    check "$1: the page has it" within 60 on_page "$2"
    check "$1: a QUIC client has it" within 60 logged follower "$3"
    printf '        after %s and %s ms\n' \
        $(($(shown_at "$2") - began_ms)) $(($(followed_at "$3") - began_ms))
}

lists-page_run() {
    . tests/live/lists.bash
    local enter bridge fingerprint trusted bridge_options began_ms oa session agent
    local -A game=()
    open_lists --ddnet-http '[::]:8310' --luanti-http '[::]:8310' \
        --quake3 '[::]:27950' --quake3-addresses any
    local in_net=("${enter[@]}") user=(setpriv --reuid nobody --regid nogroup --clear-groups)
    open_page http://127.0.0.1:8080/
    start follower follow
    openarena_server
    oa=$pid
    ioquake3_server
    nexuiz_registers
    ddnet_server 'Live Tee'
    luanti_server 'Live Land'
    teeworlds_server

    check "OpenArena's server is on the page: name, map, limit" \
        within 60 on_page 'openarena|Live OA|oa_dm1|0 / 11'
    check "ioquake3's is" within 60 on_page 'livegame|LiveIoq3|oa_dm1|0 / 8'
    check "DDNet's is" within 60 on_page 'ddnet|Live Tee|Tutorial|0 / 13'
    check "Minetest's is, which has no map" within 60 on_page 'luanti|Live Land||0 / 7'
    check "Teeworlds' is, by the agent" within 60 on_page 'teeworlds|Live Seven|dm1|0 / 7'
    check "Nexuiz's is" within 60 list_shows '^nexuiz 127.0.0.1:27970 LiveNexuiz [a-z0-9_]+ 6$'
    check "with its map" within 60 on_page \
        "nexuiz|LiveNexuiz|$(listed | sed -n 's/^nexuiz 127.* LiveNexuiz \(.*\) 6$/\1/p')|0 / 6"
    page_picture page-registered

    stopwatch
    openarena_says 'map oa_dm2'
    # The time is that of quakestat, which waits for all servers.
    spreads "OpenArena's server changes its map" 'openarena|Live OA|oa_dm2|0 / 11' 'oa_dm2' \
        in_quake3 'oa_dm2'
    stopwatch
    echo 'sv_name Renamed Tee' >"$dir/home/fifo"
    spreads "DDNet's server gets another name" 'ddnet|Renamed Tee|Tutorial|0 / 13' 'Renamed Tee' \
        in_ddnet 'Renamed Tee'
    stopwatch
    native luanti/9000 '{"name":"Native Land","players":2,"max_players":8}'
    spreads "a server is announced over HTTP" 'luanti|Native Land||2 / 8' 'Native Land' \
        in_luanti 'Native Land'
    stopwatch
    native luanti/9000 '{"name":"Native Isle","players":3,"max_players":8}'
    spreads "it changes" 'luanti|Native Isle||3 / 8' 'Native Isle' in_luanti 'Native Isle'
    page_picture page-changed

    stopwatch
    kill "$oa"
    echo quit >"$dir/console"
    kill -INT "${game[ddnet]}" "${game[luanti]}"
    kill -KILL "${game[teeworlds]}"
    sees "Minetest's server ends, and is off the page" off_page 'Live Land'
    sees "DDNet's is" off_page 'Renamed Tee'
    sees "Teeworlds' vanishes, and is" off_page 'Live Seven'
    sees "OpenArena's is, 20 s after it has said so" off_page 'Live OA'
    sees "Nexuiz's is" off_page LiveNexuiz
    check "the announced one is still there" on_page 'luanti|Native Isle||3 / 8'
    page_picture page-ended
    close_page
}
