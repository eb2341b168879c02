#!/usr/bin/env bash
# Tests the Debian packages in a clean Debian: they install, run, answer, can be upgraded and purged,
# and leave nothing behind. Also tests the alerts and the nginx example in deploy/.
# Builds packages of the development profile unless they are given:
#   deploy/test-package.sh [DAEMON.deb BRIDGE.deb AGENT.deb LIBRARY.deb DEV.deb]
# Needs root and Debian; installs what is missing. Last line: `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."

. deploy/checks.sh
root=$dir/root
clean_up() { umount "$root/proc"; }

inside() { chroot "$root" "$@"; }
as() { chroot "$root" runuser -u "$1" -- "${@:2}"; }
files() { (cd "$root" && find etc usr var/lib -not -path 'var/lib/dpkg/*' -not -path 'var/lib/systemd/deb-systemd-helper*' | sort); }
install() { inside dpkg --install /daemon.deb /bridge.deb /agent.deb /library.deb /dev.deb; }
purge() {
    inside dpkg --purge metaserve-daemon metaserve-lobby-bridge metaserve-agent libmetaserve-dev \
        libmetaserve1
}

# runs NAME USER LINE COMMAND...: whether a program logs this line as this user, and then ends when
# it is told to.
runs() {
    local name=$1 user=$2 line=$3 status=0
    shift 3
    chroot --userspec "$user" "$root" "$@" >"$dir/$name.log" 2>&1 &
    local pid=$!
    for _ in $(seq 100); do
        grep -qs "$line" "$dir/$name.log" && break
        sleep 0.1
    done
    grep -qs "$line" "$dir/$name.log" || status=1
    [ "$name" != daemon ] || lists || status=1
    kill "$pid" && wait "$pid" && [ "$status" = 0 ]
}

# Whether the daemon that logs to daemon.log answers with its list.
lists() {
    local address fingerprint
    address=$(sed -n 's/.*listens on \([^ ]*\) (UDP)/\1/p' "$dir/daemon.log")
    fingerprint=$(sed -n 's/^certificate fingerprint (SHA-256): //p' "$dir/daemon.log")
    inside metaserve-daemon list --daemon "$address" --fingerprint "$fingerprint" --json
}

edited_config_is_kept() {
    echo 'tick = "500ms"' >>"$root/etc/metaserve/daemon.toml"
    install && grep -q 500ms "$root/etc/metaserve/daemon.toml"
}

# The configuration for nginx, with a self-signed certificate instead of an authority's.
nginx_accepts_it() {
    local live=/etc/letsencrypt/live/list.example.org
    inside metaserve-daemon cert --name list.example.org \
        --cert "$live/fullchain.pem" --key "$live/privkey.pem"
    cp deploy/nginx/metaserve.conf "$root/etc/nginx/conf.d/"
    inside nginx -t
}

# checked FILE: the command that `systemctl reload` runs first, with this configuration.
checked() {
    local line
    line=$(sed -n 's/^ExecReload=\(.* check .*\)/\1/p' deploy/systemd/metaserve-daemon.service)
    # shellcheck disable=SC2086
    as "$daemon_user" env "STATE_DIRECTORY=$state" ${line/$config/$1}
}

# A mistake is reported, and the command fails.
mistake_is_reported() {
    echo 'ticks = "1s"' >"$root/tmp/mistake.toml"
    chmod 644 "$root/tmp/mistake.toml"
    local said
    said=$(checked /tmp/mistake.toml 2>&1) && return 1
    rm "$root/tmp/mistake.toml"
    echo "$said"
    [[ $said == *ticks* ]]
}

# The files of a package beside the program.
has_files() {
    local doc=$root/usr/share/doc/$1
    gzip -t "$root/usr/share/man/man1/$1.1.gz" "$doc/changelog.gz" "$doc/changelog.Debian.gz" &&
        grep -q '^License: MIT$' "$doc/copyright" && grep -q 'Apache-2.0$' "$doc/copyright" &&
        ! readelf --sections "$root/usr/bin/$1" | grep -q '\.debug_info\|\.symtab'
}

# program_of_the_library [WORD...]: an example that is compiled against the package, as its Makefile
# says, runs in the clean Debian: it is asked for its arguments.
program_of_the_library() {
    local libraries said
    libraries=$root/usr/lib/$(gcc -print-multiarch)
    rm -rf "$dir/example"
    cp -r "$root/usr/share/doc/libmetaserve-dev/examples" "$dir/example"
    PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$libraries/pkgconfig \
        PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 \
        make -s -C "$dir/example" "$@" server || return
    cp "$dir/example/server" "$root/tmp/"
    said=$(inside /tmp/server 'no port' "$(printf '%064d' 0)" 2>&1) && return 1
    rm "$root/tmp/server"
    echo "$said"
    [[ $said == *HOST:PORT* ]]
}

# The settings for Debian's unit of NATS, which is in the clean Debian.
nats_unit_is_valid() {
    mkdir "$root/etc/systemd/system/nats-server.service.d"
    cp deploy/systemd/nats-server.conf \
        "$root/etc/systemd/system/nats-server.service.d/metaserve.conf"
    inside systemd-analyze verify --man=no nats-server.service &&
        inside systemd-analyze security --offline=true --threshold=25 nats-server.service
}

# The unit of an edge beside a member, made by the command of the guide.
edge_unit_is_valid() {
    local command
    command=$(sed -n '/^sed .*edge/,/^```/{/^```/!p}' docs/guide/cluster.md)
    [ -n "$command" ] && inside bash -c "$command" &&
        grep -q '^ExecReload=.* check --config /etc/metaserve/edge.toml$' \
            "$root/etc/systemd/system/metaserve-edge.service" &&
        ! grep -q '/daemon.toml\|^StateDirectory=metaserve-daemon' \
            "$root/etc/systemd/system/metaserve-edge.service" &&
        inside systemd-analyze verify --man=no metaserve-edge.service
}

# root adds an account, and the service can use it.
account_by_root() {
    local state=/var/lib/metaserve-bridge
    echo secret | inside metaserve-lobby-bridge account add bob --password-stdin --state-dir "$state" &&
        as "$bridge_user" metaserve-lobby-bridge account list --state-dir "$state" | grep -q '^bob'
}

# Before the service's directory exists, a note says that the service could not read the file.
account_before_the_service() {
    local said
    said=$(echo secret | inside metaserve-lobby-bridge account add bob --password-stdin \
        --state-dir /tmp/early 2>&1) || return 1
    rm -r "$root/tmp/early"
    echo "$said"
    [[ $said == *"only root can read /tmp/early/accounts.sqlite"* ]]
}

# root creates a certificate in the daemon's directory, and the daemon can read the key.
certificate_by_root() {
    inside install -d -o "$daemon_user" "$state/given" &&
        inside metaserve-daemon cert --name list.example.org --out "$state/given" &&
        as "$daemon_user" cat "$state/given/key.pem"
}

need mmdebstrap=mmdebstrap promtool=prometheus lintian=lintian readelf=binutils gcc=gcc make=make \
    pkg-config=pkg-config dpkg-shlibdeps=dpkg-dev
if [ $# = 5 ]; then
    packages=("$@")
else
    type -P cargo-deb >/dev/null ||
        cargo install cargo-deb --version 3.8.0 --locked --debug --no-default-features
    mapfile -t packages < <(deploy/package.sh dev)
fi
started=$SECONDS
# With nginx, NATS and the dependencies of the packages, which are installed without a network.
mmdebstrap --quiet --variant=minbase --include=nats-server,nginx-light,procps,systemd \
    "$(codename)" "$root" >"$dir/mmdebstrap.log" 2>&1
mount -t proc proc "$root/proc"
echo "a clean Debian in $((SECONDS - started)) s"
cp "${packages[0]}" "$root/daemon.deb"
cp "${packages[1]}" "$root/bridge.deb"
cp "${packages[2]}" "$root/agent.deb"
cp "${packages[3]}" "$root/library.deb"
cp "${packages[4]}" "$root/dev.deb"
files >"$dir/before.list"

daemon_user=metaserve-daemon bridge_user=metaserve-bridge agent_user=metaserve-agent
config=/etc/metaserve/daemon.toml state=/var/lib/metaserve-daemon
agent_config=/etc/metaserve/agent.toml
check "the alerts are valid" promtool check rules deploy/prometheus/alerts.yml
check "each alert is raised for its cause" \
    promtool test rules deploy/prometheus/alerts.test.yml
for package in "${packages[@]}"; do
    check "lintian finds no error in $(basename "$package")" \
        lintian --fail-on error "$package"
done
check "all packages install" install
check "the daemon prints its version" inside metaserve-daemon --version
check "the bridge prints its version" inside metaserve-lobby-bridge --version
check "the agent prints its version" inside metaserve-agent --version
check "their users exist" inside id "$daemon_user" "$bridge_user" "$agent_user"
check "the sample configuration is valid" \
    as "$daemon_user" metaserve-daemon check --config "$config" --state-dir "$state"
wanted=$root/etc/systemd/system/multi-user.target.wants
check "the unit of the agent waits until it is told its daemon" \
    test ! -L "$wanted/metaserve-agent.service"
for unit in metaserve-daemon metaserve-lobby-bridge; do
    check "the unit of $unit is enabled" test -L "$wanted/$unit.service"
done
for unit in metaserve-daemon metaserve-lobby-bridge metaserve-agent; do
    check "the unit of $unit is valid" inside systemd-analyze verify --man=no "$unit.service"
    check "the unit of $unit is hardened" \
        inside systemd-analyze security --offline=true --threshold=25 "$unit.service"
    check "$unit has a manual, changelogs, both licences, and no symbols" has_files "$unit"
    check "$unit has completions" \
        inside bash -c ". /usr/share/bash-completion/completions/$unit && complete -p $unit"
done
inside install -d -o "$daemon_user" "$state" # As systemd does it.
inside install -d -o "$bridge_user" /var/lib/metaserve-bridge
inside install -d -o "$agent_user" /var/lib/metaserve-agent
check "a note warns about an account that the service cannot read" account_before_the_service
check "an account that root adds belongs to the service" account_by_root
check "a key that root creates belongs to the daemon" certificate_by_root
check "a reload checks the settings first" checked "$config"
check "a reload with a mistake fails and reports it" mistake_is_reported
check "the daemon serves as its user, and answers with its list" \
    runs daemon "$daemon_user" 'games connect with' metaserve-daemon --config "$config" \
    --listen 127.0.0.1:0 --http off --state-dir "$state"
check "the bridge serves as its user" \
    runs bridge "$bridge_user" 'the VCMI lobby is open' metaserve-lobby-bridge \
    --config /etc/metaserve/bridge.toml --vcmi 127.0.0.1:0 --state-dir /var/lib/metaserve-bridge
# The clean Debian trusts no authority, so that the daemon is known by its fingerprint.
agent=(env METASERVE_AGENT_STATE_DIR=/var/lib/metaserve-agent
    METASERVE_AGENT_FINGERPRINT="$(printf '%064d' 0)" metaserve-agent)
check "the agent's sample configuration is valid" \
    as "$agent_user" "${agent[@]}" check --config "$agent_config"
check "the agent takes pushes as its user" \
    runs agent "$agent_user" 'games push to' "${agent[@]}" --config "$agent_config" \
    --push 127.0.0.1:0
check "a program that is compiled against libmetaserve-dev runs" program_of_the_library
check "one that is linked with the static library, too" program_of_the_library STATIC=1
check "an edited configuration survives an upgrade" edited_config_is_kept
check "the settings for the unit of NATS are valid" nats_unit_is_valid
check "the unit of an edge is valid" edge_unit_is_valid
rm -r "$root"/etc/systemd/system/{nats-server.service.d,metaserve-edge.service}
check "all are purged" purge
files >"$dir/after.list"
check "nothing is left behind" diff "$dir/before.list" "$dir/after.list"
check "they are installed again" install
check "nginx accepts its example" nginx_accepts_it
