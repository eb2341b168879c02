#!/usr/bin/env bash
# Makes the Debian packages of the daemon and the bridge, for the Debian release that it runs on,
# and prints their paths. `deploy/package.sh dev` makes them of the development profile, quickly,
# to try them. Needs cargo-deb: cargo install cargo-deb --locked
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${1:-release}
target=${CARGO_TARGET_DIR:-target}
built=$target/$([ "$profile" = dev ] && echo debug || echo "$profile")

cargo build -q --locked --profile "$profile" -p metaserve-daemon -p metaserve-lobby-bridge
pages=$built/package
rm -rf "$pages"
mkdir -p "$pages"
daemon=$built/metaserve-daemon
"$daemon" man --out "$pages"
"$daemon" completions bash >"$pages/metaserve-daemon.bash"
"$daemon" completions zsh >"$pages/_metaserve-daemon"
"$daemon" completions fish >"$pages/metaserve-daemon.fish"
bridge=$built/metaserve-lobby-bridge
"$bridge" man --out "$pages"
"$bridge" completions bash >"$pages/metaserve-lobby-bridge.bash"
"$bridge" completions zsh >"$pages/_metaserve-lobby-bridge"
"$bridge" completions fish >"$pages/metaserve-lobby-bridge.fish"
gzip -9n "$pages"/*.1

# Debian's own changelog says which release this is; what is new is in changelog.gz beside it.
version=$("$daemon" --version)
version=${version##* }
date=$(date --rfc-email --utc --date "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}")
for package in metaserve-daemon metaserve-lobby-bridge; do
    gzip -9n >"$pages/$package.changelog.gz" <<END
$package ($version-1) unstable; urgency=medium

  * Release $version; changelog.gz says what is new.

 -- The metaserve developers <metaserve@users.noreply.github.com>  $date
END
    cargo deb -q --locked --no-build --strip --profile "$profile" -p "$package" \
        --output "$built/$package.deb"
done
