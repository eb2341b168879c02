# Several daemons with one list, over three NATS servers

cluster=(cargo test --workspace --features metaserve-tests/cluster --test cluster)

cluster_missing() {
    missing nats-server nats-server
    missing faketime faketime
}

cluster_build() {
    "${cluster[@]}" -q --no-run
    cargo build --workspace -q --example load
    no_service nats-server
}

cluster_passed() { grep -qxF "test $1 ... ok" "$dir/cluster.log"; }

# Servers and clients at members, edges, and a member that joins: exit code 1 if a list is wrong.
cluster_load() {
    "$built/examples/load" --cluster 3 --edges 2 --join --move --servers 60 --clients 20 \
        --seconds 5s >"$dir/load.log" 2>&1
}

cluster_run() {
    local names name words
    mapfile -t names < <(tests_of "${cluster[@]}")
    "${cluster[@]}" -- --nocapture --test-threads 8 >"$dir/cluster.log" 2>&1 || true
    check "there are tests of clusters" [ "${#names[@]}" != 0 ]
    for name in "${names[@]}"; do
        words=${name//::/, }
        check "cluster: ${words//_/ }" cluster_passed "$name"
    done
    sed -n 's/^figure: /        /p' "$dir/cluster.log"
    check "cluster: every list is right under load, with edges and a member that joins" cluster_load
}
