"""bcrypt hashes of the management key."""

from __future__ import annotations

import pytest

from flowgate.embedded_upstream import passwords


def test_a_hash_has_the_real_programs_form_and_matches_only_its_key() -> None:
    hashed = passwords.hash_key("key")
    assert hashed.startswith("$2a$10$")
    assert passwords.is_hash(hashed)
    assert passwords.matches("key", hashed)
    assert not passwords.matches("other", hashed)


def test_only_the_first_72_bytes_of_a_key_count() -> None:
    hashed = passwords.hash_key("é" * 36 + "x")
    assert passwords.matches("é" * 36 + "y", hashed)
    assert not passwords.matches("é" * 35, hashed)


@pytest.mark.parametrize("secret", ["$2a$", "$2a$10$short", "plain"])
def test_an_incomplete_hash_or_another_plain_key_does_not_match(secret: str) -> None:
    assert not passwords.matches("key", secret)
    assert passwords.matches("plain", "plain")
