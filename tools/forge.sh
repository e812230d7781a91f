#!/usr/bin/env bash
# Runs forge in contracts/: the binary itself, because npm's launcher ends with 0 when forge ended with 1 over gas figures.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../contracts"
exec node_modules/@foundry-rs/forge-*/bin/forge "$@"
