# Sourced. `step WHAT COMMAND…` says what runs, runs it, and says how long it took or how to run it by hand.
step() {
  local what=$1 start=$SECONDS
  shift
  printf '\n==> %s\n' "$what"
  if "$@"; then
    printf '    %s: done in %d s\n' "$what" "$((SECONDS - start))"
  else
    printf '\n==> FAILED after %d s: %s\n    by hand: . tools/env.sh; %s\n' "$((SECONDS - start))" "$what" "$*" >&2
    return 1
  fi
}
