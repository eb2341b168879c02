#!/usr/bin/env bash
# Builds what a release has for Linux on x86-64: tarballs of the daemon, the bridge, the agent and
# libmetaserve, each with a software bill of materials (SBOM) in CycloneDX format, the Python wheel,
# which has libmetaserve in it, and SHA256SUMS:
#   deploy/release.sh OUT                   compiles, then packs into the directory OUT
#   deploy/release.sh OUT --binaries DIR    packs programs and libraries that are compiled already
# The programs run with glibc 2.17 (2012) and later: any current distribution but those with musl.
# GLIBC=2.28 and the like choose another version. Packing the same programs again gives the same
# files, byte by byte.
#
# Needs binutils and, in PATH:
#   pip install cargo-zigbuild ziglang      a linker and C compiler for old versions of glibc
#   pip install -r metaserve/ffi/python/tools.txt  the wheel
#   cargo install cargo-cyclonedx --locked  the SBOM
set -euo pipefail
out=$(realpath -m "${1:?usage: deploy/release.sh OUT [--binaries DIR]}")
binaries=
[ "${2:-}" != --binaries ] || binaries=$(realpath "${3:?which directory has the programs?}")
cd "$(dirname "$0")/.."
glibc=${GLIBC:-2.17}
target=x86_64-unknown-linux-gnu
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -z "$binaries" ]; then
    # Paths of this machine do not belong into the programs.
    export RUSTFLAGS="--remap-path-prefix=$PWD=metaserve --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
    cargo zigbuild --release --locked --target "$target.$glibc" \
        -p metaserve-daemon -p metaserve-lobby-bridge -p metaserve-agent
    binaries=${CARGO_TARGET_DIR:-target}/$target/release
    # Without the crate type for Rust, there is link-time optimisation.
    cargo-zigbuild rustc --profile library --locked --target "$target.$glibc" \
        -p metaserve-ffi --lib --crate-type cdylib,staticlib
    cp "${CARGO_TARGET_DIR:-target}/$target/library"/libmetaserve_ffi.{a,so} "$binaries/"
fi

# runs_with_old_glibc PROGRAM: fails if it needs a later version than promised.
runs_with_old_glibc() {
    local needed
    needed=$(objdump -T "$1" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1)
    needed=${needed#GLIBC_}
    [ "$(printf '%s\n' "$needed" "$glibc" | sort -V | tail -n 1)" = "$glibc" ] && return
    echo "error: $(basename "$1") needs glibc $needed, which is later than $glibc" >&2
    return 1
}

# cargo-cyclonedx writes next to each Cargo.toml, so it runs in a copy.
copy=$work/copy
mkdir "$copy"
git ls-files -z | tar --create --null --files-from - | tar --extract --directory "$copy"
(cd "$copy" && cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$target" \
    --override-filename sbom)
sed -i "s|file://$copy/|file:///metaserve/|g" \
    "$copy"/{daemon,lobby-bridge,daemon/agent,metaserve/ffi}/sbom.json

mkdir -p "$out"
pack() {
    local package=$1 folder=$2 unit=$3 config=$4 version name
    runs_with_old_glibc "$binaries/$package"
    version=$("$binaries/$package" --version)
    name=$package-${version##* }-$target
    local into=$work/$name
    mkdir "$into"
    strip -o "$into/$package" "$binaries/$package"
    deploy/manuals.sh "$into/$package" "$into/manuals"
    cp LICENSE-APACHE LICENSE-MIT CHANGELOG.md "$config" "$unit.service" "$unit.sysusers" "$into/"
    cp "$copy/$folder/sbom.json" "$into/$package.cdx.json"
    cat >"$into/README.md" <<END
# $version

$package.cdx.json lists everything that is compiled into the program.

    ./$package --help

runs without installation on Linux, x86-64, with glibc $glibc or later. For a service of systemd, copy

* \`$package\` to /usr/bin/,
* \`$(basename "$config")\` to /etc/metaserve/,
* \`$(basename "$unit").sysusers\` to /usr/lib/sysusers.d/$(basename "$unit").conf, and run systemd-sysusers,
* \`$(basename "$unit").service\` to /etc/systemd/system/, and run systemctl enable --now $(basename "$unit").

\`manuals\` has manual pages and completions for bash, zsh and fish.

Documentation: https://github.com/metaserve/metaserve
END
    tar --create --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
        --mtime="@$SOURCE_DATE_EPOCH" --directory "$work" "$name" | gzip -9n >"$out/$name.tar.gz"
    cp "$into/$package.cdx.json" "$out/$name.cdx.json"
    echo "$out/$name.tar.gz"
}
pack metaserve-daemon daemon deploy/systemd/metaserve-daemon deploy/config/daemon.toml
pack metaserve-lobby-bridge lobby-bridge deploy/systemd/metaserve-lobby-bridge deploy/config/bridge.toml
pack metaserve-agent daemon/agent deploy/systemd/metaserve-agent deploy/config/agent.toml

pack_library() {
    local version name
    runs_with_old_glibc "$binaries/libmetaserve_ffi.so"
    version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
    name=libmetaserve-$version-$target
    local into=$work/$name
    DESTDIR=$into metaserve/ffi/install / --built "$binaries"
    # Wherever it is unpacked.
    sed -i 's|^prefix=.*|prefix=${pcfiledir}/../..|' "$into/lib/pkgconfig/metaserve.pc"
    cp LICENSE-APACHE LICENSE-MIT CHANGELOG.md docs/guide/c.md "$into/"
    mkdir "$into/examples"
    cp examples/c/*.c examples/c/*.cpp examples/c/Makefile "$into/examples/"
    cp "$copy/metaserve/ffi/sbom.json" "$into/libmetaserve.cdx.json"
    cat >"$into/README.md" <<END
# libmetaserve $version

For programs in C, C++ and every language that can call C, on Linux, x86-64, with glibc $glibc or later:

    export PKG_CONFIG_PATH=\$PWD/lib/pkgconfig LD_LIBRARY_PATH=\$PWD/lib
    make -C examples

c.md is the guide, include/metaserve.h the interface, and include/metaserve.ffi.h the same for LuaJIT.
libmetaserve.cdx.json lists everything that is compiled into the library.

Documentation: https://github.com/metaserve/metaserve
END
    tar --create --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
        --mtime="@$SOURCE_DATE_EPOCH" --directory "$work" "$name" | gzip -9n >"$out/$name.tar.gz"
    cp "$into/libmetaserve.cdx.json" "$out/$name.cdx.json"
    echo "$out/$name.tar.gz"
}
pack_library
GLIBC=$glibc metaserve/ffi/python/wheel.sh "$out" --library "$binaries/libmetaserve_ffi.so"
(cd "$out" && sha256sum ./*metaserve-*.tar.gz ./*metaserve-*.cdx.json ./metaserve-*.whl | sed 's|\./||' >SHA256SUMS)
