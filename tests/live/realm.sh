# The small online world: on Redis, PostgreSQL and MariaDB, and as a newcomer meets it

. tests/live/mariadb.sh

realm_cargo=(--manifest-path examples/realm/Cargo.toml --target-dir "${CARGO_TARGET_DIR:-target}")
realm=$built/realm

realm_missing() {
    missing redis-server redis-server
    [ -n "$(postgres_programs)" ] || echo postgresql
    missing /usr/sbin/mariadbd mariadb-server
    missing tmux tmux
    missing python3 python3
}

# Where Debian keeps initdb and postgres.
postgres_programs() { printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1 | grep -v '\*'; }

realm_build() {
    # This builds the program as well.
    cargo test -q "${realm_cargo[@]}" --no-run
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# The ports are free when they are chosen. If another program takes one first, the server ends with
# an error.
start_redis() {
    local port
    port=$(free_port)
    mkdir "$dir/redis"
    start redis redis-server --bind 127.0.0.1 --port "$port" --dir "$dir/redis" --save '' \
        --appendonly yes --appendfsync everysec
    redis_url=redis://127.0.0.1:$port
    within 60 logged redis 'Ready to accept connections'
}

# PostgreSQL does not run as root.
start_postgres() {
    local programs port user=()
    programs=$(postgres_programs)
    port=$(free_port)
    mkdir "$dir/postgres"
    if [ "$(id -u)" = 0 ]; then
        chown nobody "$dir/postgres"
        user=(setpriv --reuid nobody --regid nogroup --clear-groups)
    fi
    "${user[@]}" "$programs/initdb" --pgdata="$dir/postgres/data" --username=realm --auth=trust \
        --no-sync >"$dir/postgres-install.log" 2>&1
    start postgres "${user[@]}" "$programs/postgres" -D "$dir/postgres/data" -p "$port" \
        -k "$dir/postgres" -c listen_addresses=127.0.0.1 -c fsync=off
    postgres_url=postgres://realm@127.0.0.1:$port/postgres
    within 60 logged postgres 'ready to accept connections'
}

# The tests that need servers, but those of the page and what only measures.
realm_tests() {
    local targets=(--lib) target
    for target in examples/realm/tests/*/; do
        target=$(basename "$target")
        [ "$target" = browser ] || targets+=(--test "$target")
    done
    REALM_REDIS=$redis_url REALM_POSTGRES=$postgres_url REALM_MARIADB=$mariadb_url/realm \
        cargo test "${realm_cargo[@]}" "${targets[@]}" -- --ignored --skip benchmark >"$dir/realm-tests.log" 2>&1
}

# A world of its own for each check.
realm_content() {
    mkdir -p "$dir/$1"
    cp -r examples/realm/maps examples/realm/scripts "$dir/$1"
}

commands_in_a_pipe() {
    realm_content pipe
    "$realm" dev --state "$dir/pipe/state" --content "$dir/pipe" --listen 127.0.0.1:0 \
        >"$dir/realm-pipe.log" 2>&1 <<'COMMANDS' || return 1
# What the guide shows.
register ann a long password
login ann a long password
create Ann
map
move 3 0
detail hen
say hello
zones
me
quit
COMMANDS
    logged realm-pipe '^> register ann$' && logged realm-pipe '^@ you|   @ you' &&
        logged realm-pipe '^you are at 15\.0 20\.0$' && logged realm-pipe '^Ann: hello$' &&
        logged realm-pipe '^shared/meadow  host-[12] +[0-9]+ +1$'
}

# What was done before is there again, also where the log is in memory.
world_is_saved() {
    "$realm" dev --state "$dir/pipe/state" --content "$dir/pipe" --listen 127.0.0.1:0 \
        >"$dir/realm-saved.log" 2>&1 <<'COMMANDS' || return 1
login ann a long password
enter Ann
me
COMMANDS
    logged realm-saved '^Ann, in shared/meadow, at 15\.0 20\.0$'
}

first_mistake_ends() {
    local status=0
    printf 'login nobody wrong password\nzones\n' |
        "$realm" dev --state "$dir/pipe/state" --listen 127.0.0.1:0 >"$dir/realm-mistake.log" 2>&1 || status=$?
    [ "$status" = 1 ] && logged realm-mistake '^error: line 1: ' && ! logged realm-mistake '^> zones'
}

# The prompt of `realm dev` in a terminal.
screen() { tmux capture-pane -p -J -S -200 -t realm; }
shows() { screen | grep -qE "$1"; }
types() { tmux send-keys -t realm -l "$1" && tmux send-keys -t realm Enter; }
# answers LINE PATTERN: types the line, and waits for a line that it leads to.
answers() {
    tmux clear-history -t realm
    tmux send-keys -t realm C-l
    types "$1"
    within 60 shows "$2"
}

start_prompt() {
    realm_content terminal
    tmux new-session -d -s realm -x 120 -y 50 "$realm dev --state $dir/terminal/state \
        --content $dir/terminal --listen 127.0.0.1:0 2>$dir/realm-terminal.log"
    within 60 shows 'lists the commands'
}
registers_and_logs_in() {
    answers 'register ann' 'password of ann:' && types 'a long password' &&
        within 60 shows 'the same again:' && types 'a long password' &&
        within 60 shows 'the account ann is made' &&
        answers 'login ann' 'password of ann:' && types 'a long password' &&
        within 60 shows 'you are logged in' && ! shows 'a long password'
}
walks() {
    answers 'create Ann' 'you are Ann, in ' && answers 'map' '@ you' &&
        answers 'move 3 0' 'you are at 15\.0 20\.0'
}
# The guide stands still, 3 m from there: too far to be asked.
asks_the_guide() {
    answers 'move 0 -1.5' 'you are at 15\.0 18\.5' && answers 'detail Osric' 'guide guide' &&
        answers 'activate Osric' '^Osric whispers: '
}
# A script is edited while it runs: the hens are awake, and go by the new one at their next step.
edits_a_script() {
    cat >"$dir/terminal/scripts/hen.rhai" <<'SCRIPT'
fn on_tick(me) { say("I was edited."); }
SCRIPT
    within 60 shows '^(Berta|Tilda|Pip): I was edited\.'
}
# The zone's host is killed in mid-walk, and the walk goes on.
survives_a_kill() {
    local host
    answers 'zones' '^shared/meadow +host-[12]' || return 1
    host=$(screen | sed -n 's/^shared\/meadow *\(host-[12]\) .*/\1/p' | tail -n 1)
    answers 'move 12 0' 'you walk' && answers "kill $host" "$host is killed" &&
        within 60 shows 'you are at 27\.0 18\.5'
}
quits() {
    types quit
    within 60 prompt_has_ended
}
prompt_has_ended() { ! tmux has-session -t realm 2>/dev/null; }

# A process for each role, over Redis.
start_up() {
    start realm-up "$realm" up --log "$redis_url" --state "$dir/up-state" --hosts 2 --gateways 2 \
        --listen 127.0.0.1:0 --daemon-listen 127.0.0.1:0
    up_pid=$pid
    within 120 logged realm-up '^all roles run'
    mapfile -t pages < <(sed -n 's/^gateway-. .*the page is at \(.*\)\/$/\1/p' "$dir/realm-up.log")
}
process_of() { sed -n "s/^$1 *| is process //p" "$dir/realm-up.log" | tail -n 1; }
up_cli() { "$realm" cli --gateway "$(IFS=,; echo "${pages[*]}")"; }
up_enters() {
    printf '%s\n' 'register ann a long password' 'login ann a long password' 'create Ann' 'move 3 0' |
        up_cli >"$dir/realm-up-enters.log" 2>&1 && logged realm-up-enters '^you are at 15\.0 20\.0$'
}
# up_walks NAME: a walk of 12 m to one side or the other.
up_walks() {
    printf '%s\n' 'login ann a long password' 'enter Ann' "move $2 0" me |
        up_cli >"$dir/$1.log" 2>&1
}
owner() { "$realm" zones --gateway "${pages[0]}" | sed -n 's/^shared\/meadow *\([^ ]*\) .*/\1/p'; }
walks_now() { logged "$1" '^> move'; }
up_survives() {
    local name=realm-up-walks-$1 walk
    up_walks "$name" "$2" &
    walk=$!
    pids+=("$walk")
    within 60 walks_now "$name" || return 1
    kill -9 "$(process_of "$3")"
    wait "$walk" && logged "$name" "^you are at $4 20\.0$"
}
up_survives_a_killed_host() { up_survives host 12 "$(owner)" '27\.0'; }
up_survives_a_killed_gateway() { up_survives gateway -12 gateway-1 '15\.0'; }
up_stops_all() {
    local all
    mapfile -t all < <(sed -n 's/.*| is process //p' "$dir/realm-up.log")
    kill -INT "$up_pid"
    within 60 ended "$up_pid" || return 1
    wait "$up_pid" || return 1
    for pid in "${all[@]}"; do ! kill -0 "$pid" 2>/dev/null || return 1; done
}

realm_run() {
    start_redis
    start_postgres
    [ -n "${mariadb_url:-}" ] || start_mariadb
    sql -e 'CREATE DATABASE realm'
    check "the realm's tests pass on Redis, PostgreSQL and MariaDB" realm_tests
    check "realm dev carries out commands from a pipe" commands_in_a_pipe
    check "realm dev saves the world at its end" world_is_saved
    check "the first command that fails ends realm dev" first_mistake_ends
    check "realm dev shows a prompt" start_prompt
    check "the prompt asks for passwords, and shows none" registers_and_logs_in
    check "the prompt draws a map, and walks" walks
    check "the prompt asks the guide" asks_the_guide
    check "a script is edited while it runs" edits_a_script
    check "a host is killed in mid-walk, and the walk goes on" survives_a_kill
    check "the prompt quits" quits
    check "realm up starts a process for each role" start_up
    check "players play by its gateways" up_enters
    check "a killed zone host is replaced in mid-walk" up_survives_a_killed_host
    check "a killed gateway is replaced in mid-walk" up_survives_a_killed_gateway
    check "realm up stops all processes" up_stops_all
}
