#!/usr/bin/env bash
# Coverage-guided fuzzing of every target, or of those named: tools/fuzz.sh SECONDS [TARGET…]
# The stable compiler suffices: instrumentation is an LLVM pass, and libFuzzer comes as a crate. Own target folder, because
# instrumented crates are other crates. New inputs go to fuzz/corpus/TARGET: look at them, commit the small ones; one that
# fails is kept in fuzz/findings and its path is printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/env.sh
seconds="${1:?seconds per target}"
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls fuzz/corpus)

export CARGO_TARGET_DIR="$ISTHMUS_CACHE/target-fuzz"
host=$(rustc -vV | sed -n 's/^host: //p')
# Named by --target, so that build scripts and macros are not instrumented.
RUSTFLAGS="--cfg fuzzing -C passes=sancov-module -C llvm-args=-sanitizer-coverage-level=4 -C llvm-args=-sanitizer-coverage-inline-8bit-counters -C llvm-args=-sanitizer-coverage-pc-table -C debug-assertions" \
  cargo build --quiet --manifest-path fuzz/coverage/Cargo.toml --target "$host"
mkdir -p fuzz/findings
for target in "${targets[@]}"; do
  echo "fuzz: $target for $seconds s"
  # A new input is kept under the hash of its content; those longer than the longest seed are not worth their room.
  ISTHMUS_FUZZ_TARGET="$target" "$CARGO_TARGET_DIR/$host/debug/isthmus-fuzz-coverage" \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -verbosity=0 -print_final_stats=1 \
    -artifact_prefix="fuzz/findings/$target-" "fuzz/corpus/$target" 2>&1 |
    grep -v -E '^(INFO|stat::(slowest|peak|new_units))|^$' || [ "${PIPESTATUS[0]}" -eq 0 ]
done
echo "fuzz: nothing found"
