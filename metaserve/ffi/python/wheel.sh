#!/usr/bin/env bash
# Builds the Python wheel, which has the C library in it, and prints its path:
#   metaserve/ffi/python/wheel.sh OUT                  compiles the library for old versions of glibc
#   metaserve/ffi/python/wheel.sh OUT --library FILE   packs a library that is compiled already
# auditwheel looks at what the library needs and gives the wheel the platform tag that is true. With
# `cargo zigbuild` that is manylinux_2_17 (2012 and later). GLIBC=2.28 and the like choose another one,
# and refuse a library that needs a later glibc. The wheel is for the processor of this machine.
# Packing the same library again gives the same file, byte by byte.
#
# Needs python3, binutils, git unless SOURCE_DATE_EPOCH is set and, in PATH:
#   pip install -r metaserve/ffi/python/tools.txt   the wheel and its tag
#   pip install cargo-zigbuild ziglang              a linker and C compiler for old versions of glibc
set -euo pipefail
out=$(realpath -m "${1:?usage: metaserve/ffi/python/wheel.sh OUT [--library FILE]}")
library=
[ "${2:-}" != --library ] || library=$(realpath "${3:?which file is the library?}")
here=$(realpath "$(dirname "$0")")
cd "$here/../../.."
[ -n "${SOURCE_DATE_EPOCH:-}" ] || SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -z "$library" ]; then
    GLIBC=${GLIBC:-2.17}
    target=$(uname -m)-unknown-linux-gnu
    # Paths of this machine do not belong into the library. Without the crate type for Rust, there is
    # link-time optimisation.
    RUSTFLAGS="--remap-path-prefix=$PWD=metaserve --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo" \
        cargo-zigbuild rustc --profile library --locked --target "$target.$GLIBC" \
            -p metaserve-ffi --lib --crate-type cdylib >&2
    library=${CARGO_TARGET_DIR:-target}/$target/library/libmetaserve_ffi.so
fi

# In a copy of what belongs into it: setuptools writes next to the sources.
mkdir -p "$work/package/src/metaserve"
cp -L "$here"/{pyproject.toml,setup.py,README.md,LICENSE-APACHE,LICENSE-MIT} "$work/package/"
cp "$here"/src/metaserve/{*.py,py.typed} "$work/package/src/metaserve/"
strip -o "$work/package/src/metaserve/libmetaserve.so.1" "$library"
chmod 644 "$work/package/src/metaserve/libmetaserve.so.1"
python3 -m build --wheel --outdir "$work/built" "$work/package" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
mkdir -p "$out"
platform=()
[ -z "${GLIBC:-}" ] || platform=(--plat "manylinux_${GLIBC/./_}_$(uname -m)")
auditwheel repair "${platform[@]}" --wheel-dir "$work/repaired" "$work"/built/*.whl >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
name=$(basename "$work"/repaired/*.whl)
cp "$work/repaired/$name" "$out/"
echo "$out/$name"
