from __future__ import annotations

import pytest

from flowgate.cli.known_secrets import mask
from tests.unit.cli.sessions import SessionFactory, put


@pytest.mark.parametrize("secret", ["Zq8-plain-value", "p@ss word/1", "in-a-file-77", "from-env-12"])
def test_known_values_are_masked_wherever_they_are(new_session: SessionFactory, secret: str) -> None:
    one = new_session(
        ("os.environ/SPARE_KEY", '"Zq8-plain-value"'),
        environment={"DB_PASSWORD": "p@ss word/1", "A_TOKEN": "from-env-12"},
    )
    put(one.config.root / ".router" / "secrets" / "own", "in-a-file-77\n")
    assert secret not in mask(one)(f"it said: {secret}, twice {secret}")


def test_references_and_ordinary_words_stay(new_session: SessionFactory) -> None:
    one = new_session(environment={"HOME": "/home/somebody", "SHELL": "/bin/bash"})
    text = "api_base in /home/somebody uses os.environ/FIRST_KEY"
    assert mask(one)(text) == text
