# Several daemons with one list, over three NATS servers

cluster=(cargo test --workspace --features metaserve-tests/cluster --test cluster)

# The package starts a server at once; the tests use servers of their own.
cluster_missing() { missing nats-server nats-server; }

cluster_build() {
    "${cluster[@]}" -q --no-run
    [ "$(type -t systemctl)" = "" ] || systemctl disable -q --now nats-server 2>/dev/null || true
}

cluster_passed() { grep -qxF "test $1 ... ok" "$dir/cluster.log"; }

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
}
