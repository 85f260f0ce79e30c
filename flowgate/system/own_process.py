"""This process: its user and its variables."""

from __future__ import annotations

import os


def own_variables() -> dict[str, str]:
    """Return the environment variables of this process."""
    return dict(os.environ)


def own_uid() -> int:
    """Return the number of the user who runs this process."""
    return os.getuid()


def own_user() -> str:
    """Return the name of the user who runs this process; the number if it has none."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
