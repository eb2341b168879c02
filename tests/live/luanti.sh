# The list of Luanti: a real server of Debian announces itself, ends and vanishes

luanti_missing() {
    missing /usr/lib/minetest/minetestserver minetest-server
    missing curl curl
    missing jq jq
}

luanti_build() {
    cargo build -q --workspace --bin metaserve-daemon --bin metaserve-lobby-bridge
    no_service minetest-server
}

# The list that clients fetch: name, address, port, player limit, and the number of mods.
servers() {
    inside curl -fsS --compressed 'http://127.0.0.1:8310/list?proto_version_min=37&proto_version_max=41' |
        jq -r '.list[] | [.name, .address, .port, .clients_max, (.mods // [] | length > 0)] | join("|")'
}
fetches() { servers | grep -qxF "$1"; }
fetches_not() { ! servers | grep -qF "$1"; }

# luanti_world NAME WORLD PORT SETTINGS
luanti_world() {
    mkdir -p "$dir/home/$2"
    cat >"$dir/home/$2.conf" <<END
port = $3
server_name = $1
server_description = A small world
max_users = 7
$4
END
    printf '%s = sqlite3\n' backend player_backend auth_backend >"$dir/home/$2/world.mt"
    echo 'gameid = devtest' >>"$dir/home/$2/world.mt"
    chown -R nobody "$dir/home"
}

# luanti_server NAME: which announces itself.
luanti_server() {
    luanti_world "$1" world 30000 'server_announce = true
serverlist_url = http://127.0.0.1:8310'
    game luanti /usr/lib/minetest/minetestserver --config world.conf --world world \
        --gameid devtest --logfile ''
}

luanti_run() {
    . tests/live/lists.bash
    local enter bridge fingerprint trusted bridge_options
    local -A game=()
    open_lists --luanti-http '[::]:8310'
    luanti_server 'Lua Länd'
    check "a server is pinged and listed with its mods" \
        within 60 fetches 'Lua Länd|127.0.0.1|30000|7|true'
    check "it is on the page" within 60 is_listed 'luanti|Lua Länd||0|7'
    check "a native server is announced" native luanti/9000 \
        '{"name":"Native","mode":"minetest_game","players":2,"max_players":8}'
    check "it is in the list of clients" within 60 fetches 'Native|127.0.0.1|9000|8|false'

    kill -KILL "$bridge"
    within 60 ended "$bridge"
    open_bridge
    check "after a crash of the bridge the server is there again, with its mods" \
        within 60 fetches 'Lua Länd|127.0.0.1|30000|7|true'
    check "and on the page" within 60 is_listed 'luanti|Lua Länd||0|7'

    kill -INT "${game[luanti]}"
    check "a server that ends leaves the list" within 60 fetches_not 'Lua Länd'
    check "and the page" within 60 is_off 'Lua Länd'
    luanti_server Again
    check "it comes back with another name" within 60 fetches 'Again|127.0.0.1|30000|7|true'
    # A list that starts pings its servers: one that is gone is not shown for the rest of its time.
    kill -KILL "${game[luanti]}"
    kill "$bridge"
    check "the bridge ends well" ended_well "$bridge"
    open_bridge
    check "a server that has vanished is dropped by the ping" within 60 fetches_not Again
    check "and leaves the page" within 60 is_off Again
    check "the native one is still there" within 60 fetches 'Native|127.0.0.1|9000|8|false'
}
