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

# What the daemon serves and npm packs is what the sources give.
js_built() {
    cp "$js_package/metaserve-list.min.js" "$dir/committed.min.js"
    npm --prefix "$js_package" run build >>"$dir/js.log" 2>&1
    cmp "$dir/committed.min.js" "$js_package/metaserve-list.min.js" >>"$dir/js.log" 2>&1
}

js_small() {
    local bytes
    bytes=$(gzip -9n <"$js_package/metaserve-list.min.js" | wc -c)
    echo "the element and the list: $bytes bytes" >>"$dir/js.log"
    [ "$bytes" -lt 2048 ]
}

js_packs() {
    (cd "$js_package" && npm pack --json --pack-destination "$dir") >"$dir/packed.json" 2>>"$dir/js.log"
    node -e '
        const [{ files }] = JSON.parse(require("fs").readFileSync(process.argv[1]));
        const names = files.map(({ path }) => path).sort().join(" ");
        console.log(names);
        process.exit(names === process.argv[2] ? 0 : 1)' "$dir/packed.json" \
        "LICENSE-APACHE LICENSE-MIT README.md columns.js metaserve-list.d.ts metaserve-list.js metaserve-list.min.js package.json server-list.d.ts server-list.js" \
        >>"$dir/js.log"
}

js_axe() {
    METASERVE_AXE=$PWD/$js_package/node_modules/axe-core/axe.min.js \
        "${js_browser[@]}" -- --ignored axe >>"$dir/js.log" 2>&1
}

js_run() {
    check "the package's tests in Node, against a real daemon too" js_tests
    check "the package's types are right" js_types
    check "the minified element is what its sources give: else npm run build" js_built
    check "the element and the list are less than 2 KB minified and compressed" js_small
    check "the package has the files that it needs" js_packs
    check "axe finds nothing wrong with the page and the element" js_axe
}
