#!/usr/bin/env bash
# Tests what a release consists of beside the Debian packages: the tarballs that deploy/release.sh
# packs, the container images, and the compose files. Uses programs of the development profile and,
# since base images cannot always be downloaded, base images made from Debian's packages.
# Needs root and Debian; installs what is missing. Last line: `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/checks.sh
clean_up() { ip netns delete "$network"; }

programs=${CARGO_TARGET_DIR:-target}/debug
host_glibc=$(ldd --version | sed -n '1s/.* //p')

release() { GLIBC=$1 PATH=$dir/tools/bin:$PATH deploy/release.sh "$2" --binaries "$programs"; }

# The programs of this machine need its glibc, so they must not be released for an older one.
too_new_is_refused() {
    local said
    said=$(release 2.17 "$dir/old" 2>&1) && return 1
    echo "$said"
    [[ $said == *"needs glibc"* ]]
}

# The same of the library in the Python wheel.
too_new_wheel_is_refused() {
    local said
    said=$(GLIBC=2.17 PATH=$dir/tools/bin:$PATH metaserve/ffi/python/wheel.sh "$dir/old" \
        --library "$programs/libmetaserve_ffi.so" 2>&1) && return 1
    echo "$said"
    [[ $said == *"too-recent versioned symbols"* ]]
}

# The wheel says for which glibc it is, installs where nothing else is, and finds its library.
wheel_works() {
    local wheel
    wheel=$(echo "$dir"/out/metaserve-*.whl)
    [[ $wheel == *-py3-none-*manylinux_"${host_glibc/./_}"_*.whl ]] &&
        grep -q "  $(basename "$wheel")\$" "$dir/out/SHA256SUMS" &&
        python3 -m venv "$dir/clean" &&
        "$dir/clean/bin/pip" install --quiet --no-index "$wheel" &&
        env -i "$dir/clean/bin/python" -c '
import metaserve, sys
assert metaserve.library_path().startswith(sys.prefix), metaserve.library_path()
with metaserve.List("127.0.0.1:9", fingerprint="0" * 64) as servers:
    assert servers.state.name == "connecting", servers.state'
}

checksums_match() { (cd "$dir/out" && sha256sum --check --strict SHA256SUMS); }

# unpacked PROGRAM: the tarball has what a user needs, and the program runs.
unpacked() (
    tar --extract --gzip --directory "$dir" --file "$dir/out/$1"-*.tar.gz &&
        cd "$dir/$1"-*-linux-gnu && "./$1" --version && gzip -t "manuals/$1.1.gz" &&
        ls LICENSE-APACHE LICENSE-MIT README.md CHANGELOG.md "$1.service" "$1.sysusers" ./*.toml \
            "manuals/$1.bash" "manuals/_$1" "manuals/$1.fish"
)

# The library's tarball has what a program needs, wherever it is unpacked; the examples are built and
# say what their arguments are.
library_unpacked() (
    tar --extract --gzip --directory "$dir" --file "$dir/out/libmetaserve"-*.tar.gz &&
        cd "$dir"/libmetaserve-*-linux-gnu &&
        export PKG_CONFIG_PATH=$PWD/lib/pkgconfig LD_LIBRARY_PATH=$PWD/lib &&
        make -s -C examples && ls LICENSE-APACHE LICENSE-MIT README.md c.md include/metaserve.ffi.h &&
        said=$(examples/client 2>&1) || [[ $said == usage:* ]]
)

# At most 3.5 MB, as shipped: the programs above are of the development profile.
library_is_small() {
    metaserve/ffi/install "$dir/library" &&
        [ "$(stat -Lc %s "$dir/library/lib/libmetaserve.so")" -le 3500000 ]
}

# The bill of materials lists what is linked, with licences, and no libraries that only tests use.
sbom_is_complete() {
    python3 - "$dir/out/$1"-*.cdx.json <<'END'
import json, sys
sbom = json.load(open(sys.argv[1]))
names = {component["name"] for component in sbom["components"]}
assert sbom["bomFormat"] == "CycloneDX", sbom["bomFormat"]
assert {"quinn", "rustls", "metaserve"} <= names, names
assert "proptest" not in names
assert all(component.get("licenses") for component in sbom["components"])
assert "/tmp/" not in open(sys.argv[1]).read()
END
}

# compose_is_valid FILE SERVICE...: it is valid, and has these services. Merge keys are resolved
# first, as Docker does it.
compose_is_valid() {
    PYTHONPATH=$dir/python python3 - "$@" <<'END'
import sys, yaml
from compose_spec import PyCompose
file, *services = sys.argv[1:]
merged = yaml.safe_load(open(file))
compose = PyCompose.from_yaml(yaml.safe_dump(merged))
compose.validate()
assert set(compose.service_names()) == set(services), compose.service_names()
# All are on the host's network.
given = [service.get("environment", {}) for service in merged["services"].values()]
for setting in ["METASERVE_LISTEN", "METASERVE_HTTP", "METASERVE_CLUSTER_MEMBER"]:
    values = [settings[setting] for settings in given if setting in settings]
    assert len(values) == len(set(values)), values
END
}

# Containers share a network of their own, since images have fixed ports.
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
network=metaserve-release-$$
images() { ip netns exec "$network" buildah --root "$dir/images" --runroot "$dir/run" "$@"; }

# base_images: what the Dockerfile starts from. The compiler's image only hands over the programs
# that are compiled already: the compiler is not what is tested.
base_images() {
    local at
    mmdebstrap --quiet --variant=minbase bookworm "$dir/debian.tar" >"$dir/mmdebstrap.log" 2>&1
    at=$(images from scratch)
    images add --quiet "$at" "$dir/debian.tar" /
    images commit --quiet --rm "$at" docker.io/library/debian:bookworm-slim
    mkdir "$dir/programs"
    cp "$programs"/metaserve-{daemon,lobby-bridge,agent} "$dir/programs/"
    printf '#!/bin/sh\nmkdir -p target/release && cp /programs/* target/release/\n' >"$dir/cargo"
    chmod +x "$dir/cargo"
    at=$(images from --pull-never docker.io/library/debian:bookworm-slim)
    images add --quiet "$at" "$dir/programs" /programs
    images add --quiet "$at" "$dir/cargo" /usr/local/bin/cargo
    images commit --quiet --rm "$at" "docker.io/library/$(sed -n 's/^FROM \(rust:[^ ]*\).*/\1/p' deploy/Dockerfile)"
}

image() {
    images bud --quiet --pull-never --format docker --layers --file deploy/Dockerfile \
        --target "$1" --tag "test-$1" .
}

# serves TARGET LINE [ARGUMENT...]: in a container, the program of the image starts as its user with
# these arguments, logs this line, passes the image's own health check, and ends when it is told to.
serves() {
    local at entry health
    at=$(images from --pull-never "localhost/test-$1")
    entry=$(images inspect --format '{{index .Docker.Config.Entrypoint 0}}' "$at")
    mapfile -t health < <(images inspect "$at" | python3 -c '
import json, sys
kind, *test = json.load(sys.stdin)["Docker"]["config"]["Healthcheck"]["Test"]
assert kind == "CMD", kind
print("\n".join(test))')
    # shellcheck disable=SC2016
    images run "$at" -- bash -c '
        [ "$(id -u)" = 999 ] || exit 1
        entry=$1 line=$2 arguments=("${@:4:$3}")
        shift $((3 + $3))
        "$entry" "${arguments[@]}" >/state/log 2>&1 &
        for _ in $(seq 600); do
            ! grep -q "$line" /state/log || break
            sleep 0.1
        done
        cat /state/log
        grep -q "$line" /state/log && "$@"
        healthy=$?
        kill $! && wait $! && exit "$healthy"' -- "$entry" "$2" $(($# - 2)) "${@:3}" \
        "${health[@]}"
}

need make=make pkg-config=pkg-config mmdebstrap=mmdebstrap buildah=buildah objdump=binutils ip=iproute2 python3=python3 pip3=python3-pip git=git
python3 -c 'import ensurepip' 2>/dev/null || need no-program=python3-venv
type -P cargo-cyclonedx >/dev/null ||
    cargo install cargo-cyclonedx --version 0.5.9 --locked --debug
PIP_ROOT_USER_ACTION=ignore pip3 install --quiet --target "$dir/python" compose-spec==0.2.1 pyyaml==6.0.3 2>"$dir/pip.log"
ip netns add "$network"
ip -n "$network" link set lo up
python3 -m venv "$dir/tools"
"$dir/tools/bin/pip" install --quiet -r metaserve/ffi/python/tools.txt
cargo build -q --locked -p metaserve-daemon -p metaserve-lobby-bridge -p metaserve-agent
cargo rustc -q --locked -p metaserve-ffi --lib --crate-type cdylib,staticlib

check "programs that need a newer glibc are refused" too_new_is_refused
check "a wheel whose library needs a newer glibc is refused" too_new_wheel_is_refused
check "the tarballs and the wheel are packed" release "$host_glibc" "$dir/out"
check "the checksums match" checksums_match
check "the Python wheel installs and works" wheel_works
for program in metaserve-daemon metaserve-lobby-bridge metaserve-agent; do
    check "$program runs from its tarball, with manuals and licences" unpacked "$program"
    check "the SBOM of $program is complete" sbom_is_complete "$program"
done
check "the library's examples are built and run from its tarball" library_unpacked
check "the SBOM of libmetaserve is complete" sbom_is_complete libmetaserve
check "libmetaserve is small" library_is_small
check "the tarballs and the wheel are packed again" release "$host_glibc" "$dir/again"
check "the same programs give the same files" diff --recursive "$dir/out" "$dir/again"
check "the compose file is valid" compose_is_valid deploy/compose.yaml daemon bridge
check "the compose file of a cluster is valid" \
    compose_is_valid deploy/compose-cluster.yaml n1 n2 n3 a b c x y
check "there are base images" base_images
check "the daemon's image builds" image daemon
check "the bridge's image builds" image bridge
check "the agent's image builds" image agent
check "the daemon serves in its container" serves daemon 'games connect with'
check "the bridge serves in its container" serves bridge 'the VCMI lobby is open'
check "the agent takes pushes in its container" \
    serves agent 'games push to http://127.0.0.1:8081' --fingerprint "$(printf '%064d' 0)"
