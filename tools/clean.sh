#!/usr/bin/env bash
# Removes the build products of the workspace's own crates. Dependencies, RocksDB's library and what setup installed stay.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/env.sh
crates=$(cargo metadata --no-deps --format-version 1 | python3 -c '
import json, sys
print(" ".join("-p " + package["name"] for package in json.load(sys.stdin)["packages"]))')
# shellcheck disable=SC2086 # a list of options
cargo clean $crates
rm -rf "$CARGO_TARGET_DIR/debug/incremental"
