#!/bin/sh
# scripts/security_check.sh [--json]: `flowgate security check`, under the name that older documentation uses.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
set -- security check "$@"
if [ -x "$root/.venv/bin/flowgate" ]; then
    exec "$root/.venv/bin/flowgate" "$@"
fi
exec uv run --project "$root" flowgate "$@"
