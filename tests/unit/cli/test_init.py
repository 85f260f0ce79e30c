from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from flowgate.cli import init
from flowgate.cli.checks import example_keys
from flowgate.config.loader import read
from flowgate.errors import UsageError

KEY = re.compile(r"sk-[0-9a-f]{48}")


def test_both_configs_are_private(tmp_path: Path) -> None:
    paths = init.write(tmp_path)
    assert [path.name for path in paths] == ["flowgate.yaml", "cliproxyapi.yaml"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}


def test_every_example_key_is_replaced(tmp_path: Path) -> None:
    text = "".join(path.read_text() for path in init.write(tmp_path))
    assert not any(key in text for key in example_keys.known_keys())
    assert len(set(KEY.findall(text))) == len(example_keys.own_keys())


def test_two_users_get_different_keys(tmp_path: Path) -> None:
    mine, yours = (init.write(tmp_path / name)[1].read_text() for name in ("mine", "yours"))
    assert KEY.findall(mine) != KEY.findall(yours)


def test_the_config_is_valid(tmp_path: Path) -> None:
    config = read((file := init.write(tmp_path / "config")[0]).read_text(), file)
    assert config.paths.runtime_dir == tmp_path / ".router" / "runtime"


@pytest.mark.parametrize("name", init.NAMES)
def test_an_existing_file_is_an_error_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match=f"{name} already exists"):
        init.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_the_command_prints_the_next_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("flowgate.system.locations.checkout", lambda: None)
    monkeypatch.setattr("flowgate.system.locations.examples", lambda: Path(__file__).parents[3] / "config" / "examples")
    monkeypatch.setattr("sys.argv", ["flowgate"])
    monkeypatch.chdir(tmp_path)
    assert init.init() == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [str(tmp_path / "config" / name) for name in init.NAMES]
    assert "flowgate doctor" in printed.err
