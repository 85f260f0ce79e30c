"""The Ansible collection: every step is a module, which Ansible itself reads."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from flowgate.cli import export_ansible, step_catalog
from flowgate.errors import UsageError
from flowgate.export import ansible
from flowgate.playbook import builtin
from tests.conformance.theirs import with_ansible

NO_LINTER = pytest.mark.skipif(
    find_spec("ansiblelint") is None, reason="ansible-lint is not installed: uv sync --group conformance"
)
STEPS = sorted(set(step_catalog.shipped().names()) - builtin.STEPS.keys())


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collections")
    assert export_ansible.export(str(folder), check=False, diff=False) == 0
    return folder


def run(program: str, folder: Path, *words: str) -> str:
    """Run one of Ansible's programs with the exported collection."""
    known = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(folder), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "ansible", program, *words],
        env={**known, "ANSIBLE_COLLECTIONS_PATH": str(folder), "ANSIBLE_LOCALHOST_WARNING": "0"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_host_that_was_told_before_and_has_not_noticed_is_told_again(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The module that told it may have been cut off with its connection."""
    told, results = tmp_path / "told", list[dict[str, Any]]()
    told.touch()
    module = SimpleNamespace(check_mode=False, params={"timeout": 0.1})
    used = SimpleNamespace(
        module_of=lambda _: module,
        interrupt_file=lambda: str(told),
        finish=lambda _, result: results.append(result),
    )
    monkeypatch.setitem(sys.modules, "ansible_collections.flowgate.gateway.plugins.module_utils.flowgate", used)
    runpy.run_path(str(exported / ansible.ROOT / "plugins" / "modules" / "interrupt.py"), run_name="__main__")
    assert [(one["code"], one["noticed"]) for one in results] == [(0, False)]
    assert not told.exists()


@with_ansible
def test_ansible_reads_the_documentation_of_every_module(exported: Path) -> None:
    names = [f"flowgate.gateway.{name}" for name in (*STEPS, "play", "health", "status", "interrupt")]
    found: dict[str, Any] = json.loads(run("doc", exported, "-t", "module", "--json", *names))
    assert set(found) == set(names)
    for name in STEPS:
        options = found[f"flowgate.gateway.{name}"]["doc"]["options"]
        params = step_catalog.shipped().find(name).params
        assert set(options) == {*params, "flowgate_program", "flowgate_config"}
        assert {one for one in params if params[one].required} == {
            one for one in params if options[one].get("required")
        }


@with_ansible
@pytest.mark.parametrize("role", ansible.ROLES)
def test_every_role_is_a_role(exported: Path, role: str) -> None:
    book = exported / f"{role}.yml"
    book.write_text(yaml.safe_dump([{"hosts": "localhost", "roles": [f"flowgate.gateway.{role}"]}]))
    run("playbook", exported, "--syntax-check", "-i", "localhost,", str(book))


def lint(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ansible-lint in the exported collection, with the rules that are exported too."""
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    known = {"PATH": programs, "LANG": "C.UTF-8", "HOME": str(folder), "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "ansiblelint", "--offline", "--strict", "--profile", "production", *words],
        env={**known, "ANSIBLE_COLLECTIONS_PATH": str(folder)},
        cwd=folder / ansible.ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@NO_LINTER
def test_the_linter_finds_nothing(exported: Path) -> None:
    done = lint(exported)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failure(s), 0 warning(s)" in done.stderr


@NO_LINTER
def test_the_linter_finds_a_task_without_a_name(exported: Path, tmp_path: Path) -> None:
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    role = Path("roles/rollback/tasks/main.yml")
    own = tmp_path / ansible.ROOT / role
    own.write_text(own.read_text() + "- flowgate.gateway.health:\n")
    done = lint(tmp_path, str(role))
    assert done.returncode == 2
    assert "name[missing]" in done.stdout


def test_a_second_export_changes_nothing(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export_ansible.export(str(exported), check=True, diff=True)
    assert "unchanged" in capsys.readouterr().err


def test_check_mode_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export_ansible.export(str(tmp_path / "out"), check=True, diff=False)
    assert "would be created" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_file_that_was_edited_is_not_overwritten(tmp_path: Path) -> None:
    export_ansible.export(str(tmp_path), check=False, diff=False)
    edited = tmp_path / ansible.ROOT / "plugins" / "modules" / "smoke.py"
    edited.write_text("mine\n")
    with pytest.raises(UsageError, match="edited by hand"):
        export_ansible.export(str(tmp_path), check=False, diff=False)
    assert edited.read_text() == "mine\n"


def test_the_folder_must_be_named() -> None:
    with pytest.raises(UsageError, match="--to is missing"):
        export_ansible.export("", check=False, diff=False)
