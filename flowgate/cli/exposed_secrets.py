"""Secrets that other users can read, for `status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from flowgate.cli.session import Session


class ExposedSecret(TypedDict):
    """A secret file or folder that others can read: its path, its mode and the mode it should have, both octal."""

    path: str
    mode: str
    wanted: str


def exposed_secrets(session: Session) -> list[ExposedSecret]:
    """Find secret files and folders that other users can read."""
    from flowgate.cli.checks.permissions import exposed

    found = exposed(session.config)
    return [{"path": str(one.path), "mode": f"{one.mode:03o}", "wanted": f"{one.wanted:03o}"} for one in found]
