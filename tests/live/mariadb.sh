# Accounts in a real MariaDB: Debian's, as a private server in a separate directory

accounts=(cargo test -q --workspace --test mariadb)

mariadb_missing() {
    missing /usr/sbin/mariadbd mariadb-server
    missing python3 python3
}

mariadb_build() {
    cargo build -q --workspace --bin metaserve-lobby-bridge
    "${accounts[@]}" --no-run
}

# sql [DATABASE]: runs the SQL on its standard input as root.
sql() { mariadb --no-defaults --socket "$mariadb/socket" --user root --batch --skip-column-names "$@"; }

# Starts the server at $mariadb_url, without a database of ours.
start_mariadb() {
    mariadb=$dir/mariadb
    mkdir "$mariadb"
    local user=() home=$mariadb/data
    if [ "$(id -u)" = 0 ]; then
        chown nobody "$mariadb"
        user=(setpriv --reuid nobody --regid nogroup --clear-groups)
    fi
    "${user[@]}" mariadb-install-db --no-defaults --datadir="$home" \
        --auth-root-authentication-method=normal --skip-test-db >"$dir/mariadb-install.log" 2>&1
    # The port is free now. If another program takes it first, the server ends with an error.
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    start mariadb "${user[@]}" /usr/sbin/mariadbd --no-defaults --datadir="$home" \
        --socket="$mariadb/socket" --pid-file="$mariadb/pid" --bind-address=127.0.0.1 \
        --port="$port" --innodb-buffer-pool-size=32M --skip-name-resolve
    mariadb_pid=$pid
    mariadb_url=mysql://root@127.0.0.1:$port
    within 60 mariadb_answers
}
mariadb_answers() { sql -e 'SELECT 1' >/dev/null 2>&1; }

# Fills the database `old`, with its own SQL and with hashes of another library.
fill_mariadb() {
    sql -e 'CREATE DATABASE old'
    sql old <tests/live/existing.sql
    python3 -W ignore - <<'PYTHON' | sql old
import crypt
for order, (name, form, moderator) in enumerate([("bob", "2y", 0), ("ann", "2b", 1), ("eve", "2a", 0)]):
    salt = f"${form}$10$" + "abcdefghijklmnopqrstuu"
    print(f"INSERT INTO user (sort_order, username, password, moderator, hide_in_room) "
          f"VALUES ({order}, '{name}', '{crypt.crypt('secret', salt)}', {moderator}, 0);")
PYTHON
}

accounts_in_mariadb() {
    METASERVE_TEST_MARIADB_URL=$mariadb_url "${accounts[@]}" >"$dir/mariadb-tests.log" 2>&1
}

bridge_account() { "$built/metaserve-lobby-bridge" "$@" --database "$mariadb_url/old"; }
lists_existing() {
    bridge_account account list --json | python3 -c '
import json, sys
rows = json.load(sys.stdin)
assert [(row["username"], row["moderator"]) for row in rows] == [("bob", False), ("ann", True), ("eve", False)], rows'
}
adds_and_removes() {
    echo another | bridge_account account add dan --password-stdin &&
        [ "$(sql old -e 'SELECT sort_order FROM user WHERE username = "dan"')" = 3 ] &&
        bridge_account account remove dan &&
        [ "$(sql old -e 'SELECT COUNT(*) FROM user')" = 3 ]
}

# replay_myth NAME DATABASE_URL SETUP: plays all Myth transcripts with a bridge on that database.
# SETUP names the same database for `myth_setup.py`.
replay_myth() {
    local name=bridge-$1 url=$2 setup=$3 login bridge
    start "$name" "$built/metaserve-lobby-bridge" --state-dir "$dir/$name" \
        --database "$url" --aleph-one 127.0.0.1:0 --aleph-one-room Arrival=127.0.0.1:0 \
        --aleph-one-https 127.0.0.1:0
    bridge=$pid
    within 20 logged "$name" 'the metaserver is open' || return 1
    login=$(sed -n 's/.*the metaserver is open address=\([0-9.:]*\) .*/\1/p' "$dir/$name.log")
    python3 tests/live/myth_replay.py --login "$login" \
        --setup "python3 tests/live/myth_setup.py '$setup'" tests/transcripts/myth \
        >"$dir/$name-replay.log" 2>&1 || return 1
    tail -n 1 "$dir/$name-replay.log"
    kill "$bridge"
    ended_well "$bridge"
}

mariadb_run() {
    start_mariadb
    fill_mariadb
    check "accounts, hubs and logs work in MariaDB, existing and new" accounts_in_mariadb
    check "the existing accounts are listed" lists_existing
    check "an account is added to the existing ones, and removed" adds_and_removes
    sql -e 'CREATE DATABASE replay'
    sql replay <tests/live/existing.sql
    check "the Myth transcripts replay on MariaDB" \
        replay_myth mariadb "$mariadb_url/replay" "mariadb:$mariadb/socket:replay"
    check "the Myth transcripts replay on SQLite" \
        replay_myth sqlite "sqlite:$dir/replay.sqlite" "sqlite:$dir/replay.sqlite"
}
