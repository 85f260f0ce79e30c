"""bcrypt hashes of the management key."""

from __future__ import annotations

import hmac
from functools import lru_cache

import bcrypt

PREFIXES = ("$2a$", "$2b$", "$2y$")
COST = 10
LIMIT_BYTES = 72  # bcrypt ignores what follows, and the package refuses longer passwords


def is_hash(text: str) -> bool:
    """Return whether a key is already a bcrypt hash."""
    return text.startswith(PREFIXES)


def hash_key(key: str) -> str:
    """Hash a key with the prefix and the cost that the real program uses."""
    return bcrypt.hashpw(key.encode()[:LIMIT_BYTES], bcrypt.gensalt(COST, prefix=b"2a")).decode()


def matches(key: str, secret: str) -> bool:
    """Compare a key with the configured secret.

    Args:
        key: The key that a client sent.
        secret: A bcrypt hash, or the plain key if the config file could not be rewritten.
    """
    return _matches_hash(key, secret) if is_hash(secret) else hmac.compare_digest(key.encode(), secret.encode())


@lru_cache(maxsize=64)  # one check takes some 50 ms
def _matches_hash(key: str, hashed: str) -> bool:
    try:
        return bcrypt.checkpw(key.encode()[:LIMIT_BYTES], hashed.encode())
    except ValueError:  # not a complete hash
        return False
