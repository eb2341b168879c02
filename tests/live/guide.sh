# The guide to a cluster: its commands on one machine, literally, in a network of their own

guide_page=docs/guide/cluster.md

guide_missing() {
    missing nats-server nats-server
    missing curl curl
    missing jq jq
    missing ip iproute2
}

guide_build() { cargo build -q --workspace --bin metaserve-daemon --example game_server --example game_client; }

# guide_blocks SCRIPT: writes the commands of the section into a script, in which the output of
# block N goes to out.N, and what the page says of it to said.N.
guide_blocks() {
    awk -v dir="$dir/guide" '
        /^## / { inside = $0 == "## On one machine" }
        !inside { next }
        /^```sh$/ { n++; kind = "sh"; print "{"; next }
        /^```text$/ { kind = "text"; next }
        /^```$/ { if (kind == "sh") print "} > " dir "/out." n " 2>> " dir "/errors"; kind = ""; next }
        kind == "sh" { print }
        kind == "text" { print > (dir "/said." n) }' "$guide_page" >"$1"
}

# It ends early if something that it waits for does not happen.
guide_follows() {
    timeout 900 unshare --net bash -c 'ip link set lo up && . "$0"' "$dir/guide/commands" \
        >"$dir/guide.log" 2>&1
}

guide_run() {
    local said n
    mkdir "$dir/guide"
    guide_blocks "$dir/guide/commands"
    check "the guide's cluster on one machine runs to its end" guide_follows
    for said in "$dir"/guide/said.*; do
        n=${said##*.}
        check "the guide's command $n prints what the page says" diff "$said" "$dir/guide/out.$n"
    done
}
