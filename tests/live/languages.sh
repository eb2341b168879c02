# The shortest programs of each language, as they stand in the guide, on one list

languages_page=docs/guide/ten-lines.md
languages_recipes=docs/guide/c-recipes.md

languages_missing() {
    missing cc gcc
    missing g++ g++
    missing luajit luajit
    missing mcs mono-mcs
    missing mono mono-runtime
    missing node nodejs
    missing npm npm
    missing curl curl
    missing jq jq
    missing openssl openssl
    missing python3 python3
    missing chromium chromium
    missing chromedriver chromium-driver
}

languages_build() {
    cargo build -q --workspace --lib --bin metaserve-daemon
    npm --prefix metaserve-client/js ci --no-fund --no-audit >>"$dir/npm.log" 2>&1
    npm --prefix "$dir/koffi" install --no-fund --no-audit koffi@3.3.4 >>"$dir/npm.log" 2>&1
}

# program PAGE SECTION LANGUAGE NUMBER: one of a page, for our own daemon and this server's port.
program() {
    code "$@" |
        sed -e "s#localhost:4433#$daemon#" -e "s#the 64 digits that the daemon prints#$fingerprint#" \
            -e "s#http://localhost:8080#http://$http#" -e "s#7777#$port#"
}

# language NAME: a directory for its programs, and a port for its server.
language() {
    name=$1 port=$((port + 1)) at=$dir/languages/$1
    mkdir -p "$at"
    cp "$dir/secret.txt" metaserve/ffi/include/metaserve.ffi.h "$at"
}

# client COMMAND...: runs the client of the language; lines are written as they come.
client() {
    start "$name-client" env -C "$at" "${with_library[@]}" stdbuf -oL "$@"
    clients+=("$name")
    client_pid+=("$pid")
}

# server COMMAND...: runs its server, which waits until somebody writes to its pipe.
server() {
    mkfifo "$at/players"
    start "$name-server" env -C "$at" "${with_library[@]}" \
        bash -c 'exec "$@" <players' server "$@"
    servers[$name]=$port
    server_pid[$name]=$pid
}

languages_c() {
    language c
    program "$languages_page" C c 1 >"$at/server.c"
    program "$languages_page" C c 2 >"$at/client.c"
    for each in server client; do
        cc -std=gnu11 -Wall -Wextra -o "$at/$each" "$at/$each.c" "${library[@]}" || return
    done
    client ./client
    server ./server
}

languages_cpp() {
    language c++
    program "$languages_page" C++ cpp 1 >"$at/server.cpp"
    program "$languages_page" C++ cpp 2 >"$at/client.cpp"
    for each in server client; do
        g++ -std=c++11 -Wall -o "$at/$each" "$at/$each.cpp" "${library[@]}" || return
    done
    client ./client
    server ./server
}

languages_python() {
    language python
    program "$languages_page" Python python 1 >"$at/server.py"
    program "$languages_page" Python python 2 >"$at/client.py"
    client python3 client.py
    server python3 server.py
}

languages_luajit() {
    language luajit
    program "$languages_page" LuaJIT lua 1 >"$at/server.lua"
    program "$languages_page" LuaJIT lua 2 >"$at/client.lua"
    client luajit client.lua
    server luajit server.lua
}

languages_csharp() {
    language csharp
    program "$languages_page" 'C#' csharp 1 >"$at/server.cs"
    program "$languages_page" 'C#' csharp 2 >"$at/client.cs"
    for each in server client; do mcs -nologo "-out:$at/$each.exe" "$at/$each.cs" || return; done
    client mono client.exe
    server mono server.exe
}

languages_javascript() {
    language javascript
    mkdir -p "$at/node_modules/@metaserve"
    ln -s "$PWD/metaserve-client/js" "$at/node_modules/@metaserve/list"
    ln -s "$PWD/metaserve-client/js/node_modules/eventsource" "$at/node_modules/eventsource"
    program "$languages_page" JavaScript js 1 >"$at/server.mjs"
    program "$languages_page" JavaScript js 2 >"$at/client.mjs"
    client node client.mjs
    server node server.mjs
}

languages_shell() {
    language shell
    program "$languages_page" Shell sh 1 >"$at/server.sh"
    program "$languages_page" Shell sh 2 >"$at/client.sh"
    start shell-client env -C "$at" bash client.sh
    server bash server.sh
}

# The recipe for Node over the C library.
languages_koffi() {
    language koffi
    ln -s "$dir/koffi/node_modules" "$at/node_modules"
    program "$languages_recipes" Node js 1 >"$at/metaserve.mjs"
    program "$languages_recipes" Node js 2 >"$at/server.mjs"
    program "$languages_recipes" Node js 3 >"$at/client.mjs"
    client node client.mjs
    server node server.mjs
}

# The recipe for C#: one program that is both.
languages_mono() {
    language mono
    program "$languages_recipes" 'C#' csharp 1 >"$at/Metaserve.cs"
    program "$languages_recipes" 'C#' csharp 2 >"$at/Program.cs"
    mcs -nologo "-out:$at/program.exe" "$at/Metaserve.cs" "$at/Program.cs" || return
    server mono program.exe
}

# The parts for engines, against declarations of what they use of them.
languages_unity() {
    program "$languages_recipes" Unity csharp 1 >"$dir/languages/Unity.cs"
    mcs -nologo -target:library "-out:$dir/languages/unity.dll" "$dir/languages/mono/Metaserve.cs" \
        "$dir/languages/Unity.cs" tests/live/engines/UnityEngine.cs
}
languages_godot() { languages_compiles Godot; }
languages_unreal() { languages_compiles Unreal; }
languages_compiles() {
    program "$languages_recipes" "$1" cpp 1 >"$dir/languages/$1.h"
    echo "#include \"$1.h\"" >"$dir/languages/$1.cpp"
    g++ -std=c++17 -Wall -Wextra -Werror -Wno-unused-parameter -fsyntax-only -I metaserve/ffi/include \
        -I "tests/live/engines/${1,,}" "$dir/languages/$1.cpp"
}

# tell_all PLAYERS: so many play at each server now.
tell_all() {
    local name
    for name in "${!servers[@]}"; do echo "$1" >&"${pipe[$name]}"; done
}

# shows CLIENT SIGNS PLAYERS: whether the last line about each server has one of these signs.
shows() {
    local name last pattern="^($2)[[:space:]].*\"players\": ?$3[,}]"
    for name in "${!servers[@]}"; do
        last=$(grep -E "127\.0\.0\.1:${servers[$name]}\b" "$dir/$1.log" | tail -n 1)
        [[ $last =~ $pattern ]] || return
    done
}

# The client in a shell prints records as the daemon has them.
shell_shows() {
    local name last pattern="\"players\":$1[,}]"
    for name in "${!servers[@]}"; do
        last=$(grep -F "\"127.0.0.1:${servers[$name]}\"" "$dir/shell-client.log" | tail -n 1)
        [[ $last =~ $pattern ]] || return
    done
}
# The numbers of all, or an empty list after them.
shell_shows_end() {
    [ "$(grep -c '^{"removed":' "$dir/shell-client.log")" -ge "${#servers[@]}" ] ||
        [ "$(tail -n 1 "$dir/shell-client.log")" = '{"list":[]}' ]
}

# web METHOD PATH [BODY]: a request to the driver of Chromium.
web() { curl -fsS --noproxy '*' -X "$1" "http://127.0.0.1:$driver$2" ${3:+-d "$3"}; }

# It ends when it is given a port of one address family that is taken in the other: another time.
open_page() {
    local attempt session
    for attempt in {1..10}; do
        start "chromedriver-$attempt" chromedriver --port=0
        within 60 driver_listens "$attempt" && break
    done
    driver=$(sed -n 's/.*successfully on port \([0-9]*\).*/\1/p' "$dir/chromedriver-$attempt.log")
    session=$(web POST /session '{"capabilities":{"alwaysMatch":{"goog:chromeOptions":{"args":
        ["--headless=new","--no-sandbox","--disable-dev-shm-usage"]}}}}' | jq -r .value.sessionId)
    page=/session/$session
    web POST "$page/url" "{\"url\":\"http://$http/\"}" >>"$dir/page.log"
}
driver_listens() { ended "$pid" || logged "chromedriver-$1" 'successfully on port'; }

# page_shows SERVERS [PLAYERS]: whether the page has so many rows, all with so many players.
page_shows() {
    web POST "$page/execute/sync" '{"args":[],"script":
        "return [...document.querySelectorAll(\"#rows > tr\")].map((row) => row.cells[1].innerText.trim())"}' |
        jq -e --arg players "${2:-}" --argjson servers "$1" \
            '.value | length == $servers and all(. == $players)' >>"$dir/page.log"
}

languages_run() {
    local daemon fingerprint http name at port driver page each
    local -a clients client_pid library with_library
    local -A servers server_pid pipe
    port=$((20000 + RANDOM % 10000))
    mkdir "$dir/lib" "$dir/languages"
    cp "$built/libmetaserve_ffi.so" "$dir/lib/libmetaserve.so.1"
    ln -s libmetaserve.so.1 "$dir/lib/libmetaserve.so"
    library=(-I metaserve/ffi/include -L "$dir/lib" -lmetaserve)
    with_library=(LD_LIBRARY_PATH="$dir/lib" PYTHONPATH="$PWD/metaserve/ffi/python/src"
        PYTHONDONTWRITEBYTECODE=1)
    (umask 077; printf 'Authorization: Bearer %s\n' "$(openssl rand -hex 32)" >"$dir/secret.txt")

    start daemon "$built/metaserve-daemon" --listen 127.0.0.1:0 --http 127.0.0.1:0 --announce on \
        --state-dir "$dir/state"
    within 60 logged daemon 'http://'
    http=$(sed -n 's#.*http://\([^/ ]*\).*#\1#p' "$dir/daemon.log" | head -n 1)
    daemon=$(sed -n 's/.*listens on \([^ ]*\) (UDP)/\1/p' "$dir/daemon.log")
    fingerprint=$(sed -n 's/^certificate fingerprint (SHA-256): //p' "$dir/daemon.log")

    for each in c cpp python luajit csharp javascript shell koffi mono; do
        check "$each: the programs of the guide start" "languages_$each"
    done
    for each in unity godot unreal; do
        check "$each: the recipe fits the library" "languages_$each"
    done
    check "Chromium opens the page" open_page
    # From here on this shell holds the pipes open, and so would everything that it starts.
    for name in "${!servers[@]}"; do exec {pipe[$name]}<>"$dir/languages/$name/players"; done

    tell_all 1
    languages_all "all servers appear" '\+|1|added|Added' 1 "${#servers[@]}"
    tell_all 2
    languages_all "all servers change" '~|2|updated|Updated' 2 "${#servers[@]}"
    for name in "${!servers[@]}"; do exec {pipe[$name]}>&-; done
    for name in "${!servers[@]}"; do
        check "$name: the server ends without an error" ended_well "${server_pid[$name]}"
    done
    languages_all "all servers are gone" '-|3|removed|Removed' 2 0
    web DELETE "$page" >>"$dir/page.log"
}

# languages_all WHAT SIGNS PLAYERS ROWS: whether each client shows it.
languages_all() {
    local each
    for each in "${clients[@]}"; do
        check "the client in $each: $1" within 120 shows "$each-client" "$2" "$3"
    done
    if [ "$4" = 0 ]; then
        check "the client in a shell: $1" within 120 shell_shows_end
        check "the page in Chromium: $1" within 120 page_shows 0
    else
        check "the client in a shell: $1" within 120 shell_shows "$3"
        check "the program for Mono: $1" within 120 shows mono-server "$2" "$3"
        check "the page in Chromium: $1" within 120 page_shows "$4" "$3"
    fi
}
