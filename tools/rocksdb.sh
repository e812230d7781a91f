#!/usr/bin/env bash
# Compiles RocksDB's C++ once per version into the per-user cache, where tools/env.sh points cargo to. 12 minutes the first time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/env.sh
if [ -f "$ROCKSDB_LIB_DIR/librocksdb.a" ]; then
  exit 0
fi
echo "rocksdb: compiling librocksdb-sys $ROCKSDB_VERSION into $ROCKSDB_LIB_DIR (about 12 minutes on 2 cores, once)"
build="$ISTHMUS_CACHE/rocksdb-build"
env -u ROCKSDB_LIB_DIR -u ROCKSDB_STATIC CARGO_TARGET_DIR="$build" cargo build --locked -p rocksdb
archive="$(ls -t "$build"/debug/build/librocksdb-sys-*/out/librocksdb.a | head -1)"
mkdir -p "$ROCKSDB_LIB_DIR"
# Copied beside and renamed, so that an interrupted run leaves nothing that looks whole.
cp "$archive" "$ROCKSDB_LIB_DIR/librocksdb.a.part"
mv "$ROCKSDB_LIB_DIR/librocksdb.a.part" "$ROCKSDB_LIB_DIR/librocksdb.a"
rm -rf "$build"
echo "rocksdb: done"
