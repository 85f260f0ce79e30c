"""`import_auth` writes another program's login as an account, or changes nothing."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flowgate.domain import Change, Result
from flowgate.errors import CheckFailed, FlowGateError, UsageError
from flowgate.steps.import_auth import import_auth
from tests.unit.accounts.test_token_files import codex_file, jwt
from tests.unit.steps.conftest import Stage


def later(days: float) -> int:
    return int((datetime.now(UTC) + timedelta(days=days)).timestamp())


def given(stage: Stage, days: float = 8, **more: Any) -> Path:
    """Write a login of Codex."""
    path = stage.folder / "codex" / "auth.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(codex_file(access_token=jwt(exp=later(days)), **more)))
    return path


def apply(stage: Stage, **more: Any) -> dict[str, Any]:
    found = import_auth(stage.context().read_only(), "codex", **more)
    assert isinstance(found, Change)
    return dict(found.apply(stage.context()))


def test_the_account_file_is_private_and_complete(stage: Stage) -> None:
    path = Path(apply(stage, source=str(given(stage)))["path"])
    assert path == stage.folder / ".router" / "auths" / "codex-me@example.com-plus.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert json.loads(path.read_text())["refresh_token"] == "rt-1"
    assert any("works once" in text for text in stage.messages)


def test_a_second_import_changes_nothing_even_if_the_server_rewrote_the_file(stage: Stage) -> None:
    source = str(given(stage))
    path = Path(apply(stage, source=source)["path"])
    path.write_text(json.dumps({**json.loads(path.read_text()), "disabled": False}, separators=(",", ":")))
    found = import_auth(stage.context().read_only(), "codex", source=source)
    assert isinstance(found, Result)
    assert found.status == "unchanged"


def test_a_borrowed_login_has_no_refresh_token_and_its_expiry_is_shown(stage: Stage) -> None:
    path = Path(apply(stage, source=str(given(stage)), borrow=True)["path"])
    assert "refresh_token" not in json.loads(path.read_text())
    assert any(text.startswith("this copy works until ") for text in stage.messages)


def test_the_programs_own_variable_changes_the_usual_place(stage: Stage) -> None:
    stage.environment["CODEX_HOME"] = str(given(stage).parent)
    assert apply(stage)["label"] == "me@example.com"


def test_another_auth_folder_can_be_named(stage: Stage) -> None:
    elsewhere = stage.folder / "elsewhere"
    assert apply(stage, source=str(given(stage)), dest_dir=str(elsewhere))["path"].startswith(str(elsewhere))


def test_newer_tokens_are_not_overwritten(stage: Stage) -> None:
    path = Path(apply(stage, source=str(given(stage, days=9)))["path"])
    before = path.read_text()
    with pytest.raises(CheckFailed, match="was refreshed since"):
        import_auth(stage.context().read_only(), "codex", source=str(given(stage, days=4)))
    assert path.read_text() == before


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"tokens": {"access_token": "x"}}', "\x00\x01", "nul"])
def test_an_invalid_file_is_refused_and_nothing_is_written(stage: Stage, text: str) -> None:
    path = given(stage)
    path.write_text(text)
    with pytest.raises(UsageError) as refused:
        import_auth(stage.context().read_only(), "codex", source=str(path))
    assert refused.value.place == str(path)
    assert not (stage.folder / ".router" / "auths").exists()


def test_an_expired_login_without_a_refresh_token_is_refused(stage: Stage) -> None:
    source = str(given(stage, days=-1))
    with pytest.raises(CheckFailed, match="this login expired"):
        import_auth(stage.context().read_only(), "codex", source=source, borrow=True)


def test_a_missing_file_and_an_unknown_provider_are_errors(stage: Stage) -> None:
    with pytest.raises(UsageError, match="no login of Codex at"):
        import_auth(stage.context().read_only(), "codex", source=str(stage.folder / "none"))
    with pytest.raises(FlowGateError, match="no import is called 'qwen'"):
        import_auth(stage.context().read_only(), "qwen")


def test_claude_code_is_imported_with_the_email_of_its_second_file(stage: Stage) -> None:
    home = stage.folder / "home" / ".claude"
    home.mkdir(parents=True)
    held = {"accessToken": "sk-ant-oat01-x", "refreshToken": "r", "expiresAt": later(1) * 1000}
    (home / ".credentials.json").write_text(json.dumps({"claudeAiOauth": held}))
    (home.parent / ".claude.json").write_text(json.dumps({"oauthAccount": {"emailAddress": "me@example.com"}}))
    found = import_auth(stage.context().read_only(), "claude", source=str(home / ".credentials.json"))
    assert isinstance(found, Change)
    assert found.apply(stage.context())["name"] == "claude-me@example.com.json"


def test_a_second_account_updates_the_upstream_config_in_place(stage: Stage) -> None:
    stage.prepared()
    config = stage.runtime / "cliproxyapi.yaml"
    apply(stage, source=str(given(stage)))
    before, inode = config.read_text(), config.stat().st_ino
    (stage.folder / ".router" / "auths" / "codex-other.json").write_text('{"type": "codex"}')
    apply(stage, source=str(given(stage, days=9)))
    assert ("disable-cooling: true" in before, "disable-cooling: false" in config.read_text()) == (True, True)
    assert config.stat().st_ino == inode
    assert any("updated cliproxyapi.yaml" in line for line in stage.messages)


def test_before_the_first_render_an_import_writes_only_the_account(stage: Stage) -> None:
    apply(stage, source=str(given(stage)))
    assert not (stage.runtime / "cliproxyapi.yaml").exists()
