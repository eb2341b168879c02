#!/usr/bin/env bash
# Writes the manual pages and the shell completions of a program into a directory:
#   deploy/manuals.sh PROGRAM DIRECTORY
# deploy/package.sh and deploy/release.sh use it.
set -euo pipefail
program=$1
directory=$2
name=$(basename "$program")

mkdir -p "$directory"
"$program" man --out "$directory"
"$program" completions bash >"$directory/$name.bash"
"$program" completions zsh >"$directory/_$name"
"$program" completions fish >"$directory/$name.fish"
gzip -9nf "$directory"/*.1
