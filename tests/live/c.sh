# libmetaserve in C and C++: the header in each standard, the examples under valgrind and ASan

c_missing() {
    missing gcc gcc
    missing g++ g++
    missing make make
    missing pkg-config pkg-config
    missing valgrind valgrind
    missing readelf binutils
    # What valgrind needs to know the loader's functions.
    [ -e /usr/lib/debug/.build-id ] || echo libc6-dbg
}

c_build() {
    cargo build -q --workspace --bin metaserve-daemon
    PROFILE=dev metaserve/ffi/install "$dir/c"
}

# c_compiles COMPILER STANDARD: the header, twice.
c_compiles() {
    local language=c
    [ "$1" = gcc ] || language=c++
    printf '#include <metaserve.h>\n#include <metaserve.h>\nint main(void) { return (int)ms_abi_version() - MS_ABI_VERSION; }\n' |
        "$1" -x "$language" "-std=$2" -Wall -Wextra -Werror -pedantic -I "$dir/c/include" \
            -fsyntax-only -
}

# c_make NAME WORD...: the examples, in a directory of their own.
c_make() {
    # Without programs that a developer has built there.
    mkdir "$dir/c-$1" && cp examples/c/*.c examples/c/*.cpp examples/c/Makefile "$dir/c-$1"
    make -s -C "$dir/c-$1" "${@:2}" >>"$dir/c.log" 2>&1
}

c_symbols() {
    diff <(grep -o '\bms_[a-z_]*(' "$dir/c/include/metaserve.ffi.h" | tr -d '(' | sort) \
        <(nm --dynamic --defined-only "$dir/c/lib/libmetaserve.so" | awk '{ print $3 }' | sort) \
        >>"$dir/c.log"
}

c_soname() {
    readelf --dynamic "$dir/c/lib/libmetaserve.so" | grep -q 'SONAME.*\[libmetaserve.so.1\]' &&
        readelf --dynamic "$dir/c-plain/server" | grep -q 'NEEDED.*\[libmetaserve.so.1\]'
}

# c_is_static: the programs have the library inside.
c_is_static() {
    local program
    for program in server client game_loop server-cpp client-cpp; do
        readelf --dynamic "$dir/c-static/$program" | grep -q NEEDED &&
            ! readelf --dynamic "$dir/c-static/$program" | grep 'NEEDED.*metaserve' || return
    done
}

# c_serves DIRECTORY NAME COMMAND...: a server, a client and a loop, run by the command, see each
# other, and end well when they are told to.
c_serves() {
    local at=$1 name=$2 client server loop
    shift 2
    start "$name client" "$@" "$at/client" "$daemon" "$fingerprint"
    client=$pid
    start "$name server" "$@" "$at/server" "$daemon" "$fingerprint"
    server=$pid
    start "$name loop" "$@" "$at/game_loop" "$daemon" "$fingerprint"
    loop=$pid
    within 60 logged "$name client" '^[+] .*:7777 .*"C"' &&
        within 60 logged "$name client" '^[+] .*:7778 .*"Loop"' &&
        within 60 logged "$name client" '^~ .*:7777 .*"C"' &&
        within 60 logged "$name loop" '^add row [0-9]*: .*:7777' || return
    kill -INT "$server" && within 60 ended "$server" && wait "$server" || return
    within 60 logged "$name client" '^- .*:7777' || return
    kill -INT "$loop" "$client" && within 60 ended "$loop" && within 60 ended "$client" &&
        wait "$loop" && wait "$client"
}

c_cpp_serves() {
    local at=$dir/c-plain
    start "C++ client" "$at/client-cpp" "$daemon" "$fingerprint"
    local client=$pid
    start "C++ server" "$at/server-cpp" "$daemon" "$fingerprint"
    within 60 logged "C++ client" ':7779 .*"C[+][+]"' && kill -INT "$client" "$pid" &&
        within 60 ended "$client" && within 60 ended "$pid" && wait "$client" && wait "$pid"
}

# c_says_why PROGRAM: without a daemon that it trusts, it ends with 1 and the reason.
c_says_why() {
    start "$1 untrusting" "$dir/c-plain/$1" "$daemon" "$(printf 'ab%.0s' {1..32})"
    within 60 ended "$pid" || return
    local code=0
    wait "$pid" || code=$?
    [ "$code" = 1 ] && logged "$1 untrusting" 'not trusted'
}

# c_is_clean NAME...: valgrind has found nothing in these programs.
c_is_clean() {
    local name
    for name in "$@"; do
        grep -q 'ERROR SUMMARY: 0 errors' "$dir/$name.log" &&
            ! grep -E '(definitely|indirectly|possibly) lost: [1-9]' "$dir/$name.log" || return
    done
}

c_run() {
    local daemon fingerprint standard program
    start daemon "$built/metaserve-daemon" --listen 127.0.0.1:0 --http off --state-dir "$dir/state"
    within 60 logged daemon 'certificate fingerprint'
    daemon=$(sed -n 's/.*listens on \([^ ]*\) (UDP)/\1/p' "$dir/daemon.log")
    fingerprint=$(sed -n 's/^certificate fingerprint (SHA-256): //p' "$dir/daemon.log")
    export PKG_CONFIG_PATH=$dir/c/lib/pkgconfig LD_LIBRARY_PATH=$dir/c/lib

    for standard in c99 c11 c17; do
        check "the header is $standard without a warning" c_compiles gcc "$standard"
    done
    for standard in c++11 c++14 c++17 c++20; do
        check "the header is $standard without a warning" c_compiles g++ "$standard"
    done
    check "the examples are built by their Makefile" c_make plain CFLAGS=-Werror CXXFLAGS=-Werror
    check "the library exports what the header declares, and nothing else" c_symbols
    check "programs ask for libmetaserve.so.1" c_soname
    check "the examples in C see each other" c_serves "$dir/c-plain" plain
    check "the examples in C++ see each other" c_cpp_serves
    for program in server client game_loop server-cpp client-cpp; do
        check "$program says why it ends when it does not trust the daemon" c_says_why "$program"
    done
    # With its symbols, which the suppressions name.
    mkdir "$dir/c-symbols" && cp "$built/libmetaserve_ffi.so" "$dir/c-symbols/libmetaserve.so.1"
    check "they do so under valgrind" c_serves "$dir/c-plain" valgrind \
        env LD_LIBRARY_PATH="$dir/c-symbols" valgrind --suppressions=metaserve/ffi/tests/c/valgrind.supp \
        --leak-check=full --show-leak-kinds=definite,indirect,possible \
        --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=9
    check "valgrind finds no error and no leak" \
        c_is_clean "valgrind client" "valgrind server" "valgrind loop"
    check "the examples are built with AddressSanitizer" \
        c_make asan CFLAGS='-g -fsanitize=address,undefined' CXXFLAGS='-g -fsanitize=address,undefined'
    check "they see each other, and it finds no error and no leak" \
        c_serves "$dir/c-asan" asan env ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1
    check "the examples link the static library" c_make static STATIC=1
    check "they do not ask for the shared one" c_is_static
    check "they see each other without the shared one" \
        c_serves "$dir/c-static" static env -u LD_LIBRARY_PATH
}
