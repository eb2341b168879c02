# Real game servers of Debian on the list by one agent, which asks them or is told by them

agent_missing() {
    missing /usr/games/openarena-server openarena-server
    missing /usr/lib/ioquake3/ioq3ded ioquake3-server
    missing /usr/games/nexuiz-server nexuiz-server
    missing /usr/lib/minetest/minetestserver minetest-server
    missing /usr/games/teeworlds-server teeworlds-server
    missing /usr/games/DDNet-Server ddnet-server
    missing murmurd mumble-server
    missing quakestat qstat
    missing curl curl
    missing jq jq
}

agent_build() {
    cargo build -q --workspace --bin metaserve-daemon --bin metaserve-agent
    no_service openarena-server minetest-server teeworlds-server mumble-server
}

# All run in a network of their own, with the usual ports.
inside() { "${enter[@]}" "$@"; }
# game SERVER COMMAND...: starts it as nobody, whose home is a directory of its own.
game() {
    local server=$1
    shift
    start "$server" "${enter[@]}" --wdns="$dir/home" \
        setpriv --reuid nobody --regid nogroup --clear-groups env HOME="$dir/home" "$@"
    game[$server]=$pid
}

# The game servers, each with a name in colours or in more than ASCII where its game has such names.
start_games() {
    local quake=(+set dedicated 1 +set sv_master1 '' +set fs_homepath "$dir/home/quake")
    game openarena /usr/games/openarena-server "${quake[@]}" +set net_port 27960 \
        +set sv_hostname "^1Dusty's ^7Arena" +set sv_maxclients 11 +map oa_dm1 +addbot gargoyle
    game ioquake3 /usr/lib/ioquake3/ioq3ded "${quake[@]}" +set net_port 27961 \
        +set com_standalone 1 +set com_basegame baseoa +set fs_basepath /usr/lib/openarena-server \
        +set sv_hostname '^2Private ^xplaces' +set sv_maxclients 12 +set sv_privateClients 2 \
        +set g_password secret +map oa_dm2
    game nexuiz /usr/games/nexuiz-server -userdir "$dir/home/nexuiz" +sv_public 0 +port 26000 \
        +hostname '^1Nex^7uiz' +maxplayers 9 +map aggressor
    game luanti /usr/lib/minetest/minetestserver --config luanti/conf --world luanti/world \
        --gameid devtest --logfile ''
    game teeworlds /usr/games/teeworlds-server \
        'sv_name Würfel; sv_port 8303; sv_map dm1; sv_max_clients 7; sv_register 0'
    game ddnet /usr/games/DDNet-Server \
        'sv_name Долина; sv_port 8304; sv_map Tutorial; sv_max_clients 13; sv_register 0'
    game mumble murmurd -fg -ini mumble.ini
}

prepare_games() {
    mkdir -p "$dir/home/luanti/world"
    cat >"$dir/home/luanti/conf" <<'END'
port = 30000
ipv6_server = true
server_name = Lua Länd
server_description = A small world
max_users = 7
server_announce = true
serverlist_url = http://127.0.0.1:8081
END
    printf '%s = sqlite3\n' backend player_backend auth_backend >"$dir/home/luanti/world/world.mt"
    echo 'gameid = devtest' >>"$dir/home/luanti/world/world.mt"
    printf '%s\n' "database=$dir/home/mumble.sqlite" port=64738 users=17 bonjour=false \
        >"$dir/home/mumble.ini"
    chown -R nobody "$dir/home"
}

agent_config() {
    cat >"$dir/agent.toml" <<'END'
push = "127.0.0.1:8081"
interval = "2s"
[[server]]
name = "openarena"
game = "openarena"
query = "quake3://127.0.0.1:27960"
[[server]]
name = "ioquake3"
game = "ioquake3"
query = "quake3://127.0.0.1:27961"
[[server]]
name = "nexuiz"
game = "nexuiz"
query = "quake3://[::1]:26000"
[[server]]
name = "luanti"
game = "luanti"
query = "luanti://[::1]:30000"
[[server]]
name = "teeworlds"
game = "teeworlds"
query = "teeworlds7://127.0.0.1:8303"
[[server]]
name = "ddnet"
game = "ddnet"
query = "teeworlds6://[::1]:8304"
[[server]]
name = "mumble"
game = "mumble"
query = "mumble://[::1]:64738"
override = { name = "Dusty's voices" }
[[server]]
name = "pushed"
game = "pushed"
port = 7777
override = { region = "eu" }
END
}

# The rows of the list: game, name, map, players, player limit.
rows() {
    inside curl -fsS http://127.0.0.1:8080/api/v1/servers | jq -rn 'input.servers[] |
        [.game, (.info | .name, .map, .players, .max_players)] | join("|")'
}
# The rows are read first: a list that cannot be read is neither empty nor without a server.
is_listed() {
    local rows
    rows=$(rows) && grep -qxF -- "${1:?}" <<<"$rows"
}
list_is_empty() {
    local rows
    rows=$(rows) && [ -z "$rows" ]
}
is_off() {
    local rows
    rows=$(rows) && ! grep -q "^${1:?}|" <<<"$rows"
}
identities() {
    inside curl -fsS http://127.0.0.1:8080/api/v1/servers |
        jq -rn 'input.servers[] | "\(.game) \(.identity)"' | sort
}
same_identities() {
    local now
    now=$(identities) && diff "$dir/identities" - <<<"$now"
}

# says SERVER QUERY ADDRESS [OPTION...]: its row as another program sees it, which counts bots.
says() {
    inside quakestat -raw '|' "${@:4}" "$2" "$3" |
        awk -F'|' -v game="$1" 'NF > 6 { print game "|" $3 "|" $4 "|" $6 "|" $5 }'
}
says_the_same() {
    local row
    row=$(says "$@") && [ -n "$row" ] && is_listed "$row"
}

joins() {
    start "player-$1" "${enter[@]}" python3 tests/live/agent_players.py "$2" "$3" "$4"
    within 30 logged "player-$1" '^joined'
}

# push METHOD GAME/PORT [OPTION...]: prints the status.
push() {
    inside curl -sS -o /dev/null -w '%{http_code}' -X "$1" -H 'Content-Type: application/json' \
        "${@:3}" "http://127.0.0.1:8081/api/v1/servers/$2"
}
pushes() { [ "$(push "${@:2}")" = "$1" ]; }

query_shows() { inside "$built/metaserve-agent" query "$1" | grep -q "$2"; }

agent_run() {
    local enter daemon agent fingerprint server row
    local -A game=() empty=(
        [openarena]="Dusty's Arena|oa_dm1|0|11" # The one who is there is a bot.
        [ioquake3]='Private places|oa_dm2|0|10' # Two of the twelve places are private.
        [nexuiz]='Nexuiz|aggressor|0|9'
        [luanti]='Lua Länd||0|7'
        [teeworlds]='Würfel|dm1|0|7'
        [ddnet]='Долина|Tutorial|0|13'
        [mumble]="Dusty's voices||0|17"
    )

    start network unshare --net sh -c 'ip link set lo up && echo up && exec sleep infinity'
    enter=(nsenter --net="/proc/$pid/ns/net")
    within 10 logged network '^up'
    prepare_games
    agent_config
    start daemon "${enter[@]}" "$built/metaserve-daemon" --listen 127.0.0.1:4433 --state-dir "$dir/state"
    within 20 logged daemon '^games connect with'
    fingerprint=$(sed -n 's/^certificate fingerprint (SHA-256): //p' "$dir/daemon.log")
    # Before the game servers: Luanti announces itself once, when it starts.
    start agent "${enter[@]}" "$built/metaserve-agent" --config "$dir/agent.toml" \
        --fingerprint "$fingerprint" --state-dir "$dir/agent"
    agent=$pid
    within 20 logged agent 'games push to'
    start_games

    for server in "${!empty[@]}"; do
        check "$server is on the list: its name, map and player limit" \
            within 60 is_listed "$server|${empty[$server]}"
    done
    within 60 logged openarena 'entered the game'
    check "a bot is no player" is_listed "openarena|${empty[openarena]}"
    check "another program sees ioquake3 like that" says_the_same ioquake3 -q3s 127.0.0.1:27961
    check "players join" joins mumble mumble ::1 64738
    check "another one" joins nexuiz nexuiz 127.0.0.1 26000
    check "another one, over IPv6" joins ddnet teeworlds6 ::1 8304
    check "another one, of version 0.7" joins teeworlds teeworlds7 127.0.0.1 8303
    for server in mumble nexuiz ddnet teeworlds; do
        row="$server|${empty[$server]}"
        check "the player of $server is on the list" within 20 is_listed "${row/|0|/|1|}"
    done
    check "another program sees Nexuiz like that" says_the_same nexuiz -nexuizs 127.0.0.1:26000
    check "another program sees DDNet like that" says_the_same ddnet -tees 127.0.0.1:8304 -utf8
    check "an operator sees what would be published" \
        query_shows quake3://127.0.0.1:27961 'Private places'

    check "a game of the settings tells its state by curl" \
        pushes 201 PUT pushed/7777 -d '{"name":"Told","players":3,"max_players":8}'
    check "any other game does" pushes 201 PUT 'other/7778?ttl=15' -d '{"name":"Other"}'
    check "the first is on the list" within 20 is_listed 'pushed|Told||3|8'
    check "the second is on the list" within 20 is_listed 'other|Other|||'
    check "it tells a change" pushes 200 PUT pushed/7777 -d '{"name":"Told","players":4}'
    check "the change is on the list" within 20 is_listed 'pushed|Told||4|'
    check "a page cannot push" \
        pushes 403 PUT pushed/7779 -d '{"name":"x"}' -H 'Origin: https://example.org'
    check "a game takes itself off the list" pushes 204 DELETE pushed/7777
    check "it leaves" within 10 is_off pushed

    identities | grep -v '^other' >"$dir/identities"
    check "all seven have an identity of their own" \
        [ "$(cut -d' ' -f2 "$dir/identities" | sort -u | wc -l)" = 7 ]
    kill -TERM "${game[luanti]}"
    check "Luanti says that it ends, and leaves" within 10 is_off luanti
    for server in openarena ioquake3 nexuiz teeworlds ddnet mumble; do
        kill -KILL "${game[$server]}"
    done
    wait "${game[@]}" 2>/dev/null || true
    check "killed servers leave, and so does a game that tells nothing for its TTL" \
        within 60 list_is_empty
    start_games
    for server in "${!empty[@]}"; do
        check "$server is back" within 60 is_listed "$server|${empty[$server]}"
    done
    check "each has the identity that it had" same_identities

    kill "$agent"
    check "an agent that is told to end takes its servers off the list" within 10 list_is_empty
    check "it ends well" ended_well "$agent"
    start again "${enter[@]}" "$built/metaserve-agent" --config "$dir/agent.toml" \
        --fingerprint "$fingerprint" --state-dir "$dir/agent"
    # It announces itself again only minutes later.
    check "the next agent knows Luanti's name" within 60 is_listed "luanti|${empty[luanti]}"
}
