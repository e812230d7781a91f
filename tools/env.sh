# Where builds find what `make setup` installed. Sourced by the Makefile and by people who call cargo themselves.
ISTHMUS_CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/isthmus"
LIBCLANG_PATH="$(echo "$ISTHMUS_CACHE"/venv/lib/python3*/site-packages/clang/native)"
# bindgen does not know gcc's own headers (stdbool.h).
BINDGEN_EXTRA_CLANG_ARGS="-I$(gcc -print-file-name=include)"
# Outside the checkout, so that what is compiled survives a fresh clone.
CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$ISTHMUS_CACHE/target}"
# RocksDB's C++ is compiled once per version by tools/rocksdb.sh. Left to cargo it is compiled again, 12 minutes each, for every
# set of packages that cargo is called with, because features of its build dependencies differ.
ROCKSDB_VERSION="$(awk '/^name = "librocksdb-sys"/ { getline; gsub(/"/, "", $3); print $3 }' "$(dirname "${BASH_SOURCE[0]}")/../Cargo.lock")"
ROCKSDB_LIB_DIR="$ISTHMUS_CACHE/rocksdb-$ROCKSDB_VERSION"
ROCKSDB_STATIC=1
export ISTHMUS_CACHE LIBCLANG_PATH BINDGEN_EXTRA_CLANG_ARGS CARGO_TARGET_DIR ROCKSDB_LIB_DIR ROCKSDB_STATIC
