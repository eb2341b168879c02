# Minetest's client of Debian, on a screen in memory, with the list of the lobby bridge

. tests/live/luanti.sh
. tests/live/clients.bash

luanti-clients_missing() {
    luanti_missing
    clients_missing
    missing /usr/games/minetest minetest
}

luanti-clients_build() {
    cargo build -q --workspace --bin metaserve-daemon --bin metaserve-lobby-bridge \
        --bin metaserve-agent
    no_service minetest-server
}

# agent_publishes NAME: says that of a game server that announces itself nowhere.
agent_publishes() {
    cat >"$dir/agent.toml" <<END
interval = "1s"
[[server]]
name = "unaware"
game = "luanti"
query = "luanti://127.0.0.1:30001"
override = { name = "$1", mode = "devtest", max_players = 5 }
END
}

start_unaware() {
    luanti_world Unaware unaware 30001 'server_announce = false'
    game unaware /usr/lib/minetest/minetestserver --config unaware.conf --world unaware \
        --gameid devtest --logfile ''
    agent_publishes Unaware
    start agent "${enter[@]}" "$built/metaserve-agent" --config "$dir/agent.toml" \
        --daemon 127.0.0.1:4433 --fingerprint "$fingerprint" --state-dir "$dir/agent"
    agent=$pid
}

start_client() {
    mkdir -p "$dir/home/.minetest"
    # Its files belong to another user, who may not read this repository.
    cp tests/live/luanti_menu.lua "$dir/home"
    cat >"$dir/home/.minetest/minetest.conf" <<END
serverlist_url = http://127.0.0.1:8310
main_menu_script = $dir/home/luanti_menu.lua
maintab_LAST = online
name = LiveGuest
enable_split_login_register = false
enable_sound = false
video_driver = opengl
screen_w = 800
screen_h = 600
fps_max = 20
fps_max_unfocused = 20
viewing_range = 20
END
    chown -R nobody "$dir/home"
    game client "${on_screen[@]}" /usr/games/minetest
}

# shows PATTERN: whether the rows that the client has drawn last are like that.
drawn() { grep -as 'the list shows: ' "$dir/client.log" | tail -n 1; }
shows() { grep -qE "$1" <<<"$(drawn)"; }
shows_not() { [ -n "$(drawn)" ] && ! shows "$1"; }

# after_refresh COMMAND...: presses the menu's button for a new list, and waits for what it shows.
after_refresh() {
    clicks 449 197
    within 5 "$@"
}

# joins NAME: searches the list for the name, which selects the first one, and presses "Login".
joins() {
    clicks 250 197
    keys ctrl+a
    types "$1"
    keys Return
    clicks 625 402
    within 20 logged unaware 'LiveGuest \[127.0.0.1\] joins game'
}

luanti-clients_run() {
    . tests/live/lists.bash
    local enter bridge fingerprint trusted bridge_options user=() display on_screen began_ms agent
    local -A game=()
    open_lists --luanti-http '[::]:8310'
    luanti_server 'Lua Länd'
    start_unaware
    native luanti/9000 '{"name":"Announced, [a];b","players":2,"max_players":8}'
    check "a server announces itself" within 60 fetches 'Lua Länd|127.0.0.1|30000|7|true'
    check "the agent publishes a server that knows of no list" \
        within 60 fetches 'Unaware|127.0.0.1|30001|5|false'
    start_screen 800x600
    start_client
    check "Minetest's client shows the server that has announced itself: limit, name" \
        within 120 shows ',0 / 7,[^/]*,Lua Länd'
    check "it shows the one of the agent" shows ',0 / 5,[^/]*,Unaware'
    check "it shows one that is announced over HTTP, with its players" \
        shows ',2 / 8,[^/]*,Announced\\, \\\[a\\\]\\;b'
    picture luanti-list

    agent_publishes Renamed
    stopwatch
    kill -HUP "$agent"
    sees "another name is in the list" fetches 'Renamed|127.0.0.1|30001|5|false'
    check "the client shows it" within 60 after_refresh shows ',0 / 5,[^/]*,Renamed'
    kill -INT "${game[luanti]}"
    check "a server that ends leaves the list" within 60 fetches_not 'Lua Länd'
    check "the client does not show it any longer" within 60 after_refresh shows_not 'Lua Länd'
    picture luanti-renamed
    check "the client joins a server of its list: the game server's own log shows the player" \
        within 120 joins Renamed
    picture luanti-joined
    kill "$agent"
    check "a server that its agent takes off leaves the list" within 60 fetches_not Renamed
}
