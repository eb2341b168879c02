# The npm package in Node, against a real daemon, and what axe finds in Chromium

js_package=metaserve-client/js
js_browser=(cargo test -q --workspace --features metaserve-tests/browser --test browser)

js_missing() {
    missing node nodejs
    missing npm npm
    missing chromium chromium
    missing chromedriver chromium-driver
}

js_build() {
    cargo build -q --workspace --bin metaserve-daemon
    "${js_browser[@]}" --no-run
    npm --prefix "$js_package" ci --no-fund --no-audit >>"$dir/js.log" 2>&1
}

js_tests() { DAEMON=$PWD/$built/metaserve-daemon npm --prefix "$js_package" test >>"$dir/js.log" 2>&1; }
js_types() { npm --prefix "$js_package" run types >>"$dir/js.log" 2>&1; }

# js_bytes FILE: what it and its imports are for those who load them, minified and compressed.
js_bytes() {
    "$js_package/node_modules/.bin/esbuild" --bundle --minify --format=esm "$js_package/$1" |
        gzip -9 | wc -c
}

js_small() {
    local bytes
    bytes=$(js_bytes metaserve-list.js)
    echo "the element and the list: $bytes bytes" >>"$dir/js.log"
    [ "$bytes" -lt 2400 ]
}

js_packs() {
    (cd "$js_package" && npm pack --json --pack-destination "$dir") >"$dir/packed.json" 2>>"$dir/js.log"
    node -e '
        const [{ files }] = JSON.parse(require("fs").readFileSync(process.argv[1]));
        const names = files.map(({ path }) => path).sort().join(" ");
        console.log(names);
        process.exit(names === process.argv[2] ? 0 : 1)' "$dir/packed.json" \
        "LICENSE-APACHE LICENSE-MIT README.md columns.js metaserve-list.d.ts metaserve-list.js package.json server-list.d.ts server-list.js" \
        >>"$dir/js.log"
}

js_axe() {
    METASERVE_AXE=$PWD/$js_package/node_modules/axe-core/axe.min.js \
        "${js_browser[@]}" -- --ignored axe >>"$dir/js.log" 2>&1
}

js_run() {
    check "the package's tests in Node, against a real daemon too" js_tests
    check "the package's types are right" js_types
    check "the element and the list are small" js_small
    check "the package has the files that it needs" js_packs
    check "axe finds nothing wrong with the page and the element" js_axe
}
