"""Open the config for a command that changes nothing."""

from __future__ import annotations

from flowgate.cli.session import Session, open_session
from flowgate.errors import UsageError


def open_to_read(typed: str, *, quiet: bool = False) -> Session:
    """Open the config in use; if it is wrong, the one that serves.

    Args:
        typed: Path after `--config`; empty to search for the config.
        quiet: Do not print what was migrated, nor that the config in use is wrong.

    Raises:
        UsageError: The config in use is wrong, and nothing serves that was started with it.
    """
    try:
        return open_session(typed, quiet=quiet)
    except UsageError as error:
        from flowgate.cli import refused_config

        found = refused_config.serving_instead(typed, error)
        if found is None:
            raise
        if not quiet:
            refused_config.print_replaced(found[1])
        return found[0]
