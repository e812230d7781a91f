#!/usr/bin/env bash
# Runs the workspace's tests with nextest, or with `cargo test` where it is not installed (same tests, poorer reports).
set -euo pipefail
if cargo nextest --version >/dev/null 2>&1; then
  exec cargo nextest run --workspace --profile "${NEXTEST_PROFILE:-default}"
fi
echo "cargo-nextest is not installed: using cargo test. For time limits and better reports: cargo install cargo-nextest --locked"
exec cargo test --workspace --lib --bins --tests -- --test-threads=2
