# Faults in real networks, beside a truth

faults=(cargo test --workspace --features metaserve-tests/faults --test faults)

faults_missing() {
    missing ip iproute2
    missing nft nftables
    missing faketime faketime
    missing nats-server nats-server
}

faults_build() {
    "${faults[@]}" -q --no-run
    no_service nats-server
}

fault_passed() { grep -qxF "test $1 ... ok" "$dir/faults.log"; }

# All at once, each in a network of its own: they mostly wait.
faults_run() {
    local names name words
    mapfile -t names < <(tests_of "${faults[@]}")
    "${faults[@]}" -- --nocapture --test-threads 64 >"$dir/faults.log" 2>&1 || true
    check "there are tests of faults" [ "${#names[@]}" != 0 ]
    for name in "${names[@]}"; do
        words=${name//::/, }
        check "faults: ${words//_/ }" fault_passed "$name"
    done
    sed -n 's/^figure: /        /p' "$dir/faults.log"
}
