# DDNet's client of Debian, on a screen in memory, with the list of the lobby bridge

. tests/live/ddnet.sh
. tests/live/clients.bash

ddnet-clients_missing() {
    ddnet_missing
    clients_missing
    missing /usr/games/DDNet ddnet
}

ddnet-clients_build() {
    cargo build -q --workspace --bin metaserve-daemon --bin metaserve-lobby-bridge \
        --bin metaserve-agent
}

# A game server that registers nowhere; the agent publishes it. Its records are in a file of its own.
start_unaware() {
    game unaware /usr/games/DDNet-Server "sv_port 8305;sv_name Unaware;sv_map dm1;\
sv_max_clients 9;sv_register 0;sv_sqlite_file unaware.sqlite;sv_input_fifo ./unaware-fifo"
    within 60 test -p "$dir/home/unaware-fifo"
    start agent "${enter[@]}" "$built/metaserve-agent" --daemon 127.0.0.1:4433 \
        --fingerprint "$fingerprint" --state-dir "$dir/agent" --interval 1s \
        --game ddnet --server ddnet://127.0.0.1:8305
    agent=$pid
}

start_client() {
    mkdir -p "$dir/home/.local/share/ddnet"
    echo 'http://localhost:8310/ddnet/15/servers.json' \
        >"$dir/home/.local/share/ddnet/ddnet-serverlist-urls.cfg"
    chown -R nobody "$dir/home/.local"
    # The client's search is "Novice" at first.
    game client "${on_screen[@]}" /usr/games/DDNet "http_allow_insecure 1;gfx_fullscreen 0;\
gfx_screen_width 800;gfx_screen_height 600;snd_enable 0;player_name LiveGuest;cl_show_welcome 0;\
cl_skip_start_menu 1;cl_refresh_rate 20;ui_page 6;br_filter_string \"\""
}

fetched() { logged client 'task done http://localhost:8310/ddnet/15/servers.json'; }

# console COMMAND: types it on the client's console.
console() {
    keys F1
    types "$1"
    keys Return F1
}

# refreshes: has the client fetch the list again, from wherever it is.
refreshes() {
    console disconnect
    : >"$dir/client.log" # It is appended to.
    keys F5
    within 10 fetched
}

# finds NAME ADDRESS: searches the client's list for the name, and joins the first server of those
# that are left.
finds() {
    console "br_filter_string $1"
    keys Down Return
    within 10 logged client "client: connecting to '$2'"
}

# joins NAME ADDRESS SERVER: the same, until the game server's own log shows the player.
joins() {
    : >"$dir/$3.log"
    check "it finds $1 by its name, at its address" within 60 finds "$1" "$2"
    check "and joins: the game server's own log shows the player" \
        within 60 logged "$3" "'LiveGuest' entered and joined the game"
}

ddnet-clients_run() {
    . tests/live/lists.bash
    local enter bridge fingerprint trusted bridge_options user=() display on_screen began_ms agent
    local -A game=()
    open_lists --ddnet-http '[::]:8310'
    ddnet_server 'Tee Live'
    start_unaware
    native ddnet/9000 '{"name":"Announced","map":"ctf1","mode":"CTF","players":2,"max_players":8}'
    # Version 16.4 of the client does not speak the protocol 0.7.
    native ddnet/9001 '{"name":"Seven","map":"dm1","mode":"DM","version":"0.7.5"}'
    check "a server registers" within 60 fetches 'Tee Live|Tutorial|13|4'
    check "the agent publishes a server that knows of no list" \
        within 60 fetches 'Unaware|dm1|9|1'
    start_screen 800x600
    start_client
    check "DDNet's client fetches the list" within 120 fetched
    picture ddnet-list

    joins Tee '127\.0\.0\.1:8303,\[::1\]:8303' ddnet
    check "the player is on the page" within 60 is_listed 'ddnet|Tee Live|Tutorial|1|13'
    picture ddnet-joined
    check "the client leaves, and fetches the list again" within 60 refreshes
    joins Unaware '127\.0\.0\.1:8305' unaware
    check "the player is on the page, by the agent" within 60 is_listed 'ddnet|Unaware|dm1|1|9'

    stopwatch
    echo 'sv_name Renamed' >"$dir/home/unaware-fifo"
    sees "another name is in the list, by the agent" fetches 'Renamed|dm1|9|1'
    echo 'sv_map ctf2' >"$dir/home/unaware-fifo"
    check "another map is" within 60 fetches 'Renamed|ctf2|9|1'
    check "the client leaves, and fetches the list again" within 60 refreshes
    picture ddnet-renamed
    joins Renamed '127\.0\.0\.1:8305' unaware
    check "the client leaves, and fetches the list again" within 60 refreshes
    check "it finds a server that is announced over HTTP" within 60 finds Announced '127\.0\.0\.1:9000'

    kill "$agent"
    check "a server that its agent takes off leaves the list" within 60 fetches_not Renamed
    kill -INT "${game[ddnet]}"
    check "and so does one that ends" within 60 fetches_not 'Tee Live'
    check "the client leaves, and fetches the list again" within 60 refreshes
    picture ddnet-ended
    kill -KILL "${game[client]}" # Otherwise it asks whether it should end.
}
