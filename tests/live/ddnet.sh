# The list of DDNet: real servers of Debian register, change, end and vanish

ddnet_missing() {
    missing /usr/games/DDNet-Server ddnet-server
    missing curl curl
    missing jq jq
}

ddnet_build() {
    cargo build -q --workspace --bin metaserve-daemon --bin metaserve-lobby-bridge
}

# The list that clients fetch: name, map, player limit, number of addresses.
servers() {
    inside curl -fsS --compressed http://127.0.0.1:8310/ddnet/15/servers.json |
        jq -r '.servers[] | [(.info | .name, .map.name, .max_players), (.addresses | length)] | join("|")'
}
fetches() { servers | grep -qxF "$1"; }
fetches_not() { ! servers | grep -qF "$1"; }

# ddnet_server NAME: which registers.
ddnet_server() {
    game ddnet /usr/games/DDNet-Server "sv_port 8303;sv_name $1;sv_map Tutorial;sv_max_clients 13;\
sv_register_url http://localhost:8310/ddnet/15/register;http_allow_insecure 1;sv_register 1;\
sv_input_fifo ./fifo"
    within 60 test -p "$dir/home/fifo"
}

ddnet_run() {
    . tests/live/lists.bash
    local enter bridge fingerprint trusted bridge_options
    local -A game=()
    open_lists --ddnet-http '[::]:8310'
    ddnet_server 'Tee Län'
    check "a server registers all its addresses as one server" \
        within 60 fetches 'Tee Län|Tutorial|13|4'
    check "it is on the page" within 60 is_listed 'ddnet|Tee Län|Tutorial|0|13'
    check "a native server is announced" native ddnet/9000 \
        '{"name":"Native","map":"dm1","mode":"DM","players":2,"max_players":8}'
    check "it is in the list of clients" within 60 fetches 'Native|dm1|8|1'
    echo 'sv_name Changed' >"$dir/home/fifo"
    check "a change is in the list of clients" within 60 fetches 'Changed|Tutorial|13|4'
    check "and on the page" within 60 is_listed 'ddnet|Changed|Tutorial|0|13'

    kill -KILL "$bridge"
    within 60 ended "$bridge"
    open_bridge
    check "after a crash of the bridge the server is there again" \
        within 60 fetches 'Changed|Tutorial|13|4'
    check "and on the page" within 60 is_listed 'ddnet|Changed|Tutorial|0|13'
    check "it was not asked for its addresses again" \
        [ "$(grep -c 'can not connect' "$dir/ddnet.log")" = 0 ]

    kill -INT "${game[ddnet]}"
    check "a server that ends leaves the list with all addresses" within 60 fetches_not Changed
    check "and the page" within 60 is_off Changed
    ddnet_server Killed
    check "another one registers" within 60 fetches 'Killed|Tutorial|13|4'
    kill -KILL "${game[ddnet]}"
    check "a server that vanishes leaves the list" within 60 fetches_not Killed
    check "and the page" within 60 is_off Killed
    check "the native one is still there" fetches 'Native|dm1|8|1'
    kill "$bridge"
    check "the bridge ends well" ended_well "$bridge"
}
