# What the test scripts in this directory share; they source it. `check` counts; on exit, the last
# line is `N passed, N failed`. Temporary files belong into $dir; a script may define `clean_up`.
passed=0
failed=0
dir=$(mktemp -d)

finish() {
    local status=$?
    trap - EXIT
    [ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
    [ "$failed" = 0 ] || tail -n 20 "$dir"/*.log
    clean_up 2>/dev/null || true
    rm -rf --one-file-system "$dir"
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] || exit 1
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

# check WHAT COMMAND...: counts whether the command succeeds.
check() {
    local what=$1
    shift
    if "$@" >"$dir/check.out" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $what"
    else
        failed=$((failed + 1))
        echo "FAILED  $what"
        tail -n 20 "$dir/check.out"
    fi
}

# need PROGRAM=PACKAGE...: installs the Debian packages of programs that are missing.
need() {
    local pair missing=()
    for pair in "$@"; do
        type -P "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [ "${#missing[@]}" != 0 ] || return 0
    echo "installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${missing[@]}" >"$dir/apt.log"
}

# The release of Debian that this machine runs.
codename() { (. /etc/os-release && echo "$VERSION_CODENAME"); }
