#!/bin/sh
# scripts/security_check.sh [--json]: runs `flowgate security check`. Older documentation uses this name.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
set -- security check "$@"
if [ -x "$root/.venv/bin/flowgate" ]; then
    exec "$root/.venv/bin/flowgate" "$@"
fi
exec uv run --project "$root" flowgate "$@"
