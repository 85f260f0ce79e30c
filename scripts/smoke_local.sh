#!/bin/sh
# PROFILE=cost STARTUP_TIMEOUT=60 scripts/smoke_local.sh [CONFIG] [--keep]: runs `flowgate smoke`. Older documentation
# uses this name.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
case "${1:-}" in
    "" | -*) ;;
    *)
        config=$1
        shift
        ;;
esac
set -- smoke ${PROFILE:+--profile "$PROFILE"} ${STARTUP_TIMEOUT:+--startup-timeout "$STARTUP_TIMEOUT"} "$@"
set -- ${config:+--config "$config"} "$@"
if [ -x "$root/.venv/bin/flowgate" ]; then
    exec "$root/.venv/bin/flowgate" "$@"
fi
exec uv run --project "$root" flowgate "$@"
