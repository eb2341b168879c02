# What the parts for lists of servers have in common: a network of its own with a daemon, a bridge,
# and a page to look at; sourced by them.

inside() { "${enter[@]}" "$@"; }
# game SERVER COMMAND...: starts it as nobody, whose home is a directory of its own.
game() {
    local server=$1
    shift
    start "$server" "${enter[@]}" --wdns="$dir/home" \
        setpriv --reuid nobody --regid nogroup --clear-groups env HOME="$dir/home" "$@"
    game[$server]=$pid
}

# open_lists OPTION...: a daemon, and a bridge with these options that is trusted by it.
open_lists() {
    start network unshare --net sh -c 'ip link set lo up && echo up && exec sleep infinity'
    enter=(nsenter --net="/proc/$pid/ns/net")
    within 10 logged network '^up'
    mkdir -p "$dir/home"
    chown nobody "$dir/home"
    bridge_options=("$@")
    # The bridge makes its identity at its first start; the daemon has to know it.
    start bridge "${enter[@]}" "$built/metaserve-lobby-bridge" --state-dir "$dir/bridge" \
        --daemon 127.0.0.1:4433 "${bridge_options[@]}"
    within 60 logged bridge 'with: --trust-relay'
    trusted=$(sed -n 's/.*--trust-relay //p' "$dir/bridge.log" | head -n 1)
    kill "$pid"
    within 60 ended "$pid"
    : >"$dir/bridge.log" # It is appended to.
    start daemon "${enter[@]}" "$built/metaserve-daemon" --listen 127.0.0.1:4433 \
        --state-dir "$dir/state" --http 127.0.0.1:8080 --announce on --trust-relay "$trusted"
    within 60 logged daemon '^games connect with'
    fingerprint=$(sed -n 's/^certificate fingerprint (SHA-256): //p' "$dir/daemon.log")
    open_bridge
    within 60 logged bridge 'connected to the daemon'
}

open_bridge() {
    start bridge "${enter[@]}" "$built/metaserve-lobby-bridge" --state-dir "$dir/bridge" \
        --daemon 127.0.0.1:4433 --fingerprint "$fingerprint" "${bridge_options[@]}"
    bridge=$pid
}

# The rows of the page: game, name, map, players, player limit.
rows() {
    inside curl -fsS http://127.0.0.1:8080/api/v1/servers | jq -r '.servers[] |
        [.game, (.info | .name, .map, .players, .max_players)] | join("|")'
}
is_listed() { rows | grep -qxF "$1"; }
is_off() { ! rows | grep -qF "$1"; }

# native GAME/PORT JSON: announces a server to the daemon in the way of today's games.
native() {
    inside curl -fsS -o /dev/null -X PUT -H 'Content-Type: application/json' \
        -H "Authorization: Bearer 0123456789abcdef0123456789abcdef" \
        -d "$2" "http://127.0.0.1:8080/api/v1/servers/$1?ttl=300"
}
