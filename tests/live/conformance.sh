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
    local log=$dir/conformance.log before=$passed
    tests/conformance/run "$built" >"$log" 2>"$dir/conformance-errors.log" || true
    sed -n '/^ok /p; /^FAILED/,/^ok /{/^ok /!p}; s/^figure: /        /p' "$log"
    count "$(tail -n 1 "$log")"
    check "the independent peer has checked much" [ "$((passed - before))" -gt 500 ]
}
