#!/usr/bin/env bash
# Installs what the build needs and says what it installs. Finds everything in place: a second.
#   system   C and C++ compiler, make, git, python3-venv (apt; sudo only when not root)
#   Rust     the toolchain that rust-toolchain.toml pins, with clippy and rustfmt (rustup)
#   Python   libclang, for RocksDB's bindings, in a virtual environment in the per-user cache (pip)
#   RocksDB  its C++, compiled once per version into the per-user cache (12 minutes on 2 cores)
#   Node     forge, anvil, solc and OpenZeppelin in contracts/, buf in tools/ (npm, versions pinned)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

LIBCLANG=18.1.1
NODE_MAJOR=20
cache="${XDG_CACHE_HOME:-$HOME/.cache}/isthmus"
say "checking compiler, Rust, libclang and node packages; installs what is missing (15 minutes the first time, most of it for RocksDB)"

install_system_packages() {
  local packages="build-essential git python3-venv"
  command -v apt-get >/dev/null || die "missing: $1. Install a C++ compiler, make, git and python3 with venv, then run this again"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "missing: $1. As root: apt-get install $packages"
    as_root=(sudo)
  fi
  say "missing: $1; installing $packages with apt"
  # shellcheck disable=SC2086 # a list of packages
  "${as_root[@]}" apt-get install -y -q $packages </dev/null >/dev/null || {
    "${as_root[@]}" apt-get update -q </dev/null >/dev/null
    "${as_root[@]}" apt-get install -y -q $packages </dev/null
  }
}

missing=""
for tool in gcc g++ make git python3; do command -v "$tool" >/dev/null || missing="$missing $tool"; done
python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
[ -z "$missing" ] || install_system_packages "${missing# }"

command -v cargo >/dev/null || die "cargo is missing: install rustup (https://rustup.rs), then run this again"
if ! { cargo clippy --version && cargo fmt --version; } >/dev/null 2>&1; then
  channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
  say "installing Rust $channel with clippy and rustfmt"
  rustup toolchain install "$channel" --profile minimal --component clippy --component rustfmt
fi

node_major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
[ "$node_major" -ge "$NODE_MAJOR" ] || die "node $NODE_MAJOR or newer is needed, found $(node --version 2>/dev/null || echo none): https://nodejs.org"
command -v npm >/dev/null || die "npm is missing: it comes with node, see https://nodejs.org"

if ! ls "$cache"/venv/lib/python3*/site-packages/clang/native/libclang.so >/dev/null 2>&1; then
  say "installing libclang $LIBCLANG into $cache/venv"
  mkdir -p "$cache"
  python3 -m venv --clear "$cache/venv"
  "$cache/venv/bin/pip" install --quiet --disable-pip-version-check "libclang==$LIBCLANG"
fi

# A copy of the lock file inside node_modules says what is installed; file times do not survive a checkout.
for dir in contracts tools; do
  cmp -s "$dir/package-lock.json" "$dir/node_modules/.installed-lock.json" && continue
  say "installing the node packages of $dir/"
  (cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
  cp "$dir/package-lock.json" "$dir/node_modules/.installed-lock.json"
done

tools/rocksdb.sh
say "ready"
