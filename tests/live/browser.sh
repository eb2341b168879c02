# The page in a real Chromium

page=(cargo test -q --workspace --features metaserve-tests/browser --test browser)

browser_missing() {
    missing chromium chromium
    missing chromedriver chromium-driver
}

browser_build() { "${page[@]}" --no-run; }

page_test() { "${page[@]}" -- --exact "$1" >>"$dir/page.log" 2>&1; }

browser_run() {
    local names name
    mapfile -t names < <(tests_of "${page[@]}")
    check "the page has tests" [ "${#names[@]}" != 0 ]
    for name in "${names[@]}"; do
        check "in Chromium: ${name//_/ }" page_test "$name"
    done
}
