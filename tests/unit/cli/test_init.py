from __future__ import annotations

import re
import stat
import sys
from pathlib import Path

import pytest

from flowgate.cli import config_place, init, session
from flowgate.cli.checks import example_keys
from flowgate.cli.completion_values import SOUTHBOUND
from flowgate.config.loader import read
from flowgate.errors import UnknownName, UsageError
from flowgate.gateway import cliproxy, upstream_sources
from flowgate.supervisor import daemon_process
from flowgate.system import locations
from tests.unit.cli.terminal import Terminal

KEY = re.compile(r"sk-[0-9a-f]{48}")
NAMES = ("flowgate.yaml", "cliproxyapi.yaml")


def test_both_configs_are_private(tmp_path: Path) -> None:
    paths = init.write(tmp_path)
    assert [path.name for path in paths] == list(NAMES)
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}


def test_every_example_key_is_replaced(tmp_path: Path) -> None:
    text = "".join(path.read_text() for path in init.write(tmp_path))
    assert not any(key in text for key in example_keys.known_keys())
    assert len(set(KEY.findall(text))) == len(example_keys.own_keys())


def test_two_users_get_different_keys(tmp_path: Path) -> None:
    mine, yours = (init.write(tmp_path / name)[1].read_text() for name in ("mine", "yours"))
    assert KEY.findall(mine) != KEY.findall(yours)


SERVICES = {"none": ["litellm"], "embedded": ["litellm", "cliproxyapi_plus"]}


@pytest.mark.parametrize("southbound", init.CHOICES)
def test_each_config_is_valid_and_has_the_chosen_services(tmp_path: Path, southbound: str) -> None:
    config = read((file := init.write(tmp_path / "config", southbound)[0]).read_text(), file)
    assert config.paths.runtime_dir == tmp_path / ".router" / "runtime"
    assert list(config.services) == SERVICES.get(southbound, ["litellm", "cliproxyapi_plus"])
    assert config.notes == ()
    for service in config.services.values():
        assert (config.root / service.args[0]).resolve().parent == tmp_path / ".router" / "runtime" / "bin"


def test_completion_offers_every_choice() -> None:
    assert set(SOUTHBOUND) == set(init.CHOICES)


@pytest.mark.parametrize("name", NAMES)
def test_an_existing_file_is_an_error_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match=f"{name} already exists"):
        init.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder in which `flowgate init` runs, outside of a checkout."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "FLOWGATE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("flowgate.system.locations.checkout", lambda: None)
    monkeypatch.setattr("flowgate.system.locations.examples", lambda: Path(__file__).parents[3] / "config" / "examples")
    monkeypatch.setattr("sys.argv", ["flowgate"])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config_folder() -> Path:
    """Return the platform's config folder of the test's home."""
    folder = locations.config_folder()
    assert folder is not None
    return folder


@pytest.mark.parametrize("program", ["flowgate", "inv"])
@pytest.mark.parametrize("southbound", init.CHOICES)
def test_the_meanings_of_the_next_steps_stand_in_one_column(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], southbound: str, program: str
) -> None:
    monkeypatch.setattr("sys.argv", [program])
    assert init.init(southbound) == 0
    lines = capsys.readouterr().err.partition("next:\n")[2].splitlines()
    starts = {re.split(r"(?<=\S) {2,}", one.strip(), maxsplit=1)[0]: one for one in lines}
    columns = {len(one) - len(re.split(r"(?<=\S) {2,}", one.strip(), maxsplit=1)[1]) for one in lines}
    assert len(columns) == 1, lines
    assert f"{program} {'doctor'}" in starts


def test_the_command_prints_the_next_steps(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init.init() == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [str(config_folder() / name) for name in NAMES]
    assert "flowgate doctor" in printed.err
    assert "--southbound none" in printed.err


def test_the_built_in_source_is_gone_so_the_next_step_is_to_choose_one(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init.init("cliproxyapi-plus") == 0
    first, second = capsys.readouterr().err.partition("next:\n")[2].splitlines()[:2]
    assert "bootstrap sources" in first
    assert "bootstrap download --source NAME" in second


def test_with_a_source_the_next_step_is_the_download(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init.init(source="mainline") == 0
    first, second = capsys.readouterr().err.partition("next:\n")[2].splitlines()[:2]
    assert ("bootstrap download " in first, "auth login" in second) == (True, True)
    assert "sources" not in first


def test_a_gateway_that_runs_with_the_config_before_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runtime = locations.state_folder() / ".router" / "runtime"
    monkeypatch.setattr(daemon_process, "find", lambda asked: asked if asked == runtime else None)
    assert init.init("embedded") == 0
    assert "a gateway runs already" in capsys.readouterr().err


def test_without_an_upstream_the_next_step_is_a_key(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init.init("none") == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [str(config_folder() / "flowgate.yaml")]
    assert "openai-api-key" in printed.err
    assert "bootstrap" not in printed.err


@pytest.mark.parametrize("typed, services", [("1", 1), ("none", 1), (" 2 \n1", 2), ("embedded", 2)])
def test_a_person_at_a_terminal_is_asked(
    home: Path, monkeypatch: pytest.MonkeyPatch, typed: str, services: int
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(f"{typed}\n"))
    assert init.init() == 0
    file = config_folder() / "flowgate.yaml"
    assert len(read(file.read_text(), file).services) == services


@pytest.mark.parametrize("typed", ["", "\n", "0\n", "9\n", "-1\n", "nonne\n", "cliproxyapi_plus\n"])
def test_any_other_answer_writes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    with pytest.raises(UnknownName):
        init.init()
    assert list(home.iterdir()) == []


def test_an_unknown_choice_is_refused(home: Path) -> None:
    with pytest.raises(UnknownName, match="southbound"):
        init.init("cliproxy")
    assert list(home.iterdir()) == []


def test_nobody_is_asked_if_a_config_exists(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config_folder().mkdir(parents=True)
    (config_folder() / "flowgate.yaml").write_text("mine")
    monkeypatch.setattr(sys, "stdin", Terminal("1\n"))
    with pytest.raises(UsageError, match="already exists"):
        init.init()


@pytest.mark.parametrize("source", ["community", "plusplus", "kaitranntt", "mainline"])
def test_a_named_source_is_written_into_the_config(tmp_path: Path, source: str) -> None:
    config = read((file := init.write(tmp_path / "config", init.PLUS, source)[0]).read_text(), file)
    known = upstream_sources.named(source)
    assert (config.bootstrap.repo, config.bootstrap.version) == (known.repo, known.version)


@pytest.mark.parametrize("typed, repo", [("2\nmainline\n", "router-for-me/CLIProxyAPI"), ("2\n2\n", "jc01rho/")])
def test_a_person_is_asked_for_the_source_too(
    home: Path, monkeypatch: pytest.MonkeyPatch, typed: str, repo: str
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    init.init()
    assert f"repo: {repo}" in (config_folder() / "flowgate.yaml").read_text()


@pytest.mark.parametrize("words", [("none", "mainline"), ("embedded", "mainline"), ("", "original"), ("", "main")])
def test_a_source_that_cannot_be_used_is_refused(home: Path, words: tuple[str, str]) -> None:
    with pytest.raises(UsageError):
        init.init(*words)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("southbound", init.CHOICES)
def test_outside_a_checkout_everything_else_goes_into_the_state_folder(home: Path, southbound: str) -> None:
    init.init(southbound)
    config = session.open_session("", quiet=True).config
    router = locations.state_folder() / ".router"
    assert config.file == config_folder() / "flowgate.yaml"
    assert config.paths.runtime_dir == router / "runtime"
    assert {Path(one.args[0]).expanduser().parent for one in config.services.values()} == {router / "runtime" / "bin"}
    assert all(path.is_relative_to(router) for path in config.secret_files)


@pytest.mark.parametrize("name", ["a b", "a, b", "a#b", "a]b", "a: b", "ü", 'a"b'])
def test_a_state_folder_of_any_name_can_be_written_into_a_config(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(home / name))
    init.init("cliproxyapi-plus")
    config = session.open_session("", quiet=True).config
    assert config.paths.log_file == home / name / "flowgate" / ".router" / "logs" / "flowgate.log"
    assert cliproxy.user_config(config) == config_folder() / "cliproxyapi.yaml"


def test_here_means_the_current_folder(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init.init("none", here=True)
    assert capsys.readouterr().out == f"{home / 'config' / 'flowgate.yaml'}\n"
    assert session.open_session("", quiet=True).config.paths.runtime_dir == home / ".router" / "runtime"


def test_a_config_that_commands_prefer_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init.init("none", here=True)
    init.init("none")
    assert f"warning: commands use {home / 'config' / 'flowgate.yaml'} here" in capsys.readouterr().err
    assert config_place.locate_config().value == home / "config" / "flowgate.yaml"


def test_the_config_folder_is_said_to_be_in_use(home: Path) -> None:
    assert "embedded default" in session.open_session("").describe()
    init.init("none")
    assert session.open_session("").describe().endswith("(your config folder; LiteLLM alone, without CLIProxyAPIPlus)")


def test_a_checkout_does_not_use_the_config_folder(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    init.init("none")
    monkeypatch.setattr("flowgate.system.locations.checkout", lambda: tmp_path / "checkout")
    assert config_place.locate_config().value == locations.examples() / "embedded.yaml"


def test_a_relative_folder_in_the_environment_is_ignored(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")
    assert locations.state_folder().is_absolute()
    assert config_folder().is_absolute()
