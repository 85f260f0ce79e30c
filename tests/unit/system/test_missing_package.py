"""The command that installs a missing package works in a checkout and with an installed wheel."""

from __future__ import annotations

import importlib.util
import shlex
import sys
import tomllib
from pathlib import Path

import pytest

from flowgate.system import installed, locations, missing_package
from flowgate.system.missing_package import install_command, uninstall_command

ROOT = Path(__file__).parents[3]
METADATA = [
    "litellm[proxy]<1.109,>=1.108.7; extra == 'runtime'",
    "mcp<3,>=2.3; extra == 'runtime'",
    "ansible-core<2.20,>=2.19; extra == 'fleet'",
    "invoke<4,>=3.0.3",
    "not a requirement",
]


@pytest.fixture
def wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """FlowGate is an installed wheel, in an environment without pip."""
    monkeypatch.setattr(locations, "checkout", lambda: None)
    monkeypatch.setattr(installed, "requirements", lambda _name: METADATA)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)


@pytest.mark.parametrize(
    ("extra", "package", "command"),
    [
        ("runtime", "mcp", "uv sync --locked"),
        ("fleet", "ansible-core", "uv sync --locked --inexact --extra fleet"),
    ],
)
def test_in_a_checkout_uv_installs_it_from_the_lock_file(
    extra: str, package: str, command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT / "docs")
    assert install_command(extra, package) == command
    monkeypatch.chdir(tmp_path)
    assert install_command(extra, package) == command.replace("sync", f"sync --project {ROOT}")


@pytest.mark.usefixtures("wheel")
@pytest.mark.parametrize(
    ("extra", "package", "wanted"),
    [
        ("runtime", "litellm", "litellm[proxy]<1.109,>=1.108.7"),
        ("runtime", "mcp", "mcp<3,>=2.3"),
        ("fleet", "ansible-core", "ansible-core<2.20,>=2.19"),
        ("fleet", "mcp", "mcp"),
        ("runtime", "invoke", "invoke"),
    ],
)
def test_with_a_wheel_the_package_is_named_as_the_metadata_requires_it(extra: str, package: str, wanted: str) -> None:
    words = shlex.split(install_command(extra, package))
    assert words == ["uv", "pip", "install", "--python", sys.executable, wanted]


@pytest.mark.usefixtures("wheel")
def test_pip_is_named_where_the_environment_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    assert shlex.split(install_command("runtime", "mcp"))[:4] == [sys.executable, "-m", "pip", "install"]
    assert shlex.split(uninstall_command()) == [sys.executable, "-m", "pip", "uninstall", "flowgate-llm"]


@pytest.mark.usefixtures("wheel")
@pytest.mark.parametrize(
    ("prefix", "command"),
    [("/home/a/.local/share/uv/tools/flowgate-llm", "uv tool uninstall"), ("/opt/flowgate", "uv pip uninstall")],
)
def test_flowgate_is_removed_by_what_installed_it(prefix: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", prefix)
    assert uninstall_command().startswith(command)


def test_no_command_names_flowgate_as_a_package_of_an_index() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for path in sorted((ROOT / "flowgate").rglob("*")):
        if path.suffix in {".py", ".yml", ".md", ".template"}:
            text = path.read_text(encoding="utf-8")
            assert not [extra for extra in extras if f"{missing_package.DISTRIBUTION}[{extra}]" in text], path
