# The master of Teeworlds: Debian's server and client of 0.7 register, change, end and vanish

teeworlds_missing() {
    missing /usr/games/teeworlds-server teeworlds-server
    missing curl curl
    missing jq jq
    missing python3 python3
}

teeworlds_build() {
    cargo build -q --workspace --bin metaserve-daemon --bin metaserve-lobby-bridge
}

# client_gets HEX: whether the list that a client of 0.7 gets has these bytes.
client_gets() {
    inside python3 - "$1" <<'PYTHON'
import socket, sys
master = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
master.settimeout(5)
master.connect(("127.0.0.1", 8283))
master.send(bytes.fromhex("040000ffffffff0507070707") + bytes(508))
token = master.recv(2048)[8:12]
master.send(b"\x21" + token + b"\x07" * 4 + b"\xff" * 4 + b"req2")
sys.exit(bytes.fromhex(sys.argv[1]) not in master.recv(2048))
PYTHON
}
client_gets_not() { ! client_gets "$1"; }

start_teeworlds() {
    mkdir -p "$dir/home/.teeworlds"
    printf 'localhost 127.0.0.1\n' >"$dir/home/.teeworlds/masters.cfg"
    chown -R nobody "$dir/home/.teeworlds"
    game "$1" /usr/games/teeworlds-server "sv_port 8303;sv_name $1;sv_map $2;sv_max_clients 13;\
sv_player_slots 11;sv_register 1;ec_port 8304;ec_password live;ec_bindaddr 127.0.0.1"
}

teeworlds_run() {
    . tests/live/lists.bash
    local enter bridge fingerprint trusted bridge_options
    local -A game=()
    # The server's address, as lists have it.
    local listed=ffff7f000001206f
    open_lists --teeworlds '[::]:8283' --teeworlds-addresses any
    start_teeworlds Tee dm1
    check "the server has passed its check" within 60 logged Tee 'server registered'
    check "it is on the page: game, name, map, limit" within 60 is_listed 'ddnet|Tee|dm1|0|11'
    check "it is in the list of clients of 0.7" within 60 client_gets "$listed"
    check "a client of today sees it" grep -q 'Tee' <(inside "$built/metaserve-daemon" list \
        --daemon 127.0.0.1:4433 --fingerprint "$fingerprint" --game ddnet)
    check "a native server of 0.7 is announced" native ddnet/9000 \
        '{"name":"Native","map":"dm1","version":"0.7.5","players":2,"max_players":8}'
    check "it is in the list of clients of 0.7" within 60 client_gets ffff7f0000012328
    check "a native server of 0.6 is announced" native ddnet/9001 '{"name":"Old","version":"0.6.4"}'
    check "it is on the page" within 60 is_listed 'ddnet|Old|||'
    check "clients of 0.7 do not get it" client_gets_not ffff7f0000012329

    inside bash -c 'exec 3<>/dev/tcp/127.0.0.1/8304
        printf "live\nsv_name Changed\nsv_map ctf1\n" >&3; sleep 1'
    check "a change is on the page" within 60 is_listed 'ddnet|Changed|ctf1|0|11'

    kill -KILL "$bridge"
    within 60 ended "$bridge"
    open_bridge
    check "after a crash of the bridge it is there again" within 60 is_listed 'ddnet|Changed|ctf1|0|11'

    kill -KILL "${game[Tee]}"
    check "a server that is gone leaves the page within 90 s" within 110 is_off Changed
    check "and the list of clients" within 60 client_gets_not "$listed"
    kill "$bridge"
    check "the bridge ends well" ended_well "$bridge"
}
