#!/usr/bin/env bash
# Builds the Debian packages of the daemon, the bridge, the agent and libmetaserve for the Debian
# release that it runs on, and prints their paths. `deploy/package.sh dev` uses the development profile, which compiles
# faster, to try the packages. Needs cargo-deb: cargo install cargo-deb --locked
set -euo pipefail
cd "$(dirname "$0")/.."
packages=(metaserve-daemon metaserve-lobby-bridge metaserve-agent)
profile=${1:-release}
target=${CARGO_TARGET_DIR:-target}
built=$target/$([ "$profile" = dev ] && echo debug || echo "$profile")

cargo build -q --locked --profile "$profile" "${packages[@]/#/--package=}"
pages=$built/package
rm -rf "$pages"
for package in "${packages[@]}"; do
    deploy/manuals.sh "$built/$package" "$pages"
done

# Debian's own changelog names the release; changelog.gz beside it lists what is new.
version=$("$built/metaserve-daemon" --version)
version=${version##* }
date=$(date --rfc-email --utc --date "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}")
for package in "${packages[@]}"; do
    gzip -9n >"$pages/$package.changelog.gz" <<END
$package ($version-1) unstable; urgency=medium

  * Release $version; changelog.gz lists what is new.

 -- The metaserve developers <metaserve@users.noreply.github.com>  $date
END
    cargo deb -q --locked --no-build --strip --profile "$profile" -p "$package" \
        --output "$built/$package.deb"
done

# The library has a profile of its own, unless everything is to be built fast.
library=$([ "$profile" = dev ] && echo dev || echo library)
cargo rustc -q --locked -p metaserve-ffi --lib --profile "$library" --crate-type cdylib,staticlib
deploy/library-packages.sh "$target/$([ "$library" = dev ] && echo debug || echo library)" \
    "$version" "$date"
