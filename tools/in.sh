#!/usr/bin/env bash
# tools/in.sh DIR COMMAND… runs COMMAND in DIR (of this repository).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../$1"
shift
exec "$@"
