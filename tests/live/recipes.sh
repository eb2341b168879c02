# The recipes of the guide for any language, as they stand there, with a daemon and an agent

recipes_page=docs/guide/any-language.md

recipes_missing() {
    missing curl curl
    missing jq jq
    missing openssl openssl
    missing python3 python3
    missing lua5.4 lua5.4
    missing luajit luajit
    [ -e /usr/share/lua/5.4/socket/http.lua ] || echo lua-socket
    missing love love
    missing godot3-server godot3-server
}

recipes_build() { cargo build -q --workspace --bin metaserve-daemon --bin metaserve-agent; }

# block SECTION LANGUAGE [NUMBER]: code on the page, for our own programs and this recipe's port.
block() {
    code "$recipes_page" "$@" |
        sed -e "s#https://list.example.org#http://$http#" \
            -e "s#http://127.0.0.1:8081#http://$push#" \
            -e "s#/my-game/7777#/my-game/$port#"
}

# recipe NAME: a directory for one, with a port of its own. As many are playing as `count` says.
recipe() {
    name=$1 port=$((port + 1)) at=$dir/recipes/$1
    recipe_port[$name]=$port
    mkdir "$at"
    echo 1 >"$at/count"
    cp "$dir/recipes/secret.txt" "$at"
}

# begin COMMAND...: runs the recipe.
begin() {
    start "$name" env -C "$at" HOME="$at" XDG_RUNTIME_DIR="$at" PATH="$at:$PATH" "$@"
    recipe_pid[$name]=$pid
}

begin_shell() {
    recipe shell
    block Shell sh >"$at/announce.sh"
    printf '#!/bin/sh\ncat count\n' >"$at/players"
    chmod 755 "$at/players"
    begin sh announce.sh
}

begin_python() {
    recipe python
    block Python python >"$at/announce.py"
    echo 'def players(): return int(open("count").read())' >"$at/game.py"
    begin python3 announce.py
}

# begin_lua INTERPRETER
begin_lua() {
    recipe "$1"
    block Lua lua >"$at/announce.lua"
    cat >"$at/game.lua" <<'END'
return {
  players = function() return tonumber((io.open("count"):read())) end,
  running = function() return not io.open("quit") end,
}
END
    begin "$1" announce.lua
}

begin_love() {
    recipe love
    block LÖVE lua 1 >"$at/announce.lua"
    block LÖVE lua 2 >"$at/main.lua"
    cat >>"$at/main.lua" <<'END'

local before
function love.update()
  local now = tonumber((io.open("count"):read()))
  if now and now ~= before then announce(now) end
  before = now
  if io.open("quit") then love.event.quit() end
  collectgarbage() -- closes files
end
END
    cat >"$at/conf.lua" <<'END'
function love.conf(t)
  t.modules.window, t.modules.graphics, t.modules.audio = false, false, false
end
END
    begin love .
}

# Its players are other programs of Godot.
begin_godot() {
    recipe godot
    block Godot gdscript >"$at/announce.gd"
    cat >"$at/project.godot" <<'END'
config_version=4
[application]
run/main_scene="res://main.tscn"
[autoload]
Announce="*res://announce.gd"
END
    cat >"$at/main.tscn" <<'END'
[gd_scene load_steps=2 format=2]
[ext_resource path="res://main.gd" type="Script" id=1]
[node name="main" type="Node"]
script = ExtResource( 1 )
END
    cat >"$at/main.gd" <<END
extends Node

func _ready():
	var peer = NetworkedMultiplayerENet.new()
	peer.set_bind_ip("127.0.0.1")
	peer.create_server($port, 8)
	get_tree().network_peer = peer
	while not File.new().file_exists("res://quit"):
		yield(get_tree().create_timer(0.1), "timeout")
	yield(Announce.leave(), "completed")
	get_tree().quit()
END
    mkdir "$dir/recipes/player"
    echo 'config_version=4' >"$dir/recipes/player/project.godot"
    cat >"$dir/recipes/player/player.gd" <<END
extends SceneTree

func _initialize():
	var peer = NetworkedMultiplayerENet.new()
	peer.create_client("127.0.0.1", $port)
	network_peer = peer
END
    begin godot3-server --path .
    godot_plays
}

godot_plays() {
    start player env -C "$dir/recipes/player" HOME="$dir/recipes/player" \
        godot3-server --script player.gd
}

# A Quake III server that does nothing but answer.
begin_agent() {
    recipe agent
    cat >"$at/server.py" <<'END'
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    question, address = server.recvfrom(2048)
    challenge = question[4:].split()[1].decode() if b" " in question else ""
    infos = f"\\challenge\\{challenge}\\sv_hostname\\Dusty's\\mapname\\dunes\\sv_maxclients\\8"
    players = '0 50 "player"\n' * int(open("count").read())
    if question[4:].startswith(b"getstatus"):
        server.sendto(b"\xff\xff\xff\xffstatusResponse\n" + f"{infos}\n{players}".encode(), address)
END
    begin python3 server.py "$port"
    block "A server that cannot be changed" toml |
        sed -e "s#^daemon = .*#daemon = \"$daemon\"\nfingerprint = \"$fingerprint\"#" \
            -e "s#/var/lib/metaserve-agent#$at/state#" -e "s#27960#$port#" \
            -e 's#^game = .*#game = "my-game"#' >"$at/agent.toml"
    start "its agent" "$built/metaserve-agent" --config "$at/agent.toml"
    its_agent=$pid
}

# listed NAME COUNT: whether so many players are listed for it; nothing: whether it is not listed.
listed() {
    local list is wanted=${2:+"Dusty's $2"}
    # A list that cannot be read is no list without it.
    list=$(curl -fsS "http://$http/api/v1/servers?game=my-game") &&
        is=$(jq -rn --arg address "127.0.0.1:${recipe_port[$1]}" \
            'input.servers[] | select(.address == $address) | "\(.info.name) \(.info.players)"' \
            <<<"$list") &&
        [ "$is" = "$wanted" ]
}

# The README's commands, in order: a loop without an end, and what takes the server off.
readme_lists() {
    local recipes_page=README.md
    recipe readme
    unset "recipe_port[readme]"
    block "In any other language" sh 2 >"$at/announce.sh"
    block "In any other language" sh 3 >"$at/leave.sh"
    begin sh announce.sh
    within 60 readme_listed "My server" || return
    kill "$pid"
    (cd "$at" && sh leave.sh) && within 30 readme_listed ""
}

readme_listed() {
    local list is
    list=$(curl -fsS "http://$http/api/v1/servers?game=my-game&q=My+server") &&
        is=$(jq -rn 'input.servers[].info.name' <<<"$list") && [ "$is" = "$1" ]
}

# Whether the three servers at the daemon and the four at the agent have said that they end.
ended_by_word() {
    local metrics
    metrics=$(curl -fsS "http://$http/metrics") &&
        grep -q '^metaserve_announces_total{outcome="unlisted"} 3$' <<<"$metrics" &&
        [ "$(grep -c 'it has told that it ends' "$dir/agent.log")" = 4 ]
}

recipes_run() {
    local http push daemon fingerprint its_agent name at each
    local -A recipe_pid recipe_port
    local port=$((20000 + RANDOM % 10000))

    start daemon "$built/metaserve-daemon" --listen 127.0.0.1:0 --http 127.0.0.1:0 --announce on \
        --state-dir "$dir/state"
    within 20 logged daemon 'http://'
    http=$(sed -n 's#.*http://\([^/ ]*\).*#\1#p' "$dir/daemon.log" | head -n 1)
    daemon=$(sed -n 's/.*listens on \([^ ]*\) (UDP)/\1/p' "$dir/daemon.log")
    fingerprint=$(sed -n 's/^certificate fingerprint (SHA-256): //p' "$dir/daemon.log")
    start agent "$built/metaserve-agent" --daemon "$daemon" --fingerprint "$fingerprint" \
        --push 127.0.0.1:0 --state-dir "$dir/agent-state"
    within 20 logged agent 'games push to'
    push=$(sed -n 's#.*games push to http://##p' "$dir/agent.log")

    mkdir "$dir/recipes"
    block "The secret" sh >"$dir/recipes/make-secret.sh"
    (cd "$dir/recipes" && sh make-secret.sh)
    check "only its owner can read the secret" \
        [ "$(stat -c %a "$dir/recipes/secret.txt")" = 600 ]

    check "the README's commands list a server and take it off" readme_lists
    begin_shell
    begin_python
    begin_lua lua5.4
    begin_lua luajit
    begin_love
    begin_godot
    begin_agent
    for each in "${!recipe_port[@]}"; do
        check "$each: the server is listed" within 60 listed "$each" 1
    done

    for each in "${!recipe_port[@]}"; do
        # At once: a program that read half a file would end.
        echo 2 >"$dir/recipes/$each/next"
        mv "$dir/recipes/$each/next" "$dir/recipes/$each/count"
    done
    godot_plays
    for each in "${!recipe_port[@]}"; do
        check "$each: another player is listed" within 60 listed "$each" 2
    done

    for each in lua5.4 luajit love godot; do touch "$dir/recipes/$each/quit"; done
    kill "${recipe_pid[shell]}" "${recipe_pid[python]}" "$its_agent"
    for each in "${!recipe_port[@]}"; do
        check "$each: a server that ends is off the list" within 60 listed "$each" ""
    done
    check "none of them was left to its TTL" ended_by_word
}
