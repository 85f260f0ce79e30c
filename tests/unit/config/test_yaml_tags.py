"""Tags of YAML that a config cannot use."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.config.loader import read
from flowgate.errors import FlowGateError, MultipleErrors
from flowgate.system import locations


@pytest.mark.parametrize("tag", ["!vault", "!vault-encrypted", "!env", "!ENV", "!secret", "!unsafe", "!x", "!!binary"])
def test_a_tag_is_answered_with_what_to_write_instead(tag: str) -> None:
    with pytest.raises(FlowGateError) as refused:
        read(f"vars:\n  key: {tag} abc\n", Path("/f.yaml"))
    error = refused.value.errors[0] if isinstance(refused.value, MultipleErrors) else refused.value
    assert (error.what, error.place) == (f"the tag '{tag}' is not supported", "/f.yaml:2:8")
    assert error.fix


def test_variables_of_the_config_keep_the_spelling_of_numbers() -> None:
    text = (locations.examples() / "embedded.yaml").read_text() + "vars: { mode: 0755, version: [1.10], plain: 5 }\n"
    found = read(text, Path("/f.yaml")).vars
    assert (str(found["mode"]), str(found["version"]), type(found["plain"])) == ("0755", "[1.10]", int)
