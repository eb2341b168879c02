# The independent peer in Python against the daemon (tests/conformance)

conformance_missing() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
    missing strace strace
}

conformance_build() {
    cargo build -q --workspace --bin metaserve-daemon --example game_client --example load
}

# Its checks count as ours.
conformance_run() {
    local log=$dir/conformance.log ok=0 wrong=1
    tests/conformance/run "$built" >"$log" 2>"$dir/conformance-errors.log" || true
    sed -n '/^ok /p; /^FAILED/,/^ok /{/^ok /!p}; s/^figure: /        /p' "$log"
    if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        ok=${BASH_REMATCH[1]} wrong=${BASH_REMATCH[2]}
    fi
    passed=$((passed + ok))
    failed=$((failed + wrong))
    check "the independent peer has checked much" [ "$ok" -gt 500 ]
}
