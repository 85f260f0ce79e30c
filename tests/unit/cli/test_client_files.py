"""`client.add NAME --program P` and its removal: what is written, shown, refused and said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowgate.cli import client_commands, clients
from flowgate.cli.client_plan import How
from flowgate.clients.keys import keys_of
from flowgate.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from flowgate.cli.session import Session
    from tests.conftest import Workspace

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def home(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = place.folder / "home"
    folder.mkdir()
    for name in ("CODEX_HOME", "CLAUDE_CONFIG_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def codex(home: Path) -> Path:
    path = home / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_text('model = "gpt-5" # mine\n')
    path.chmod(0o600)
    return path


def add(program: str = "codex", name: str = "laptop", how: How | None = None, **limits: str) -> int:
    return client_commands.add("", name, limits, program, how or How())


def written_key(path: Path) -> str:
    return path.read_text().partition('experimental_bearer_token = "')[2].partition('"')[0]


def test_the_written_key_is_the_clients_and_is_not_shown(codex: Path, session: Session, capsys: Captured) -> None:
    assert add() == 0
    key = written_key(codex)
    shown = capsys.readouterr()
    assert keys_of(session.config).verify("laptop", key)
    assert keys_of(session.config).read()["laptop"].program == "codex"
    assert key not in shown.out + shown.err
    assert "replaced: model" in shown.err


def test_removal_gives_back_the_file_and_ends_the_key(codex: Path, session: Session, capsys: Captured) -> None:
    add()
    assert client_commands.remove("", "laptop") == 0
    assert codex.read_text() == 'model = "gpt-5" # mine\n'
    assert keys_of(session.config).read() == {}


def test_removal_says_what_is_kept(codex: Path, capsys: Captured) -> None:
    add()
    codex.write_text(codex.read_text().replace("router-", "own-"))
    client_commands.remove("", "laptop")
    assert "kept: model" in capsys.readouterr().err
    assert codex.read_text().startswith('model = "own-')


def test_a_second_add_keeps_the_key(codex: Path, capsys: Captured) -> None:
    add()
    before = codex.read_bytes()
    add()
    assert codex.read_bytes() == before
    assert "= Codex asks this gateway already" in capsys.readouterr().err


def test_a_second_add_keeps_a_typed_model(codex: Path) -> None:
    add(how=How(model="router-cheap"))
    before = codex.read_bytes()
    add()
    assert codex.read_bytes() == before
    assert b"router-cheap" in before


def test_a_lost_key_is_replaced(codex: Path, session: Session, capsys: Captured) -> None:
    add()
    codex.write_text('model = "gpt-5" # mine\n')
    add()
    assert keys_of(session.config).verify("laptop", written_key(codex))
    assert "another key, since its files had none" in capsys.readouterr().err


def test_a_rotated_key_is_written(codex: Path, session: Session, capsys: Captured) -> None:
    add()
    old = written_key(codex)
    client_commands.rotate("", "laptop")
    assert written_key(codex) != old
    assert keys_of(session.config).verify("laptop", written_key(codex))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("how", [How(check=True), How(check=True, diff=True)])
def test_check_changes_nothing(codex: Path, session: Session, capsys: Captured, how: How) -> None:
    add(how=how)
    assert codex.read_text() == 'model = "gpt-5" # mine\n'
    assert keys_of(session.config).read() == {}
    shown = capsys.readouterr().err
    assert "would change" in shown
    assert ("+model_provider" in shown) == how.diff
    assert "fg-" not in shown


def test_a_diff_hides_keys_old_and_new(home: Path, capsys: Captured) -> None:
    path = home / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_text('{"env": {"ANTHROPIC_AUTH_TOKEN": "sk-ant-secret-secret"}}')
    add("claude-code", how=How(diff=True))
    client_commands.remove("", "laptop", diff=True)
    shown = capsys.readouterr().err
    assert "ANTHROPIC_AUTH_TOKEN" in shown
    assert "secret-secret" not in shown
    assert "fg-" not in shown


def test_a_check_of_a_removal_changes_nothing(codex: Path, session: Session, capsys: Captured) -> None:
    add()
    before = codex.read_bytes()
    client_commands.remove("", "laptop", check=True, diff=True)
    assert codex.read_bytes() == before
    assert "laptop" in keys_of(session.config).read()
    assert "would change" in capsys.readouterr().err


def test_a_printed_configuration_has_a_new_key_and_touches_nothing(
    codex: Path, session: Session, capsys: Captured
) -> None:
    add(how=How(print_only=True))
    shown = capsys.readouterr().out
    key = shown.partition('experimental_bearer_token = "')[2].partition('"')[0]
    assert keys_of(session.config).verify("laptop", key)
    assert codex.read_text() == 'model = "gpt-5" # mine\n'


def test_a_program_that_cannot_work_is_refused_and_can_be_printed(home: Path, capsys: Captured) -> None:
    with pytest.raises(UsageError, match="requests come from Cursor's own servers"):
        add("cursor")
    assert add("cursor", how=How(print_only=True)) == 0
    assert "public https address" in capsys.readouterr().out


def test_two_clients_cannot_share_a_file(codex: Path, session: Session) -> None:
    add()
    before = codex.read_bytes()
    with pytest.raises(UsageError, match="is written for the client 'laptop' already"):
        add(name="other")
    assert codex.read_bytes() == before
    assert list(keys_of(session.config).read()) == ["laptop"]


def test_a_client_keeps_its_program(codex: Path) -> None:
    add()
    with pytest.raises(UsageError, match="is for codex, not aider"):
        add("aider")


def test_a_client_with_a_key_of_another_kind_is_not_taken_over(codex: Path) -> None:
    clients.add("", "laptop", {})
    with pytest.raises(UsageError, match="called 'laptop' already"):
        add()


@pytest.mark.parametrize("name", ["../evil", "", "a/b"])
def test_a_name_that_is_a_path_is_refused(codex: Path, name: str) -> None:
    with pytest.raises(UsageError):
        add(name=name)
    with pytest.raises(UsageError):
        client_commands.remove("", name)


def test_an_unknown_program_or_model_is_refused_before_anything_is_made(codex: Path, session: Session) -> None:
    for program, how in (("codx", How()), ("codex", How(model="nothing"))):
        with pytest.raises(UnknownName):
            add(program, how=how)
    assert keys_of(session.config).read() == {}
    assert codex.read_text() == 'model = "gpt-5" # mine\n'


def test_options_of_a_program_need_one(place: Workspace) -> None:
    for how in (How(model="x"), How(print_only=True), How(diff=True)):
        with pytest.raises(UsageError, match="about the configuration of a program"):
            add("", how=how)


def test_limits_typed_again_are_taken_up_and_the_key_stays(codex: Path, session: Session) -> None:
    add(max_parallel="2")
    key = written_key(codex)
    add(max_parallel="5")
    add()
    assert written_key(codex) == key
    assert keys_of(session.config).read()["laptop"].limits.max_parallel == 5


def test_a_file_that_others_can_read_is_named(codex: Path, capsys: Captured) -> None:
    codex.chmod(0o644)
    add()
    assert f"other users can read {codex} (644)" in capsys.readouterr().err


def test_a_file_in_a_repository_is_named(home: Path, capsys: Captured) -> None:
    real = home / "dotfiles" / "config.toml"
    (real.parent / ".git").mkdir(parents=True)
    real.write_text("")
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").symlink_to(real)
    add()
    assert "do not commit the key" in capsys.readouterr().err


def test_an_active_takeover_makes_no_key(codex: Path, session: Session) -> None:
    codex.write_text('experimental_bearer_token = "PROXY_MANAGED"\n')
    with pytest.raises(UsageError, match="managed by cc-switch"):
        add()
    assert keys_of(session.config).read() == {}
