"""Finding `ansible-playbook`, and the variables that it runs with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from flowgate.errors import ProgramMissing
from flowgate.system import ansible
from flowgate.system.missing_package import install_command


def test_an_absent_program_is_refused_with_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramMissing, match="ansible-playbook is not installed") as error:
        ansible.find()
    assert (error.value.code, error.value.fix) == (3, install_command("fleet", "ansible-core"))


@pytest.mark.parametrize(("lang", "added"), [("C", True), ("", True), ("de_DE.UTF-8", False), ("C.utf8", False)])
def test_ansible_gets_a_locale_that_it_accepts(lang: str, added: bool) -> None:
    known = {"LANG": lang}
    made = ansible._environment(Path("/r"), "lines", lambda name, default: known.get(name, default))
    assert ("LC_ALL" in made) == added


def test_own_settings_of_ansible_hold() -> None:
    known = {"ANSIBLE_FORKS": "3", "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3"}
    made = ansible._environment(Path("/r"), "lines", lambda name, default: known.get(name, default))
    assert {name: made[name] for name in known} == known
