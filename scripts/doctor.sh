#!/bin/sh
# scripts/doctor.sh [CONFIG] [--fix] [--json]: runs `flowgate doctor`. Older documentation uses this name.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
case "${1:-}" in
    "" | -*) ;;
    *)
        config=$1
        shift
        ;;
esac
set -- ${config:+--config "$config"} doctor "$@"
if [ -x "$root/.venv/bin/flowgate" ]; then
    exec "$root/.venv/bin/flowgate" "$@"
fi
exec uv run --project "$root" flowgate "$@"
