# Where builds find what `make setup` installed. Sourced by the Makefile and by people who call cargo themselves.
ISTHMUS_CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/isthmus"
LIBCLANG_PATH="$(echo "$ISTHMUS_CACHE"/venv/lib/python3*/site-packages/clang/native)"
# bindgen does not know gcc's own headers (stdbool.h).
BINDGEN_EXTRA_CLANG_ARGS="-I$(gcc -print-file-name=include)"
# Outside the checkout, so that RocksDB's C++ (12 minutes) survives a fresh clone.
CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$ISTHMUS_CACHE/target}"
export ISTHMUS_CACHE LIBCLANG_PATH BINDGEN_EXTRA_CLANG_ARGS CARGO_TARGET_DIR
