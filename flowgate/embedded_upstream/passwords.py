"""bcrypt, from the package of that name where it is installed, else from the system's libcrypt.

Neither is a dependency: without both, a plaintext key stays as it is (in the real program too, where it cannot write).
"""

from __future__ import annotations

import base64
import ctypes
import hmac
import importlib
import os
from functools import lru_cache
from typing import Any

PREFIXES = ("$2a$", "$2b$", "$2y$")
COST = "10"
LIMIT_BYTES = 72
CRYPT_DATA_BYTES = 1 << 18  # more than either libcrypt's `struct crypt_data`
LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2")
STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
BCRYPT = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def is_hash(text: str) -> bool:
    """Say whether a key is a bcrypt hash already."""
    return text.startswith(PREFIXES)


def hash_key(key: str) -> str | None:
    """Hash a key as the real program does; None where this machine has no bcrypt."""
    salt = base64.b64encode(os.urandom(16)).rstrip(b"=").translate(bytes.maketrans(STANDARD, BCRYPT))
    return _crypt(key, f"$2a${COST}${salt.decode()}")


def matches(key: str, hashed: str) -> bool:
    """Compare a key with a hash, or, where the hash could not be made, with the plain key."""
    if not is_hash(hashed):
        return hmac.compare_digest(key.encode(), hashed.encode())
    return _remembered(key, hashed)


@lru_cache(maxsize=64)
def _remembered(key: str, hashed: str) -> bool:
    made = _crypt(key, hashed)
    return made is not None and hmac.compare_digest(made, hashed)


def _crypt(key: str, setting: str) -> str | None:
    word = key.encode()[:LIMIT_BYTES]
    try:
        bcrypt: Any = importlib.import_module("bcrypt")
    except ImportError:
        return _system(word, setting.encode())
    made: bytes = bcrypt.hashpw(word, setting.encode())
    return made.decode()


def _system(word: bytes, setting: bytes) -> str | None:
    for name in LIBRARIES:
        try:
            library: Any = ctypes.CDLL(name)
        except OSError:
            continue
        library.crypt_r.restype = ctypes.c_char_p
        made: bytes | None = library.crypt_r(word, setting, ctypes.create_string_buffer(CRYPT_DATA_BYTES))
        if made and made.startswith(b"$2"):
            return made.decode()
    return None
