# The page of examples/realm in a real Chromium

realm_page=(cargo test -q --manifest-path examples/realm/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}" --test browser)

realm-browser_missing() {
    missing chromium chromium
    missing chromedriver chromium-driver
}

realm-browser_build() { "${realm_page[@]}" --no-run; }

realm_page_test() { "${realm_page[@]}" -- --ignored --exact "$1" >>"$dir/realm-page.log" 2>&1; }

realm-browser_run() {
    local names name
    mapfile -t names < <(ignored_of "${realm_page[@]}")
    check "the realm's page has tests" [ "${#names[@]}" != 0 ]
    for name in "${names[@]}"; do
        check "the realm in Chromium: ${name//_/ }" realm_page_test "$name"
    done
}
