"""Names of clients."""

from __future__ import annotations

from flowgate.domain import client_keys as records
from flowgate.errors import UsageError


def check_name(name: str) -> None:
    """Refuse a name that no client can have.

    Args:
        name: The name.

    Raises:
        UsageError: It cannot be used.
    """
    if not records.NAME.fullmatch(name):
        wanted = "up to 63 letters, digits, '.', '_', '@' and '-', and begins with a letter or a digit"
        raise UsageError(f"'{name[:80]}' cannot be a client's name: it has {wanted}", fix="inv client.add laptop")
