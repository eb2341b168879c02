# A page in Chromium, for parts that drive it by its WebDriver themselves; sourced by them.
# `"${enter[@]}"` runs a command in their network.

chromium_missing() {
    missing chromium chromium
    missing chromedriver chromium-driver
    missing curl curl
    missing jq jq
}

# webdriver PATH JSON: prints the value of the answer.
webdriver() {
    "${enter[@]}" curl -fsS -H 'Content-Type: application/json' -d "$2" \
        "http://127.0.0.1:9515/session$1" | jq .value
}

# open_page URL: and notes from now on when which row was there first, and when it was no longer.
open_page() {
    start chromedriver "${enter[@]}" chromedriver --port=9515
    within 60 logged chromedriver 'started successfully'
    local options='{"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,700"]}'
    session=$(webdriver "" "{\"capabilities\": {\"alwaysMatch\": {\"goog:chromeOptions\": $options}}}" |
        jq -r .sessionId)
    webdriver "/$session/url" "$(jq -n --arg url "$1" '{url: $url}')" >"$dir/opened"
    in_page "$(cat tests/live/page_rows.js)" >"$dir/observed"
}

# in_page SCRIPT ARGUMENT...: prints what it returns, as JSON.
in_page() {
    webdriver "/$session/execute/sync" \
        "$(jq -n --arg script "$1" '{script: $script, args: $ARGS.positional}' --args "${@:2}")"
}

# on_page ROW: whether the page shows this row: game, name, map, players, with `|` between them.
on_page() { [ "$(in_page 'return window.rows.has(arguments[0])' "$1")" = true ]; }
off_page() { [ "$(in_page 'return [...window.rows].some((it) => it.includes(arguments[0]))' "$1")" = false ]; }

# shown_at ROW: when the page showed it first, in milliseconds since 1970.
shown_at() { in_page 'return window.shown[arguments[0]]' "$1"; }

# page_picture NAME: keeps what the page looks like, in the directory of PICTURES.
page_picture() {
    [ -z "${PICTURES:-}" ] || "${enter[@]}" curl -fsS "http://127.0.0.1:9515/session/$session/screenshot" |
        jq -r .value | base64 -d >"$PICTURES/$1.png"
}

close_page() {
    "${enter[@]}" curl -fsS -o /dev/null -X DELETE "http://127.0.0.1:9515/session/$session"
}
