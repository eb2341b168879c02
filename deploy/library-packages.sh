#!/usr/bin/env bash
# Makes the Debian packages of libmetaserve, libmetaserve1.deb for programs and libmetaserve-dev.deb
# for compilers, and prints their paths:
#   deploy/library-packages.sh BUILT VERSION DATE    of the libraries in the directory BUILT
# Needs dpkg-dev and binutils.
set -euo pipefail
built=$(realpath "${1:?usage: deploy/library-packages.sh BUILT VERSION DATE}")
version=${2:?which version?}-1 date=${3:?of which date?}
cd "$(dirname "$0")/.."
architecture=$(dpkg --print-architecture)
libdir=lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

umask 022
DESTDIR=$work/all metaserve/ffi/install /usr --libdir "$libdir" --built "$built"
runtime=$work/libmetaserve1 dev=$work/libmetaserve-dev
mkdir -p "$runtime"/{DEBIAN,"usr/$libdir"} "$dev/DEBIAN"
mv "$work/all/usr/$libdir"/libmetaserve.so.1* "$runtime/usr/$libdir/"
mv "$work/all/usr" "$dev/"
mkdir -p "$dev/usr/share/doc/libmetaserve-dev/examples"
cp examples/c/*.c examples/c/*.cpp examples/c/Makefile "$dev/usr/share/doc/libmetaserve-dev/examples/"
cp docs/guide/c.md "$dev/usr/share/doc/libmetaserve-dev/"

# What the library needs of other packages.
mkdir "$work/debian"
touch "$work/debian/control"
needs=$(cd "$work" && dpkg-shlibdeps -O "$runtime/usr/$libdir"/libmetaserve.so.1.* 2>/dev/null)
echo "libmetaserve 1 libmetaserve1 (>= ${version%-*})" >"$runtime/DEBIAN/shlibs"
echo 'activate-noawait ldconfig' >"$runtime/DEBIAN/triggers"

# pack PACKAGE SECTION DEPENDS < description
pack() {
    local package=$1 doc=$work/$1/usr/share/doc/$1
    mkdir -p "$doc"
    cp deploy/debian/copyright "$doc/"
    gzip -9n <CHANGELOG.md >"$doc/changelog.gz"
    gzip -9n >"$doc/changelog.Debian.gz" <<END
$package ($version) unstable; urgency=medium

  * Release ${version%-*}; changelog.gz lists what is new.

 -- The metaserve developers <metaserve@users.noreply.github.com>  $date
END
    cat >"$work/$package/DEBIAN/control" - <<END
Package: $package
Source: metaserve
Version: $version
Architecture: $architecture
Multi-Arch: same
Maintainer: The metaserve developers <metaserve@users.noreply.github.com>
Installed-Size: $(du -k -s "$work/$package/usr" | cut -f 1)
Section: $2
Priority: optional
Homepage: https://github.com/metaserve/metaserve
Depends: $3
Description: $(cat)
END
    (cd "$work/$package" && find usr -type f -printf '%P\0' | sort -z | (cd usr && xargs -0 md5sum) |
        sed 's#  #  usr/#') >"$work/$package/DEBIAN/md5sums"
    dpkg-deb --root-owner-group --build "$work/$package" "$built/$package.deb" >/dev/null
    echo "$built/$package.deb"
}
pack libmetaserve1 libs "${needs#shlibs:Depends=}" <<'END'
live list of a multiplayer game's servers - shared library
 Puts game servers on the list of a metaserve daemon, and gives game clients the
 live list. Programs poll it; nothing calls back.
END
pack libmetaserve-dev libdevel "libmetaserve1 (= $version)" <<'END'
live list of a multiplayer game's servers - development files
 The headers for C, C++ and LuaJIT, the static library and examples of
 libmetaserve, which puts game servers on the list of a metaserve daemon, and
 gives game clients the live list.
END
